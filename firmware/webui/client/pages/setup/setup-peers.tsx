import { CopyButton } from '../../parts/copy-button.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Form, TextField } from '../../parts/form.tsx';
import { Notice } from '../../parts/notice.tsx';
import { State } from '../../parts/state.tsx';
import { put } from '../../settings/document.ts';
import { changeSettings } from '../../settings/settings-change.tsx';
import { texts } from '../../texts.ts';
import { tunnelCondition, tunnelMarks } from '../../tunnel-state.ts';
import { useBox } from '../../use-box.ts';
import { usePeerForm } from '../overlay/use-peer-form.ts';
import { firstOwnUri } from './setup-steps.ts';

const text = texts.setup;
const words = text.peers;

export function Peers({ onNext }: { onNext: () => void }) {
  const { status } = useBox();
  const { tunnels } = status;
  return (
    <>
      <Own />
      {tunnels.length > 0 && (
        <ul class="checks">
          {tunnels.map((tunnel) => {
            const condition = tunnelCondition(tunnel);
            return (
              <li key={tunnel.hit}>
                <bdi>{tunnel.peer}</bdi>
                <State mark={tunnelMarks[condition]} word={texts.overlay.state[condition]} />
              </li>
            );
          })}
        </ul>
      )}
      <NewPeer />
      <div class="actions">
        <button type="button" class={tunnels.length > 0 ? 'main' : 'plain'} onClick={onNext}>
          {tunnels.length > 0 ? text.next : text.skip}
        </button>
      </div>
    </>
  );
}

/** What the other side needs, to be sent there. */
function Own() {
  const { status } = useBox();
  const uri = firstOwnUri(status);
  if (status.identity.hit === null) return <NoIdentity />;
  if (uri === null) return <Empty title={words.noAddress} advice={words.noAddressAdvice} />;
  return (
    <div class="own-uri">
      <h2>{words.own}</h2>
      <p>
        <code>{uri}</code> <CopyButton text={uri} label={words.copyOwn} />
      </p>
      <p class="quiet">{words.ownMeaning}</p>
    </div>
  );
}

/** A box without a TPM waits for somebody who decides. */
function NoIdentity() {
  const { identity, tpm } = useBox().status;
  const allow = () =>
    void changeSettings({
      title: words.allowSoftware,
      edit: ({ saved }) => put(saved, ['identity', 'software'], 'allowed'),
    });
  return (
    <Notice mark="attention" word={texts.identity.none}>
      <p>{identity.detail}</p>
      {(tpm.state === 'absent' || tpm.state === 'failed') && (
        <>
          <p>{texts.identity.softwareMeaning}</p>
          <button type="button" class="plain" onClick={allow}>
            {words.allowSoftware}
          </button>
        </>
      )}
    </Notice>
  );
}

function NewPeer() {
  const { draft, type, fieldOf, save, ...form } = usePeerForm(undefined, () => {});
  return (
    <Form label={words.add} submit={words.add} onSubmit={() => save(words.change(draft.name))} {...form}>
      <TextField
        path={fieldOf('name')}
        label={words.peerName}
        hint={words.nameHint}
        value={draft.name}
        onValue={(name) => type({ name })}
      />
      <TextField
        path={fieldOf('uri')}
        label={words.uri}
        hint={words.uriHint}
        value={draft.uri}
        onValue={(uri) => type({ uri })}
        mono
      />
      <TextField
        path={fieldOf('protectedPrefixes')}
        label={words.networks}
        hint={words.networksHint}
        value={draft.networks}
        onValue={(networks) => type({ networks })}
        mono
      />
    </Form>
  );
}

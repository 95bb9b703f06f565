import type { PeerSettings } from '../../../../store/settings-schema.ts';
import { addressWith } from '../../address-with.ts';
import { Field, Form, SelectField, TextField } from '../../parts/form.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { navigate } from '../../router.tsx';
import type { ReadSettings } from '../../settings/change-flow.ts';
import { texts } from '../../texts.ts';
import { useQuery } from '../../use-query.ts';
import { peersOf } from './peers.ts';
import { usePeerForm } from './use-peer-form.ts';

const text = texts.overlay.form;

/** Adds a peer, or changes the one with this name. */
export function PeerForm({ name }: { name: string | null }) {
  const { value: settings, problem, refresh } = useQuery<ReadSettings>('/api/v1/config');
  const close = () => navigate(addressWith({ edit: null, add: null }));
  const before = settings === null ? undefined : peersOf(settings).find((peer) => peer.name === name);
  return (
    <SidePanel title={name === null ? text.add : text.edit(name)} onClose={close}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {settings !== null &&
        (name !== null && before === undefined ? (
          <p>{text.notInSettings}</p>
        ) : (
          <PeerFields key={name} before={before} onDone={close} />
        ))}
    </SidePanel>
  );
}

interface PeerFieldsProps {
  before: PeerSettings | undefined;
  onDone: () => void;
}

function PeerFields({ before, onDone }: PeerFieldsProps) {
  const { draft, type, fieldOf, save, ...form } = usePeerForm(before, onDone);
  const name = draft.name.trim();
  return (
    <Form
      label={before === undefined ? text.add : text.edit(before.name)}
      submit={text.submit}
      onSubmit={() => save(before === undefined ? text.addTitle(name) : text.editTitle(before.name))}
      {...form}
    >
      <TextField
        path={fieldOf('name')}
        label={text.name}
        hint={text.nameHint}
        value={draft.name}
        onValue={(name) => type({ name })}
      />
      <TextField
        path={fieldOf('uri')}
        label={text.uri}
        hint={text.uriHint}
        value={draft.uri}
        mono
        onValue={(uri) => type({ uri })}
      />
      <Field path={fieldOf('protectedPrefixes')} label={text.networks} hint={text.networksHint}>
        {(control) => (
          <textarea
            {...control}
            class="mono"
            rows={3}
            spellcheck={false}
            value={draft.networks}
            onInput={({ currentTarget }) => type({ networks: currentTarget.value })}
          />
        )}
      </Field>
      <SelectField
        path={fieldOf('connect')}
        label={text.connect}
        value={draft.connect}
        choices={(['always', 'on-demand'] as const).map((value) => ({ value, label: text.connects[value] }))}
        onValue={(connect) => type({ connect })}
      />
    </Form>
  );
}

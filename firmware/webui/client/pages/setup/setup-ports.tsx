import { useState } from 'preact/hooks';
import { Socket } from '../../icons.tsx';
import { Empty } from '../../parts/empty.tsx';
import { State } from '../../parts/state.tsx';
import { put } from '../../settings/document.ts';
import { changeSettings } from '../../settings/settings-change.tsx';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';
import { portsOnFace, speedWords } from '../network/network-facts.ts';
import { uplinksOf } from './setup-steps.ts';

const text = texts.setup;

/** Which of the sockets leads to the internet. Links show as cables are plugged. */
export function Ports({ onNext }: { onNext: () => void }) {
  const { status } = useBox();
  const ports = portsOnFace(status.network.interfaces);
  const uplinks = uplinksOf(status).map(({ name }) => name);
  const [chosen, setChosen] = useState<string | null>(null);
  const marked = chosen ?? uplinks[0] ?? null;
  const same = marked === null || (uplinks.length === 1 && uplinks[0] === marked);
  const move = async () => {
    if (same || marked === null) return onNext();
    const { outcome } = await changeSettings({
      title: text.ports.change(marked),
      edit: ({ saved, inForce }) => {
        const withoutOthers = uplinks.reduce(
          (document, name) =>
            put(document, ['network', 'ports', name], withRole(inForce.network.ports[name], 'lan')),
          saved,
        );
        const port = withRole(inForce.network.ports[marked], 'underlay');
        return put(withoutOthers, ['network', 'ports', marked], port);
      },
    });
    if (outcome === 'on-trial') onNext();
  };
  if (ports.length === 0) return <Empty title={text.ports.none} advice={text.ports.noneAdvice} />;
  return (
    <form
      class="form"
      aria-label={text.ports.question}
      onSubmit={(event) => {
        event.preventDefault();
        void move();
      }}
    >
      <fieldset class="port-choice">
        <legend>{text.ports.legend}</legend>
        {ports.map(({ name, label, link, role, speed }) => (
          <label key={name} class={`port role-${role} link-${link}`}>
            <input type="radio" name="port" checked={name === marked} onChange={() => setChosen(name)} />
            <Socket />
            <strong>{label ?? name}</strong>
            <State mark={link === 'up' ? 'up' : 'off'} word={texts.network.link[link]} />
            <span class="quiet">{speedWords(speed) ?? texts.network.role[role]}</span>
          </label>
        ))}
      </fieldset>
      <div class="actions">
        <button type="submit" class="main">
          {same ? text.next : text.ports.submit}
        </button>
        <button type="button" class="plain" onClick={onNext}>
          {text.skip}
        </button>
      </div>
    </form>
  );
}

type PortSettings = string | { readonly role?: string | undefined } | undefined;

/** A port's other settings stay. */
function withRole(port: PortSettings, role: string): unknown {
  return typeof port === 'object' ? { ...port, role } : role;
}

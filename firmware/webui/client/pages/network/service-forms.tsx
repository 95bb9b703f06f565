import { useState } from 'preact/hooks';
import type { Settings } from '../../../../store/settings-schema.ts';
import { CheckField } from '../../parts/check-field.tsx';
import { Form, TextField } from '../../parts/form.tsx';
import { Rows } from '../../parts/rows.tsx';
import { put } from '../../settings/document.ts';
import { useChangeForm } from '../../settings/use-change-form.ts';
import { texts } from '../../texts.ts';
import { listOf } from './network-edit.ts';

const text = texts.network;
const { save } = text.form;

interface FormProps {
  settings: Settings;
  onTried: () => void;
}

export function RoutesForm({ settings: { network }, onTried }: FormProps) {
  const [routes, setRoutes] = useState(network.routes ?? []);
  const { problem, busy, submit } = useChangeForm(onTried);
  const title = text.titles.change(text.routes.title);
  const wanted = routes.map(({ destination, gateway }) => ({
    destination: destination.trim(),
    gateway: gateway.trim(),
  }));
  const send = () =>
    submit({
      title,
      edit: ({ saved }) => put(saved, ['network', 'routes'], wanted.length === 0 ? undefined : wanted),
    });
  return (
    <Form label={title} problem={problem} busy={busy} submit={save} onSubmit={send}>
      <Rows
        legend={text.routes.title}
        hint={text.routes.hint}
        items={routes}
        onItems={(items) => setRoutes([...items])}
        blank={{ destination: '', gateway: '' }}
        add={text.routes.add}
        remove={text.routes.remove}
      >
        {(item, index, change) => (
          <>
            <TextField
              path={`network.routes[${index}].destination`}
              label={text.routes.destination}
              mono
              value={item.destination}
              onValue={(destination) => change({ destination })}
            />
            <TextField
              path={`network.routes[${index}].gateway`}
              label={text.routes.gateway}
              mono
              value={item.gateway}
              onValue={(gateway) => change({ gateway })}
            />
          </>
        )}
      </Rows>
    </Form>
  );
}

export function NamesForm({ settings: { network }, onTried }: FormProps) {
  const [forward, setForward] = useState(network.dns?.forward ?? false);
  const [servers, setServers] = useState((network.dns?.servers ?? []).join(', '));
  const { problem, busy, submit } = useChangeForm(onTried);
  const title = text.titles.change(text.names.title);
  const asked = listOf(servers);
  const wanted = { forward, ...(asked.length === 0 ? {} : { servers: asked }) };
  const send = () =>
    submit({
      title,
      // Where nothing is forwarded and nothing named, there is nothing to set.
      edit: ({ saved }) => put(saved, ['network', 'dns'], forward || asked.length > 0 ? wanted : undefined),
    });
  return (
    <Form label={title} problem={problem} busy={busy} submit={save} onSubmit={send}>
      <CheckField
        path="network.dns.forward"
        label={text.names.forward}
        hint={text.names.forwardHint}
        checked={forward}
        onChecked={setForward}
      />
      <TextField
        path="network.dns.servers"
        label={text.names.servers}
        hint={text.names.serversHint}
        mono
        value={servers}
        onValue={setServers}
      />
    </Form>
  );
}

export function TimeForm({ settings: { network }, onTried }: FormProps) {
  const [servers, setServers] = useState((network.ntp?.servers ?? []).join(', '));
  const { problem, busy, submit } = useChangeForm(onTried);
  const title = text.titles.change(text.time.title);
  const asked = listOf(servers);
  const send = () =>
    submit({
      title,
      edit: ({ saved }) =>
        put(saved, ['network', 'ntp'], asked.length === 0 ? undefined : { servers: asked }),
    });
  return (
    <Form label={title} problem={problem} busy={busy} submit={save} onSubmit={send}>
      <TextField
        path="network.ntp.servers"
        label={text.time.servers}
        hint={text.time.hint}
        mono
        value={servers}
        onValue={setServers}
      />
    </Form>
  );
}

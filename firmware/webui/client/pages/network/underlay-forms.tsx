import { useState } from 'preact/hooks';
import type { Settings } from '../../../../store/settings-schema.ts';
import { CheckField } from '../../parts/check-field.tsx';
import { Form, SelectField, TextField } from '../../parts/form.tsx';
import { put } from '../../settings/document.ts';
import { useChangeForm } from '../../settings/use-change-form.ts';
import { texts } from '../../texts.ts';
import {
  type Ipv4Draft,
  ipv4Draft,
  ipv4Settings,
  listOf,
  numberOf,
  portMtu,
  putChanged,
  textOf,
  typed,
} from './network-edit.ts';

const text = texts.network.form;

interface FormProps {
  settings: Settings;
  onTried: () => void;
}

export function UnderlayForm({ settings: { network }, onTried }: FormProps) {
  const { underlay } = network;
  const [ipv4, setIpv4] = useState(() => ipv4Draft(underlay.ipv4));
  const [ipv6, setIpv6] = useState(underlay.ipv6);
  const [dhcpv6, setDhcpv6] = useState(underlay.dhcpv6 ?? false);
  const [probes, setProbes] = useState((underlay.probes ?? []).join(', '));
  const { problem, busy, submit } = useChangeForm(onTried);
  const title = texts.network.titles.change(texts.network.role.underlay);
  const asked = listOf(probes);
  const wanted = {
    ...{ ipv4: ipv4Settings(ipv4), ipv6, dhcpv6: dhcpv6 || undefined },
    probes: asked.length === 0 ? undefined : asked,
  };
  const save = () =>
    submit({ title, edit: (settings) => putChanged(settings, ['network', 'underlay'], wanted) });
  return (
    <Form label={title} problem={problem} busy={busy} submit={text.save} onSubmit={save}>
      <Ipv4Fields path="network.underlay.ipv4" kinds={['dhcp', 'static']} draft={ipv4} onDraft={setIpv4} />
      <SelectField
        path="network.underlay.ipv6"
        label={text.ipv6}
        value={ipv6}
        choices={(['auto', 'off'] as const).map((value) => ({ value, label: text.ipv6s[value] }))}
        onValue={setIpv6}
      />
      <CheckField path="network.underlay.dhcpv6" label={text.dhcpv6} checked={dhcpv6} onChecked={setDhcpv6} />
      <TextField
        path="network.underlay.probes"
        label={text.probes}
        hint={text.probesHint}
        mono
        value={probes}
        onValue={setProbes}
      />
    </Form>
  );
}

/** What one uplink has of its own, and its MTU. */
export function UplinkForm({ settings: { network }, port, onTried }: FormProps & { port: string }) {
  const uplink = own(network.underlay.uplinks, port);
  const setting = own(network.ports, port);
  const [ipv4, setIpv4] = useState(() => ipv4Draft(uplink?.ipv4));
  const [priority, setPriority] = useState(textOf(uplink?.priority));
  const [vlan, setVlan] = useState(textOf(uplink?.vlan));
  const [device, setDevice] = useState(uplink?.modem?.device ?? '');
  const [apn, setApn] = useState(uplink?.modem?.apn ?? '');
  const [pin, setPin] = useState(uplink?.modem?.pin ?? '');
  const [mtu, setMtu] = useState(textOf(typeof setting === 'object' ? setting.mtu : undefined));
  const { problem, busy, submit } = useChangeForm(onTried);
  const path = `network.underlay.uplinks.${port}`;
  const title = texts.network.titles.change(port);
  const wanted = {
    ...{ ipv4: ipv4Settings(ipv4), vlan: numberOf(vlan), priority: numberOf(priority) },
    modem:
      typed(device) === undefined ? undefined : { device: device.trim(), apn: apn.trim(), pin: typed(pin) },
  };
  const save = () =>
    submit({
      title,
      edit: ({ saved, inForce }) => {
        const uplinks = ['network', 'underlay', 'uplinks', port];
        return portMtu({ saved: putChanged({ saved, inForce }, uplinks, wanted), inForce }, port, mtu);
      },
    });
  return (
    <Form label={title} problem={problem} busy={busy} submit={text.save} onSubmit={save}>
      <Ipv4Fields
        path={`${path}.ipv4`}
        kinds={['group', 'dhcp', 'static', 'modem']}
        draft={ipv4}
        onDraft={setIpv4}
      />
      <TextField
        path={`${path}.vlan`}
        label={text.vlan}
        hint={text.uplinkVlanHint}
        value={vlan}
        onValue={setVlan}
      />
      <TextField
        path={`${path}.priority`}
        label={text.priority}
        hint={text.priorityHint}
        value={priority}
        onValue={setPriority}
      />
      <TextField
        path={`${path}.modem.device`}
        label={text.modemDevice}
        hint={text.modemDeviceHint}
        mono
        value={device}
        onValue={setDevice}
      />
      {device.trim() !== '' && (
        <>
          <TextField path={`${path}.modem.apn`} label={text.apn} mono value={apn} onValue={setApn} />
          <TextField path={`${path}.modem.pin`} label={text.pin} mono value={pin} onValue={setPin} />
        </>
      )}
      <MtuField port={port} value={mtu} onValue={setMtu} />
    </Form>
  );
}

export function PortForm({ settings: { network }, port, onTried }: FormProps & { port: string }) {
  const setting = own(network.ports, port);
  const [mtu, setMtu] = useState(textOf(typeof setting === 'object' ? setting.mtu : undefined));
  const { problem, busy, submit } = useChangeForm(onTried);
  const title = texts.network.titles.change(port);
  const save = () => submit({ title, edit: (settings) => portMtu(settings, port, mtu) });
  return (
    <Form label={title} problem={problem} busy={busy} submit={text.save} onSubmit={save}>
      <MtuField port={port} value={mtu} onValue={setMtu} />
    </Form>
  );
}

export function ManagementForm({ settings: { network }, onTried }: FormProps) {
  const [address, setAddress] = useState(network.management.address);
  const { problem, busy, submit } = useChangeForm(onTried);
  const title = texts.network.titles.change(texts.network.role.management);
  const save = () =>
    submit({
      title,
      edit: ({ saved }) => put(saved, ['network', 'management', 'address'], address.trim()),
    });
  return (
    <Form label={title} problem={problem} busy={busy} submit={text.save} onSubmit={save}>
      <TextField
        path="network.management.address"
        label={text.address}
        hint={text.addressHint}
        mono
        value={address}
        onValue={setAddress}
      />
    </Form>
  );
}

function MtuField({ port, ...field }: { port: string; value: string; onValue: (value: string) => void }) {
  return <TextField path={`network.ports.${port}.mtu`} label={text.mtu} hint={text.mtuHint} {...field} />;
}

interface Ipv4FieldsProps {
  path: string;
  kinds: readonly Ipv4Draft['kind'][];
  draft: Ipv4Draft;
  onDraft: (draft: Ipv4Draft) => void;
}

function Ipv4Fields({ path, kinds, draft, onDraft }: Ipv4FieldsProps) {
  const field = (name: 'address' | 'gateway' | 'dns', label: string, hint?: string) => (
    <TextField
      path={`${path}.${name}`}
      label={label}
      hint={hint}
      mono
      value={draft[name]}
      onValue={(value) => onDraft({ ...draft, [name]: value })}
    />
  );
  return (
    <>
      <SelectField
        path={draft.kind === 'static' ? `${path} kind` : path}
        label={text.ipv4}
        value={draft.kind}
        choices={kinds.map((value) => ({ value, label: text.kinds[value] }))}
        onValue={(kind) => onDraft({ ...draft, kind })}
      />
      {draft.kind === 'static' && (
        <>
          {field('address', text.address, text.addressHint)}
          {field('gateway', text.gateway)}
          {field('dns', text.dns, text.dnsHint)}
        </>
      )}
    </>
  );
}

function own<Value>(record: Readonly<Record<string, Value>> | undefined, name: string): Value | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

import { useState } from 'preact/hooks';
import type { Settings } from '../../../../store/settings-schema.ts';
import { CheckField } from '../../parts/check-field.tsx';
import { Form, SelectField, TextField } from '../../parts/form.tsx';
import { Rows } from '../../parts/rows.tsx';
import { put } from '../../settings/document.ts';
import { useChangeForm } from '../../settings/use-change-form.ts';
import { texts } from '../../texts.ts';
import { type LanDraft, lanDraft, lanSettings, noNetwork, putChanged } from './network-edit.ts';

const text = texts.network.form;
const { titles } = texts.network;

interface LanFormProps {
  settings: Settings;
  /** Null: the LAN itself; empty: a network that is to be. */
  network: string | null;
  /** The LAN's ports, which networks stand on. */
  ports: readonly string[];
  onTried: () => void;
}

/** The LAN, or a network of the administrator's: addresses, what hosts are served, what may pass. */
export function LanForm({ settings, network, ports, onTried }: LanFormProps) {
  const known = network === null ? settings.network.lan : settings.network.networks?.[network];
  const [draft, setDraft] = useState(() => (known === undefined ? noNetwork : lanDraft(known)));
  const [typedName, setName] = useState('');
  const { problem, busy, submit } = useChangeForm(onTried);
  const name = network === '' ? typedName.trim() : network;
  const members = name === null ? ['network', 'lan'] : ['network', 'networks', name];
  const path = members.join('.');
  const title = network === '' ? titles.add(typedName) : titles.change(network ?? texts.network.role.lan);
  const change = (fields: Partial<LanDraft>) => setDraft({ ...draft, ...fields });
  const save = () => submit({ title, edit: (current) => putChanged(current, members, lanSettings(draft)) });
  const remove = () =>
    submit({ title: titles.remove(name ?? ''), edit: ({ saved }) => put(saved, members, undefined) });
  const field = (key: 'address' | 'ipv6' | 'delegated' | 'outside' | 'vlan', label: string, hint: string) => (
    <TextField
      path={`${path}.${key}`}
      label={label}
      hint={hint}
      mono
      value={draft[key]}
      onValue={(value) => change({ [key]: value })}
    />
  );
  return (
    <Form
      label={title}
      problem={problem}
      busy={busy}
      submit={text.save}
      onSubmit={save}
      actions={
        network !== null &&
        network !== '' && (
          <button type="button" class="plain" onClick={remove}>
            {texts.network.removeNetwork(network)}
          </button>
        )
      }
    >
      {network === '' && (
        <TextField
          path="network.networks"
          label={text.name}
          hint={text.nameHint}
          mono
          value={typedName}
          onValue={setName}
        />
      )}
      {field('address', text.address, text.addressHint)}
      {network !== null && (
        <>
          {field('vlan', text.vlan, text.vlanHint)}
          <PortFields path={`${path}.ports`} ports={ports} draft={draft} onDraft={setDraft} />
        </>
      )}
      <CheckField
        path={`${path}.dhcpServer`}
        label={text.dhcpServer}
        checked={draft.dhcpServer}
        onChecked={(dhcpServer) => change({ dhcpServer })}
      />
      {draft.dhcpServer && <DhcpFields path={path} draft={draft} onDraft={setDraft} />}
      {field('ipv6', text.lanIpv6, text.lanIpv6Hint)}
      {field('delegated', text.delegated, text.delegatedHint)}
      <CheckField
        path={`${path}.ntpServer`}
        label={text.ntpServer}
        checked={draft.ntpServer}
        onChecked={(ntpServer) => change({ ntpServer })}
      />
      {field('outside', text.outside, text.outsideHint)}
      <SelectField
        path={`${path}.segmentation`}
        label={text.segmentation}
        value={draft.segmentation}
        choices={(['none', 'ports'] as const).map((value) => ({ value, label: text.segmentations[value] }))}
        onValue={(segmentation) => change({ segmentation })}
      />
      <CheckField
        path={`${path}.internet`}
        label={text.internet}
        checked={draft.internet}
        onChecked={(internet) => change({ internet })}
      />
    </Form>
  );
}

interface PartProps {
  path: string;
  draft: LanDraft;
  onDraft: (draft: LanDraft) => void;
}

function DhcpFields({ path, draft, onDraft }: PartProps) {
  return (
    <>
      <TextField
        path={`${path}.dhcpRange`}
        label={text.first}
        hint={text.rangeHint}
        mono
        value={draft.first}
        onValue={(first) => onDraft({ ...draft, first })}
      />
      <TextField
        path={`${path}.dhcpRange[1]`}
        label={text.last}
        mono
        value={draft.last}
        onValue={(last) => onDraft({ ...draft, last })}
      />
      <Rows
        legend={text.reservations}
        hint={text.reservationsHint}
        items={draft.reservations}
        onItems={(reservations) => onDraft({ ...draft, reservations })}
        blank={{ mac: '', address: '', name: '' }}
        add={text.addReservation}
        remove={(place) => text.remove(text.reservation(place))}
      >
        {(item, index, change) => {
          const at = `${path}.reservations[${index}]`;
          return (
            <>
              <TextField
                path={`${at}.mac`}
                label={text.mac}
                mono
                value={item.mac}
                onValue={(mac) => change({ mac })}
              />
              <TextField
                path={`${at}.address`}
                label={text.hostAddress}
                mono
                value={item.address}
                onValue={(address) => change({ address })}
              />
              <TextField
                path={`${at}.name`}
                label={text.hostName}
                value={item.name}
                onValue={(name) => change({ name })}
              />
            </>
          );
        }}
      </Rows>
    </>
  );
}

function PortFields({ path, ports, draft, onDraft }: PartProps & { ports: readonly string[] }) {
  // One that is away now, or in another group, is still named by the settings.
  const all = [...new Set([...ports, ...draft.ports])];
  const toggle = (port: string, checked: boolean) =>
    onDraft({
      ...draft,
      ports: checked ? [...draft.ports, port] : draft.ports.filter((each) => each !== port),
    });
  return (
    <fieldset class="rows">
      <legend>{text.onPorts}</legend>
      <p class="quiet">{text.onPortsHint}</p>
      {all.map((port) => (
        <CheckField
          key={port}
          path={`${path} ${port}`}
          label={port}
          checked={draft.ports.includes(port)}
          onChecked={(checked) => toggle(port, checked)}
        />
      ))}
    </fieldset>
  );
}

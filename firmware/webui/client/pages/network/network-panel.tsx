import type { Settings } from '../../../../store/settings-schema.ts';
import { formatBytes } from '../../format.ts';
import { Fact, Facts } from '../../parts/facts.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { State } from '../../parts/state.tsx';
import { texts } from '../../texts.ts';
import { linkMark, type Move } from './face.tsx';
import { LanForm } from './lan-form.tsx';
import { type Group, groupOfPort, type Interface, portsOnFace, speedWords } from './network-facts.ts';
import { NamesForm, RoutesForm, TimeForm } from './service-forms.tsx';
import { ManagementForm, PortForm, UnderlayForm, UplinkForm } from './underlay-forms.tsx';

const text = texts.network;

interface NetworkPanelProps {
  /** As the address names it: `port:port2`, `lan`, `network:cameras`, `routes`. */
  edit: string;
  interfaces: readonly Interface[];
  groups: readonly Group[];
  /** Null where nobody who may is signed in; facts are shown all the same. */
  settings: Settings | null;
  onMove: Move | null;
  onClose: () => void;
}

/** Details of a port, or the form of a group or service. What the address names and is not there opens nothing. */
export function NetworkPanel({ edit, interfaces, groups, settings, onMove, onClose }: NetworkPanelProps) {
  if (edit.startsWith('port:')) {
    const port = portsOnFace(interfaces).find(({ name }) => `port:${name}` === edit);
    if (port === undefined) return null;
    const group = groupOfPort(groups, port.name);
    return (
      <SidePanel title={port.label === null ? port.name : `${port.name} (${port.label})`} onClose={onClose}>
        <PortFacts port={port} group={group} />
        {onMove !== null && settings !== null && (
          <>
            <h3>{text.menu(port.name)}</h3>
            <div class="actions">
              {groups
                .filter(({ vlan, name }) => vlan === null && name !== group?.name)
                .map((target) => (
                  <button
                    type="button"
                    class="plain"
                    key={target.name}
                    onClick={() => onMove(port.name, target)}
                  >
                    <bdi>{text.moveTo(target.title)}</bdi>
                  </button>
                ))}
            </div>
            <h3>{text.titles.change(port.name)}</h3>
            {port.role === 'underlay' ? (
              <UplinkForm settings={settings} port={port.name} onTried={onClose} />
            ) : (
              <PortForm settings={settings} port={port.name} onTried={onClose} />
            )}
          </>
        )}
      </SidePanel>
    );
  }
  if (settings === null || onMove === null) return null;
  const form = formOf(edit, settings, interfaces, onClose);
  if (form === null) return null;
  return (
    <SidePanel key={edit} title={form.title} onClose={onClose}>
      {form.form}
    </SidePanel>
  );
}

function formOf(edit: string, settings: Settings, interfaces: readonly Interface[], onTried: () => void) {
  const props = { settings, onTried };
  const ports = portsOnFace(interfaces).flatMap(({ name, role }) => (role === 'lan' ? [name] : []));
  if (edit.startsWith('network:')) {
    const name = edit.slice('network:'.length);
    const known = name === '' || Object.hasOwn(settings.network.networks ?? {}, name);
    const form = <LanForm {...props} network={name} ports={ports} />;
    return known ? { title: name === '' ? text.addNetwork : name, form } : null;
  }
  switch (edit) {
    case 'underlay':
      return { title: text.role.underlay, form: <UnderlayForm {...props} /> };
    case 'lan':
      return { title: text.role.lan, form: <LanForm {...props} network={null} ports={ports} /> };
    case 'management':
      return { title: text.role.management, form: <ManagementForm {...props} /> };
    case 'routes':
      return { title: text.routes.title, form: <RoutesForm {...props} /> };
    case 'names':
      return { title: text.names.title, form: <NamesForm {...props} /> };
    case 'time':
      return { title: text.time.title, form: <TimeForm {...props} /> };
    default:
      return null;
  }
}

function PortFacts({ port, group }: { port: Interface; group: Group | undefined }) {
  const { facts } = text;
  return (
    <Facts>
      <Fact name={facts.group}>
        <bdi>{group?.title ?? text.role[port.role]}</bdi>
      </Fact>
      <Fact name={facts.link}>
        <State mark={linkMark(port)} word={text.link[port.link]} />
        {port.link !== 'down' && <span>{speedWords(port.speed) ?? text.noSpeed}</span>}
      </Fact>
      <Fact name={facts.mac}>{port.mac === null ? texts.none : <code>{port.mac}</code>}</Fact>
      <Fact name={facts.addresses}>
        {port.addresses.length === 0 ? (
          <span class="quiet">{text.noAddress}</span>
        ) : (
          port.addresses.map((address) => <code key={address}>{address}</code>)
        )}
      </Fact>
      <Fact name={facts.mtu}>{port.mtu}</Fact>
      <Fact name={facts.driver}>{port.driver ?? texts.unknown}</Fact>
      <Fact name={facts.kernelName}>
        <code>{port.kernelName}</code>
      </Fact>
      <Fact name={facts.received}>
        <span class="figure">{formatBytes(port.receivedBytes)}</span>
      </Fact>
      <Fact name={facts.sent}>
        <span class="figure">{formatBytes(port.sentBytes)}</span>
      </Fact>
    </Facts>
  );
}

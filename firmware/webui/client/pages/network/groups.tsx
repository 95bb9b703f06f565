import type { NetworkSettings } from '../../../../store/network-schema.ts';
import { addressWith } from '../../address-with.ts';
import { Mark } from '../../icons.tsx';
import { Section } from '../../parts/page.tsx';
import { Link } from '../../router.tsx';
import { valueWords } from '../../settings/change-words.ts';
import { take } from '../../settings/document.ts';
import { texts } from '../../texts.ts';
import { linkMark, type Move, takesPorts } from './face.tsx';
import type { Group } from './network-facts.ts';

const text = texts.network;

interface GroupsProps {
  groups: readonly Group[];
  settings: NetworkSettings | null;
  onMove: Move | null;
}

/** A card each port group and network: its ports, its addresses, and what stands in its settings. */
export function Groups({ groups, settings, onMove }: GroupsProps) {
  return (
    <Section id="groups" title={text.groups}>
      <ul class="groups">
        {groups.map((group) => (
          <li key={group.name} class={`group role-${group.role}`} {...takesPorts(group, onMove)}>
            <div class="group-head">
              <h3>
                <bdi>{group.title}</bdi>
              </h3>
              {onMove !== null && group.name !== 'unused' && (
                <Link
                  to={addressWith({ edit: group.name })}
                  class="edit"
                  aria-label={text.editOf(group.title)}
                >
                  {text.edit}
                </Link>
              )}
            </div>
            <GroupPorts group={group} />
            {group.addresses.map((address) => (
              <code key={address}>{address}</code>
            ))}
            {settings !== null &&
              groupWords(group, settings).map((line) => (
                <p key={line} class="quiet">
                  {line}
                </p>
              ))}
          </li>
        ))}
      </ul>
      {onMove !== null && (
        <Link to={addressWith({ edit: 'network:' })} class="button">
          {text.addNetwork}
        </Link>
      )}
    </Section>
  );
}

function GroupPorts({ group: { name, vlan, ports } }: { group: Group }) {
  if (vlan !== null) return <p class="quiet">{text.vlanOn(vlan, ports.length)}</p>;
  if (ports.length === 0) return <p class="quiet">{name === 'unused' ? text.noUnused : text.noPorts}</p>;
  return (
    <p class="group-ports">
      {ports.map((port) => (
        <span key={port.name} class={`state-${linkMark(port)}`}>
          <Mark name={linkMark(port)} /> {port.name}
          <span class="only-read">{text.link[port.link]}</span>
        </span>
      ))}
    </p>
  );
}

const shown = {
  underlay: ['ipv4', 'ipv6', 'probes'],
  lan: ['dhcpServer', 'dhcpRange', 'reservations', 'ipv6', 'outside', 'internet', 'segmentation'],
  management: [],
  unused: [],
} as const;

/** What the settings say of a group, a line each. */
function groupWords({ name, role }: Group, settings: NetworkSettings): readonly string[] {
  const path = name.startsWith('network:') ? ['networks', name.slice('network:'.length)] : [name];
  return shown[role].flatMap((member) => {
    const value = take(settings, [...path, member]);
    if (value === undefined) return [];
    const words =
      member === 'reservations' && Array.isArray(value) ? value.length : valueWords(value, member);
    return [`${texts.settings.members[member] ?? member}: ${words}`];
  });
}

interface ServicesProps {
  settings: NetworkSettings;
  mayChange: boolean;
}

/** What belongs to no port group: routes, names, time. */
export function Services({ settings: { routes = [], dns, ntp }, mayChange }: ServicesProps) {
  const rows = [
    {
      edit: 'routes',
      title: text.routes.title,
      lines:
        routes.length === 0
          ? [text.routes.none]
          : routes.map(({ destination, gateway }) => `${destination} → ${gateway}`),
    },
    {
      edit: 'names',
      title: text.names.title,
      lines: [dns?.forward ? text.names.on(dns.servers ?? []) : text.names.off],
    },
    {
      edit: 'time',
      title: text.time.title,
      lines: ntp === undefined || ntp.servers.length === 0 ? [text.time.off] : ntp.servers,
    },
  ];
  return (
    <Section id="services" title={text.services}>
      <dl class="facts services">
        {rows.map(({ edit, title, lines }) => (
          <div key={edit}>
            <dt>{title}</dt>
            <dd>
              <span class="lines">
                {lines.map((line) => (
                  <span key={line}>{line}</span>
                ))}
              </span>
              {mayChange && (
                <Link to={addressWith({ edit })} class="edit" aria-label={text.editOf(title)}>
                  {text.edit}
                </Link>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

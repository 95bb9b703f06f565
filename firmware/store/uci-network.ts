import type { z } from 'zod';
import { limits } from './limits.ts';
import type { networkLayer } from './network-schema.ts';

type NetworkLayer = z.input<typeof networkLayer>;

export type UciImport =
  | {
      readonly ok: true;
      readonly network: NetworkLayer;
      /** What was not taken over and why, for the person who moves. */
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly reason: string };

type Section = {
  readonly type: string;
  readonly name: string;
  /** Options have one value, lists several. */
  readonly values: ReadonlyMap<string, readonly string[]>;
};

/** What one section is read by: the others, and which port here is `wan`, null where there is not just one. */
type Place = {
  readonly sections: readonly Section[];
  readonly uplink: string | null;
  readonly note: (text: string) => void;
};

/**
 * Reads OpenWrt's /etc/config/network: the addresses of `lan` and `wan` and the VLAN of the latter, further networks by
 * theirs, and routes. Ports have other names here and keep the roles that they have.
 *
 * @param uplink the box's underlay port, null where it has none or several
 * @see OpenWrt, "The UCI system", file syntax; "Network basics", /etc/config/network
 */
export function importUciNetwork(text: string, uplink: string | null): UciImport {
  if (text.length > limits.uciLength)
    return { ok: false, reason: `the file has more than ${limits.uciLength} characters` };
  const sections = parseUci(text);
  if (typeof sections === 'string') return { ok: false, reason: sections };
  const notes: string[] = [];
  let network: NetworkLayer = {};
  for (const section of sections) {
    const note = (said: string) => void notes.push(`${section.type} ${section.name || '(no name)'}: ${said}`);
    const taken = readSection(section, network, { sections, uplink, note });
    if (typeof taken === 'string') note(taken);
    else network = taken;
  }
  return { ok: true, network, notes };
}

/** The network with what a section says, or why it says nothing here. */
function readSection(section: Section, network: NetworkLayer, place: Place): NetworkLayer | string {
  if (section.type === 'interface') return readInterface(section, network, place);
  if (section.type === 'route') return readRoute(section, network);
  // A VLAN is read with the network that is in it.
  const isRead = ({ type, values }: Section) =>
    type === 'interface' && values.get('device')?.[0] === one(section, 'name');
  if (one(section, 'type') === '8021q' && place.sections.some(isRead)) return network;
  return 'is not taken over; ports keep their roles';
}

function readInterface(section: Section, network: NetworkLayer, place: Place): NetworkLayer | string {
  const { name } = section;
  const proto = one(section, 'proto') ?? 'none';
  if (name === 'loopback') return network;
  if (name === 'wan6') {
    if (proto !== 'dhcpv6') return `the protocol ${proto} is not known here`;
    // Both are asked for there, too, unless told otherwise; here it is both or none.
    const asks = one(section, 'reqaddress') !== 'none' || one(section, 'reqprefix') !== 'no';
    return { ...network, underlay: { ...network.underlay, ipv6: 'auto', ...(asks && { dhcpv6: true }) } };
  }
  if (name === 'wan' && proto === 'dhcp')
    return { ...network, underlay: { ...network.underlay, ipv4: 'dhcp', ...uplinksOf(section, place) } };
  if (proto !== 'static') return `the protocol ${proto} is not known here`;
  const address = addressOf(section);
  if (address === null) return 'has no IPv4 address with a netmask';
  if (name === 'wan') {
    const gateway = one(section, 'gateway');
    const dns = (section.values.get('dns') ?? []).flatMap((value) => value.split(' ')).slice(0, 3);
    const ipv4 = { address, dns, ...(gateway !== undefined && { gateway }) };
    return { ...network, underlay: { ...network.underlay, ipv4, ...uplinksOf(section, place) } };
  }
  const ipv6 = one(section, 'ip6addr');
  const fields = { address, ...(ipv6 !== undefined && { ipv6 }) };
  if (name === 'lan') return { ...network, lan: { ...network.lan, ...fields } };
  const vlan = vlanOf(section, place);
  if (vlan === null) return 'has no VLAN: give it ports of its own with "hithe config set"';
  // Whether it has a DHCP server stands in another file.
  const added = { ...fields, vlan, dhcpServer: false };
  return { ...network, networks: { ...network.networks, [name]: added } };
}

/** The VLAN that the provider's frames are in, as the box's one uplink has it. */
function uplinksOf(section: Section, place: Place): Pick<NonNullable<NetworkLayer['underlay']>, 'uplinks'> {
  const vlan = vlanOf(section, place);
  if (vlan === null) return {};
  // Between the router's processor and its own switch frames are tagged that are not outside.
  const isSwitch = place.sections.some(
    (other) =>
      ['switch_vlan', 'bridge-vlan'].includes(other.type) &&
      [one(other, 'vid'), one(other, 'vlan')].includes(String(vlan)),
  );
  if (!isSwitch && place.uplink !== null) return { uplinks: { [place.uplink]: { vlan } } };
  const why = isSwitch
    ? 'may be one of its switch alone'
    : 'is not taken over: there is not just one uplink here';
  place.note(`the VLAN ${vlan} ${why}; see network.underlay.uplinks`);
  return {};
}

/** Of `eth1.7`, or of the device of type 8021q that has the name. */
function vlanOf(section: Section, { sections }: Place): number | null {
  const name = one(section, 'device') ?? one(section, 'ifname') ?? '';
  const device = sections.find((each) => each.type === 'device' && one(each, 'name') === name);
  const type = device === undefined ? undefined : one(device, 'type');
  const named = /\.(\d{1,4})$/.exec(name)?.[1];
  const given = type === '8021q' && device !== undefined ? one(device, 'vid') : undefined;
  const vlan = Number(type === undefined ? named : given);
  return vlan >= 1 && vlan <= 4094 ? vlan : null;
}

function readRoute(section: Section, network: NetworkLayer): NetworkLayer | string {
  const [target, gateway] = [one(section, 'target'), one(section, 'gateway')];
  if (target === undefined || gateway === undefined) return 'has no target or no gateway';
  const destination = withLength(target, one(section, 'netmask') ?? '255.255.255.255');
  if (destination === null) return `${target} is no IPv4 network`;
  return { ...network, routes: [...(network.routes ?? []), { destination, gateway }] };
}

function addressOf(section: Section): string | null {
  const first = section.values.get('ipaddr')?.[0];
  return first === undefined ? null : withLength(first, one(section, 'netmask') ?? '');
}

/** `192.168.1.1/24` of an address that has its length, or has a netmask beside it. */
function withLength(address: string, netmask: string): string | null {
  if (address.includes('/')) return address;
  const octets = netmask.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255))) return null;
  const bits = octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? `${address}/${bits.replaceAll('0', '').length}` : null;
}

function one({ values }: Section, option: string): string | undefined {
  return values.get(option)?.[0];
}

/** The sections of a file, or what is wrong with a line of it. */
function parseUci(text: string): readonly Section[] | string {
  const sections: { type: string; name: string; values: Map<string, string[]> }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const words = wordsOf(line);
    if (words === null) return `line ${index + 1} is no UCI: ${shown(line)}`;
    const [keyword, first, second, ...more] = words;
    if (keyword === undefined) continue;
    const section = sections.at(-1);
    if (keyword === 'config' && first !== undefined && more.length === 0) {
      sections.push({ type: first, name: second ?? '', values: new Map() });
    } else if (
      (keyword === 'option' || keyword === 'list') &&
      section !== undefined &&
      first !== undefined &&
      second !== undefined &&
      more.length === 0
    ) {
      const before = keyword === 'list' ? (section.values.get(first) ?? []) : [];
      section.values.set(first, [...before, second]);
    } else if (keyword !== 'package') return `line ${index + 1} is no UCI: ${shown(line)}`;
  }
  return sections;
}

/** Words of a line, quoted or not, up to a comment; null where a quote is not closed. */
function wordsOf(line: string): string[] | null {
  const words: string[] = [];
  const word = /\s*(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|([^\s'"#]+)|(#.*))/y;
  while (line.slice(word.lastIndex).trim() !== '') {
    const found = word.exec(line);
    if (found === null) return null;
    const [, single, double, plain, comment] = found;
    if (comment === undefined) words.push(single ?? double?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return words;
}

function shown(line: string): string {
  return JSON.stringify(line.slice(0, 60));
}

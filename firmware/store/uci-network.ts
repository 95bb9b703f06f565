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

/**
 * Reads OpenWrt's /etc/config/network: the addresses of `lan` and `wan`, further networks by their VLAN, and routes.
 * Ports have other names here and keep the roles that they have.
 *
 * @see OpenWrt, "The UCI system", file syntax; "Network basics", /etc/config/network
 */
export function importUciNetwork(text: string): UciImport {
  if (text.length > limits.uciLength)
    return { ok: false, reason: `the file has more than ${limits.uciLength} characters` };
  const sections = parseUci(text);
  if (typeof sections === 'string') return { ok: false, reason: sections };
  const notes: string[] = [];
  let network: NetworkLayer = {};
  for (const section of sections) {
    const taken = readSection(section, network);
    if (typeof taken === 'string') notes.push(`${section.type} ${section.name || '(no name)'}: ${taken}`);
    else network = taken;
  }
  return { ok: true, network, notes };
}

/** The network with what a section says, or why it says nothing here. */
function readSection(section: Section, network: NetworkLayer): NetworkLayer | string {
  if (section.type === 'interface') return readInterface(section, network);
  if (section.type === 'route') return readRoute(section, network);
  return 'is not taken over; ports keep their roles';
}

function readInterface(section: Section, network: NetworkLayer): NetworkLayer | string {
  const { name } = section;
  const proto = one(section, 'proto') ?? 'none';
  if (name === 'loopback') return network;
  if (name === 'wan6') {
    const ipv6 = proto === 'dhcpv6' ? 'auto' : null;
    return ipv6 === null
      ? `the protocol ${proto} is not known here`
      : { ...network, underlay: { ...network.underlay, ipv6 } };
  }
  if (name === 'wan' && proto === 'dhcp')
    return { ...network, underlay: { ...network.underlay, ipv4: 'dhcp' } };
  if (proto !== 'static') return `the protocol ${proto} is not known here`;
  const address = addressOf(section);
  if (address === null) return 'has no IPv4 address with a netmask';
  if (name === 'wan') {
    const gateway = one(section, 'gateway');
    const dns = (section.values.get('dns') ?? []).flatMap((value) => value.split(' ')).slice(0, 3);
    const ipv4 = { address, dns, ...(gateway !== undefined && { gateway }) };
    return { ...network, underlay: { ...network.underlay, ipv4 } };
  }
  const ipv6 = one(section, 'ip6addr');
  const fields = { address, ...(ipv6 !== undefined && { ipv6 }) };
  if (name === 'lan') return { ...network, lan: { ...network.lan, ...fields } };
  const vlan = /\.(\d{1,4})$/.exec(one(section, 'device') ?? one(section, 'ifname') ?? '')?.[1];
  if (vlan === undefined) return 'has no VLAN: give it ports of its own with "hithe config set"';
  // Whether it has a DHCP server stands in another file.
  const added = { ...fields, vlan: Number(vlan), dhcpServer: false };
  return { ...network, networks: { ...network.networks, [name]: added } };
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

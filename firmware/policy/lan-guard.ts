import { type AddressRange, type AddressRanges, byFamily, formatRange, unionOf } from './address-line.ts';
import { limits } from './limits.ts';

/** A device's MAC, and the addresses that are its own. */
export type AddressOwner = { readonly mac: string; readonly ranges: AddressRanges };

const table = 'hithe_lan';

/**
 * What hosts may tell and ask the gateway below IP (ARP, RFC 826; neighbour discovery, RFC 4861; DHCP, RFC 2131), as one
 * transaction for `nft -f -`:
 *
 * - An address that is bound to a MAC is spoken for by that MAC alone, so nobody moves a device's traffic to himself.
 * - Questions make the gateway remember who asked. Each sender may ask so often, and all that are not known together so
 *   often, that its memory of neighbours never overflows: an overflow would let those be forgotten that are talked with.
 * - Whoever asks for addresses under ever new names keeps no device that is known from being served.
 *
 * @param lan links of hosts' networks
 */
export function renderLanGuard(owners: readonly AddressOwner[], lan: readonly string[]): string {
  const families = ['arp', 'inet'].map((family) => `${family} ${table}`);
  const fresh = families.flatMap((name) => [`add table ${name}`, `delete table ${name}`]);
  if (lan.length === 0) return `${fresh.join('\n')}\n`;
  const links = `{ ${lan.map((name) => `"${name}"`).join(', ')} }`;
  const tables = [
    ...tableOf('arp', arpSets, {
      input: [
        hook,
        `iifname != ${links} accept`,
        'arp saddr ip @bound arp saddr ip . arp saddr ether != @owners counter drop comment "address of another"',
        // Answers to questions that were not asked are forgotten by the kernel.
        'arp operation != request accept',
        ...moderation('senders', 'arp saddr ether', 'arp saddr ip . arp saddr ether @owners', neighbourRates),
      ],
    }),
    ...tableOf('inet', ipSets, {
      discovery: [
        'ip6 saddr @bound ip6 saddr . ether saddr != @owners counter drop comment "address of another"',
        // RFC 4861 §4.4: an advertisement speaks for its target, eight octets into the message.
        'icmpv6 type nd-neighbor-advert @th,64,128 @bound_targets @th,64,128 . ether saddr != @target_owners counter drop comment "address of another"',
        'icmpv6 type nd-neighbor-advert accept',
        ...moderation('senders', 'ether saddr', 'ip6 saddr . ether saddr @owners', neighbourRates),
      ],
      dhcp: moderation('clients', 'ether saddr', 'ether saddr @macs', dhcpRates),
      input: [
        hook,
        `iifname != ${links} accept`,
        'udp dport 67 goto dhcp',
        'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } goto discovery',
      ],
    }),
  ];
  return `${[...fresh, ...tables, ...elements(owners)].join('\n')}\n`;
}

const hook = 'type filter hook input priority filter - 10; policy accept;';
const senders = ['type ether_addr', `size ${limits.lanSenders}`, 'flags dynamic,timeout', 'timeout 1m'];
const intervals = (type: string) => [type, 'flags interval'];
const arpSets = {
  senders,
  bound: intervals('type ipv4_addr'),
  owners: intervals('type ipv4_addr . ether_addr'),
};
const ipSets = {
  senders,
  clients: senders,
  macs: ['type ether_addr'],
  bound: intervals('type ipv6_addr'),
  owners: intervals('type ipv6_addr . ether_addr'),
  bound_targets: intervals('typeof @th,64,128'),
  target_owners: intervals('typeof @th,64,128 . ether saddr'),
};

type Rates = { readonly each: number; readonly unknown: number };
const neighbourRates: Rates = { each: limits.neighbourRate, unknown: limits.unknownNeighbourRate };
const dhcpRates: Rates = { each: limits.dhcpRate, unknown: limits.unknownDhcpRate };

/** Once the set of senders is full, further ones share what is left for all that are not known. */
function moderation(set: string, sender: string, isKnown: string, { each, unknown }: Rates): string[] {
  return [
    `update @${set} { ${sender} limit rate over ${each}/second burst ${each * 3} packets } counter drop comment "asks too often"`,
    `${isKnown} accept`,
    `limit rate over ${unknown}/second burst ${unknown * 2} packets counter drop comment "too many ask"`,
  ];
}

function tableOf(
  family: string,
  sets: Readonly<Record<string, readonly string[]>>,
  chains: Readonly<Record<string, readonly string[]>>,
): string[] {
  const block = (kind: string, [name, lines]: readonly [string, readonly string[]]) => [
    `\t${kind} ${name} {`,
    ...lines.map((line) => `\t\t${line}`),
    '\t}',
  ];
  return [
    `table ${family} ${table} {`,
    ...Object.entries(sets).flatMap((set) => block('set', set)),
    ...Object.entries(chains).flatMap((chain) => block('chain', chain)),
    '}',
  ];
}

function elements(given: readonly AddressOwner[]): string[] {
  // Where settings say the same twice, the kernel would refuse the second.
  const owners = [...Map.groupBy(given, ({ mac }) => mac)].map(([mac, parts]) => ({
    ...{ mac, ranges: unionOf(parts.flatMap(({ ranges }) => ranges)) },
  }));
  const inFamily = (ranges: readonly AddressRange[], family: 'ipv4' | 'ipv6') =>
    ranges.flatMap((range) => byFamily(range)[family]);
  const add = (family: string, set: string, members: readonly string[]) =>
    members.length === 0 ? [] : [`add element ${family} ${table} ${set} { ${members.join(', ')} }`];
  const bound = unionOf(owners.flatMap(({ ranges }) => ranges));
  const ofAddresses = (
    [
      { family: 'arp', of: 'ipv4', sets: ['bound', 'owners'], write: formatRange },
      { family: 'inet', of: 'ipv6', sets: ['bound', 'owners'], write: formatRange },
      { family: 'inet', of: 'ipv6', sets: ['bound_targets', 'target_owners'], write: formatOctets },
    ] as const
  ).flatMap(({ family, of, sets: [all, each], write }) => [
    ...add(family, all, inFamily(bound, of).map(write)),
    ...add(
      family,
      each,
      owners.flatMap(({ mac, ranges }) => inFamily(ranges, of).map((range) => `${write(range)} . ${mac}`)),
    ),
  ]);
  return [
    ...add(
      'inet',
      'macs',
      owners.map(({ mac }) => mac),
    ),
    ...ofAddresses,
  ];
}

/** As nftables compares octets of a packet: numbers in hexadecimal. */
function formatOctets({ from, to }: AddressRange): string {
  const write = (place: bigint) => `0x${place.toString(16).padStart(32, '0')}`;
  return from === to ? write(from) : `${write(from)}-${write(to)}`;
}

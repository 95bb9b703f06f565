import { flowMarks } from '../policy/flow-marks.ts';
import { NetworkError } from './error.ts';
import { isInterfaceName } from './ports.ts';

/** All that the base ruleset depends on. Names are the kernel's. */
export type FirewallInput = {
  readonly underlay: readonly string[];
  /** Underlay links that a DHCP client runs on. */
  readonly dhcpClients: readonly string[];
  /** Those that a DHCPv6 client runs on. */
  readonly dhcpv6Clients: readonly string[];
  /** The bridges of hosts' networks that have a port. */
  readonly lans: readonly string[];
  /** Of those, the bridges between whose ports only what the policy allows passes. */
  readonly apart: readonly string[];
  /** null where the group has no port. */
  readonly management: string | null;
  /** Of those: which are given addresses, which are told the time, which are announced an IPv6 network, which may reach the underlay. */
  readonly dhcpServers: readonly string[];
  readonly timeServers: readonly string[];
  readonly announced: readonly string[];
  readonly internet: readonly string[];
  /** Of the latter, those with addresses of the provider's in IPv6. */
  readonly internetIpv6: readonly string[];
  /** Networks that peers see under other addresses, one to one. */
  readonly mapped: readonly { readonly inside: string; readonly outside: string }[];
  /** The tunnel device; rules may name it before it exists. */
  readonly overlay: string;
  /** The page answers on the underlay: a box with one port that nobody has claimed. */
  readonly pageOnUnderlay: boolean;
};

/** ORCHIDv2 (RFC 7343 § 6): the prefix of all host identity tags. */
const hitPrefix = '2001:20::/28';
/** RFC 9028 § 6: HIP and ESP over UDP. */
const hipUdpPort = 10500;
/** Protocol numbers (IANA), since the image has no /etc/protocols. 139 is HIP directly over IP (RFC 7401 § 5.1). */
const protocol = { ipv4: 4, ipv6: 41, esp: 50, icmpv6: 58, hip: 139 } as const;

type Chain = { readonly name: string; readonly lines: readonly string[] };

export function renderChain({ name, lines }: Chain): string {
  return [`\tchain ${name} {`, ...lines.map((line) => `\t\t${line}`), '\t}'].join('\n');
}

export function quoted(name: string): string {
  if (!isInterfaceName(name))
    throw new NetworkError('bad-interface-name', `not an interface name: ${JSON.stringify(name)}`);
  return `"${name}"`;
}

export function setOf(names: readonly string[]): string {
  return `{ ${names.map(quoted).join(', ')} }`;
}

/**
 * HIP and ESP know their own peers: tracking them as connections would cost every packet of a tunnel a search, and let
 * packets with forged sources fill the table that the LAN's connections need.
 */
function untracked(way: 'iifname' | 'oifname', underlay: readonly string[]): string[] {
  const tags = `ip6 saddr ${hitPrefix} ip6 daddr ${hitPrefix} notrack`;
  if (underlay.length === 0) return [tags];
  const link = `${way} ${setOf(underlay)}`;
  return [
    `${link} udp ${way === 'iifname' ? 'dport' : 'sport'} ${hipUdpPort} notrack accept`,
    `${link} meta l4proto { ${protocol.esp}, ${protocol.hip} } notrack accept`,
    tags,
  ];
}

/** What the box itself sends, before it is tracked. */
function untrackedOutput({ underlay }: FirewallInput): Chain {
  return {
    name: 'output_untracked',
    lines: ['type filter hook output priority raw; policy accept;', ...untracked('oifname', underlay)],
  };
}

/**
 * Before routing, for input and forwarding alike: host identity tags are proven by ESP or they are forged. After
 * decapsulation a packet comes by here again, then with its security path.
 */
function prerouting({ underlay }: FirewallInput): Chain {
  const forged = (side: string) =>
    `ip6 ${side} ${hitPrefix} iifname != "lo" meta ipsec missing counter drop comment "host identity tag outside ESP"`;
  return {
    name: 'prerouting',
    lines: [
      'type filter hook prerouting priority raw; policy accept;',
      forged('saddr'),
      forged('daddr'),
      ...untracked('iifname', underlay),
    ],
  };
}

function input({ underlay, lans, management, overlay }: FirewallInput): Chain {
  const jumps = [
    ...underlay.map((name) => `${quoted(name)} : jump input_underlay`),
    ...lans.map((name) => `${quoted(name)} : jump input_lan`),
    ...(management === null ? [] : [`${quoted(management)} : jump input_management`]),
    `${quoted(overlay)} : jump input_overlay`,
  ];
  return {
    name: 'input',
    lines: [
      'type filter hook input priority filter; policy drop;',
      'iifname "lo" accept',
      // Nearly all that comes in is ESP, packet by packet: it is not asked what else it might be.
      ...(underlay.length === 0 ? [] : [`iifname ${setOf(underlay)} udp dport ${hipUdpPort} accept`]),
      'ct state established,related accept',
      // Path MTU of what is not tracked counts as invalid (RFC 4890 § 4.3.1); the kernel checks the packet quoted in it.
      'icmp type destination-unreachable icmp code frag-needed accept',
      'icmpv6 type packet-too-big accept',
      'ct state invalid counter drop comment "input invalid"',
      // What ESP carried from a peer's tag to ours: tunnelled packets, which go on to the tunnel device, and echo.
      `ip6 saddr ${hitPrefix} ip6 daddr ${hitPrefix} meta l4proto { ${protocol.ipv4}, ${protocol.ipv6}, ${protocol.icmpv6} } accept`,
      `iifname vmap { ${jumps.join(', ')} }`,
      'counter comment "input denied"',
    ],
  };
}

/**
 * The box cannot be seen from the underlay: no echo, no reset, no unreachable (see `output`). Only who knows a host
 * identity and proves one gets an answer, on the HIP port.
 */
function inputUnderlay({ dhcpClients, dhcpv6Clients, pageOnUnderlay }: FirewallInput): Chain {
  return {
    name: 'input_underlay',
    lines: [
      // ESP goes with HIP over IP. A packet with an unknown SPI is dropped by the kernel without an answer.
      `meta l4proto { ${protocol.esp}, ${protocol.hip} } accept`,
      ...(dhcpClients.length > 0 ? [`iifname ${setOf(dhcpClients)} udp sport 67 udp dport 68 accept`] : []),
      // RFC 8415 § 7.2: the client's port; which one a server or relay of the link answers from is nowhere said.
      ...(dhcpv6Clients.length > 0
        ? [`iifname ${setOf(dhcpv6Clients)} ip6 saddr fe80::/10 udp dport 546 accept`]
        : []),
      // RFC 4861 § 6.1, § 7.1: not from beyond the link. Answers to multicast solicitations have no state to relate to.
      'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } ip6 hoplimit 255 accept',
      'ip6 saddr fe80::/10 icmpv6 type mld-listener-query accept',
      ...(pageOnUnderlay ? ['tcp dport 443 accept comment "page until claimed"'] : []),
    ],
  };
}

/** One name as it is, several as a set. */
function anyOf(names: readonly string[]): string {
  return names.length === 1 ? quoted(names[0] ?? '') : setOf(names);
}

/** The people's side: the page, its redirect from port 80, and what hosts are served. */
function inputGroup(name: string, services: readonly string[]): Chain {
  return {
    name,
    lines: [
      'tcp dport { 80, 443 } accept',
      // Who asks for the box by name (RFC 6762); a flood of questions reaches nobody.
      'udp dport 5353 limit rate 100/second burst 200 packets accept',
      ...services,
      'icmp type echo-request accept',
      'icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept',
      'ip6 saddr fe80::/10 icmpv6 type mld-listener-query accept',
    ],
  };
}

/** Names for all; addresses, and where to send (RFC 4861 § 6.1.1), on the networks that have them. */
function servicesOf({ dhcpServers, timeServers, announced }: FirewallInput): string[] {
  return [
    'udp dport 53 accept',
    'tcp dport 53 accept',
    ...(dhcpServers.length === 0 ? [] : [`iifname ${anyOf(dhcpServers)} udp dport 67 accept`]),
    ...(timeServers.length === 0 ? [] : [`iifname ${anyOf(timeServers)} udp dport 123 accept`]),
    ...(announced.length === 0
      ? []
      : [
          `iifname ${anyOf(announced)} icmpv6 type nd-router-solicit ip6 hoplimit 255 accept`,
          `iifname ${anyOf(announced)} ip6 saddr fe80::/10 udp dport 547 accept`,
        ]),
  ];
}

/** From a host behind a peer: echo to see that the tunnel carries. The page is not for peers. */
const inputOverlay: Chain = {
  name: 'input_overlay',
  lines: ['icmp type echo-request accept', 'icmpv6 type echo-request accept'],
};

/** The policy's own table comes before this one's chain and leaves a rule's number on what may pass (flow-marks.ts). */
const allowedByRule = `ct mark & 0x${flowMarks.ruleMask.toString(16).padStart(8, '0')} != 0`;

/**
 * Only between hosts' networks and the overlay, and only what the policy has let through. A host on the LAN that tries
 * the underlay is told so at once: its person waits for an answer; strangers get none.
 */
function forward({ lans, internet, internetIpv6, underlay, overlay }: FirewallInput): Chain {
  const between =
    lans.length === 0
      ? []
      : [
          `iifname ${anyOf(lans)} oifname ${quoted(overlay)} ${allowedByRule} accept`,
          `iifname ${quoted(overlay)} oifname ${anyOf(lans)} ${allowedByRule} accept`,
          ...(lans.length < 2
            ? []
            : [`iifname ${anyOf(lans)} oifname ${anyOf(lans)} ${allowedByRule} accept`]),
          ...outwards({ internet, internetIpv6, underlay }),
          `iifname ${anyOf(lans)} counter reject with icmpx type admin-prohibited comment "forward from LAN denied"`,
        ];
  return {
    name: 'forward',
    lines: [
      'type filter hook forward priority filter; policy drop;',
      // A tag is an end of a security association of this box, never a destination behind it.
      `ip6 saddr ${hitPrefix} counter drop`,
      `ip6 daddr ${hitPrefix} counter drop`,
      `oifname ${quoted(overlay)} tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu`,
      `ct state established,related ${allowedByRule} accept`,
      'ct state invalid counter drop comment "forward invalid"',
      ...between,
      'counter comment "forward denied"',
    ],
  };
}

/**
 * Between two ports of a bridge: how hosts find each other (ARP, RFC 4861 § 7.1 from this link alone), and what the
 * policy's table for bridges has let through. No router and no address server but the box is heard there without a rule.
 */
function betweenPorts(apart: readonly string[]): Chain {
  return {
    name: 'forward',
    lines: [
      'type filter hook forward priority filter; policy accept;',
      `meta ibrname != ${setOf(apart)} accept`,
      'ether type arp accept',
      'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
      `${allowedByRule} accept`,
      'counter drop comment "between ports denied"',
    ],
  };
}

/** Hosts of networks that may reach the underlay directly, and the answers they get. */
function outwards({
  internet,
  internetIpv6,
  underlay,
}: Pick<FirewallInput, 'internet' | 'internetIpv6' | 'underlay'>): string[] {
  if (internet.length === 0 || underlay.length === 0) return [];
  return [
    `iifname ${anyOf(internet)} oifname ${anyOf(underlay)} meta nfproto ipv4 accept`,
    // Under their own addresses, which have to be those of their network (RFC 2827).
    ...(internetIpv6.length === 0
      ? []
      : [
          `iifname ${anyOf(internetIpv6)} oifname ${anyOf(underlay)} meta nfproto ipv6 fib saddr . iif oif exists accept`,
        ]),
    `iifname ${anyOf(underlay)} oifname ${anyOf(internet)} ct state established,related accept`,
  ];
}

/** The kernel's own answers would tell a scanner that a box is here, and whether its HIP is running. */
function output({ underlay }: FirewallInput): Chain {
  const lines = ['type filter hook output priority filter; policy accept;'];
  if (underlay.length > 0) {
    const out = `oifname ${setOf(underlay)}`;
    lines.push(
      `icmp type destination-unreachable icmp code != frag-needed ${out} counter drop`,
      `icmpv6 type { destination-unreachable, parameter-problem } ${out} counter drop`,
    );
  }
  return { name: 'output', lines };
}

/**
 * Addresses that are others outside: of whole networks, one to one, towards peers; and the gateway's own for hosts that
 * may reach the underlay directly. Nothing else is translated.
 */
function translation({ mapped, internet, underlay, overlay }: FirewallInput): Chain[] {
  const pairs = (from: 'inside' | 'outside', to: 'inside' | 'outside') =>
    mapped.map((pair) => `${pair[from]} : ${pair[to]}`).join(', ');
  const towardsPeers =
    mapped.length === 0
      ? []
      : [`oifname ${quoted(overlay)} snat ip prefix to ip saddr map { ${pairs('inside', 'outside')} }`];
  const outwards =
    internet.length === 0 || underlay.length === 0
      ? []
      : [`iifname ${anyOf(internet)} oifname ${anyOf(underlay)} meta nfproto ipv4 masquerade`];
  return [
    ...(mapped.length === 0
      ? []
      : [
          {
            name: 'translate_in',
            lines: [
              'type nat hook prerouting priority dstnat; policy accept;',
              `iifname ${quoted(overlay)} dnat ip prefix to ip daddr map { ${pairs('outside', 'inside')} }`,
            ],
          },
        ]),
    ...(towardsPeers.length + outwards.length === 0
      ? []
      : [
          {
            name: 'translate_out',
            lines: [
              'type nat hook postrouting priority srcnat; policy accept;',
              ...towardsPeers,
              ...outwards,
            ],
          },
        ]),
  ];
}

/**
 * The whole base ruleset as one transaction for `nft -f -`: the old tables are gone and the new ones stand in the same
 * instant. `add` before `delete` makes it work the first time, too. Tables of other owners (the overlay's) stay. The
 * mirror's goes, and is loaded afterwards by itself (mirror.ts): nft refuses chains on ports that have just gone, and no
 * firewall may fail because of an analyser.
 */
export function renderFirewall(facts: FirewallInput): string {
  const chains = [
    prerouting(facts),
    untrackedOutput(facts),
    input(facts),
    inputUnderlay(facts),
    ...(facts.lans.length === 0 ? [] : [inputGroup('input_lan', servicesOf(facts))]),
    ...(facts.management === null ? [] : [inputGroup('input_management', [])]),
    inputOverlay,
    forward(facts),
    output(facts),
    ...translation(facts),
  ];
  const table = (family: string, content: readonly Chain[]) => [
    `add table ${family} hithe`,
    `delete table ${family} hithe`,
    ...(content.length === 0 ? [] : [`table ${family} hithe {`, content.map(renderChain).join('\n\n'), '}']),
  ];
  const bridged = facts.apart.length === 0 ? [] : [betweenPorts(facts.apart)];
  const tables = [...table('inet', chains), ...table('bridge', bridged), ...table('netdev', [])];
  return `${tables.join('\n')}\n`;
}

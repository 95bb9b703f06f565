import type { KeyedLayer } from './classes.ts';
import { type Category, type CompiledPolicy, categories, type Table } from './compile.ts';
import { flowMarks, logPrefixes, unloggedCounter } from './flow-marks.ts';
import { limits } from './limits.ts';
import { pagePorts } from './own-services.ts';

export type RulesetPlace = {
  /** Links of hosts' networks, on which quarantine holds. */
  readonly lan: readonly string[];
  /** Of those, the bridges whose ports are kept apart. */
  readonly apart: readonly string[];
  /** The tunnel device. Only what goes between these links, and from them to the box itself, is the policy's. */
  readonly overlay: string;
  /** 1 to `limits.generations`: other than that of the ruleset before, so that established flows are decided anew. */
  readonly generation: number;
  /** True where the kernel's counts belong to rule numbers that are not in use any more. */
  readonly startOver: boolean;
};

export type Chain = {
  readonly name: string;
  /** Of a chain that packets come to by themselves: where. */
  readonly hook?: 'forward' | 'input';
  readonly lines: readonly string[];
};

/** Of the table that routed packets meet, and of the one that packets between a bridge's ports meet. */
export type Family = 'inet' | 'bridge';

export const ipFamilies = ['ipv4', 'ipv6'] as const;
export const keyedLayers: readonly KeyedLayer[] = ['narrow', 'wide'];

/** Set in a table's value, so that a number that was found is told from the class that was looked for. */
const found = 0x8000_0000;
const isFound = 'ct mark & 0x80000000 != 0';

export function chainsOf(policy: CompiledPolicy, place: RulesetPlace, family: Family): readonly Chain[] {
  const shared = [
    ...classChains(),
    ...categoryChains(policy, family),
    ...decisionChains(policy, place, family),
  ];
  if (family === 'bridge') return [...shared, bridgeChain(policy, place)];
  return [...shared, ...ownChains(policy, place), inputChain(policy, place), forwardChain(policy, place)];
}

/** Each puts a class into its place. An answer's source is the connection's destination. */
function classChains(): Chain[] {
  const side = (name: string, holds: string, layer: KeyedLayer, own: string, answers: string): Chain => ({
    name: `${name}_${layer}`,
    lines: [
      `${holds}`,
      ...ipFamilies.flatMap((family) => {
        const ip = family === 'ipv4' ? 'ip' : 'ip6';
        const set = `${holds.slice(0, holds.lastIndexOf(' '))}`;
        return [
          `ct direction original ${set} ${ip} ${own} map @${name}_${layer}_${family}`,
          `ct direction reply ${set} ${ip} ${answers} map @${name}_${layer}_${family}`,
        ];
      }),
    ],
  });
  return keyedLayers.flatMap((layer) => [
    side('source', 'meta mark set 0', layer, 'saddr', 'daddr'),
    side('destination', 'meta priority set 0:0', layer, 'daddr', 'saddr'),
    {
      name: `service_${layer}`,
      lines: [
        'ct mark set 0',
        `ct direction original ct mark set meta l4proto . th dport map @service_${layer}`,
        `ct direction reply ct mark set meta l4proto . th sport map @service_${layer}`,
      ],
    },
  ]);
}

/** The lookups of each category; a class is put into its place again only where the next table wants another layer. */
function categoryChains({ tables }: CompiledPolicy, family: Family): Chain[] {
  const here = categories.filter((category) => family === 'inet' || !category.startsWith('own-'));
  return here.map((category): Chain => {
    const lines = ['ct mark set 0'];
    let before: Partial<Record<keyof Table['layers'], string>> = { service: 'any' };
    for (const { layers: place, entries } of tables.filter((table) => table.category === category)) {
      if (entries.size === 0) continue;
      for (const part of ['source', 'destination', 'service'] as const) {
        const layer = place[part];
        if (layer === 'any' || before[part] === layer) continue;
        lines.push(`jump ${part}_${layer}`);
        before = { ...before, [part]: layer };
      }
      lines.push(lookup(place, entries), `${isFound} return`);
    }
    return { name: category.replaceAll('-', '_'), lines };
  });
}

function lookup(place: Table['layers'], entries: ReadonlyMap<string, number>): string {
  const parts = [
    { layer: place.source, expression: 'meta mark', write: (text: string) => text },
    { layer: place.destination, expression: 'meta priority', write: writeClassId },
    { layer: place.service, expression: 'ct mark', write: (text: string) => text },
  ].filter(({ layer }) => layer !== 'any');
  const value = (number: number) => (found + number).toString();
  if (parts.length === 0) return `ct mark set ${value(entries.get('') ?? 0)}`;
  const elements = [...entries].map(([key, number]) => {
    const words = key.split(' ').map((word, index) => parts[index]?.write(word) ?? word);
    return `${words.join(' . ')} : ${value(number)}`;
  });
  const expression = parts.map((part) => part.expression).join(' . ');
  return `ct mark set ${expression} map { ${elements.join(', ')} }`;
}

/** The type of priorities is written as traffic control's handles, in hexadecimal halves. */
export function writeClassId(text: string): string {
  const number = Number(text);
  return `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`;
}

const number = `ct mark set ct mark & ${hex(flowMarks.ruleMask)}`;
const forget = ['ct mark set 0', 'meta mark set 0', 'meta priority set 0:0'];

function decisionChains(policy: CompiledPolicy, place: RulesetPlace, family: Family): Chain[] {
  const has = (category: Category) => policy.tables.some((table) => table.category === category);
  const isStaged = has('staged-deny') || has('staged-allow');
  return [
    {
      name: 'evaluate',
      lines: [
        ...(isStaged ? ['ct state new jump staged'] : []),
        ...quarantine(policy, place, family),
        ...(has('deny') ? ['jump deny', `${isFound} goto denied_by_rule`] : []),
        ...(has('allow') ? ['jump allow', `${isFound} goto allowed`] : []),
        ...(has('observe') ? ['jump observe', `${isFound} goto allowed`] : []),
        'goto denied_by_default',
      ],
    },
    stagedChain(policy, ''),
    {
      name: 'allowed',
      lines: [
        number,
        'ct state new ct mark @hits counter name allowed',
        `ct mark set ct mark & ${hex(flowMarks.ruleMask)} | ${hex(place.generation * 2 ** flowMarks.generationShift)}`,
        'meta mark set 0',
        'meta priority set 0:0',
        'accept',
      ],
    },
    ...deniedChains(policy, '', family === 'bridge' ? 'meta pkttype != { broadcast, multicast } ' : ''),
    {
      // Whoever it is has no part in the connection that it names: that one's mark stays.
      name: 'spoofed',
      lines: ['counter name denied_spoofed', 'jump log_spoofed', 'drop'],
    },
    ...logChains('', ['staged', 'rule', 'default', 'quarantine', 'spoofed']),
  ];
}

/** Between a bridge's ports both ends are on the LAN, and what goes to all of them has no end to be asked about. */
function quarantine({ accepted }: CompiledPolicy, { lan }: RulesetPlace, family: Family): string[] {
  if (accepted === null || lan.length === 0) return [];
  if (family === 'bridge')
    return [
      'ip saddr != @accepted_ipv4 goto quarantined',
      'ip6 saddr != @accepted_ipv6 goto quarantined',
      'ip daddr != { 224.0.0.0/4, 255.255.255.255 } ip daddr != @accepted_ipv4 goto quarantined',
      'ip6 daddr != ff00::/8 ip6 daddr != @accepted_ipv6 goto quarantined',
    ];
  return [
    { way: 'iifname', own: 'saddr' },
    { way: 'oifname', own: 'daddr' },
  ].flatMap(({ way, own }) => [
    `${way} ${setOf(lan)} ip ${own} != @accepted_ipv4 goto quarantined`,
    `${way} ${setOf(lan)} ip6 ${own} != @accepted_ipv6 goto quarantined`,
  ]);
}

function stagedChain(policy: CompiledPolicy, prefix: '' | 'own_'): Chain {
  return {
    name: `${prefix}staged`,
    lines: [
      `jump ${prefix}staged_deny`,
      `ct mark & 0x80000000 == 0 jump ${prefix}staged_allow`,
      'ct mark & 0x80000000 == 0 return',
      number,
      'ct mark @hits',
      'meta mark set ct mark',
      `${loggedRules(policy)}jump ${prefix}log_staged`,
    ],
  };
}

/**
 * What is not let through: between links the firewall's own chain refuses it, since it has no rule's number; what is for
 * the box itself ends here. `recorded`: which packets records are made of.
 */
function deniedChains(policy: CompiledPolicy, prefix: '' | 'own_', recorded = ''): Chain[] {
  const ending = [...forget, prefix === '' ? 'accept' : 'drop'];
  return [
    {
      name: `${prefix}denied_by_rule`,
      lines: [
        number,
        'ct mark @hits counter name denied_rule',
        'ct state established counter name cut',
        'meta mark set ct mark',
        `${recorded}${loggedRules(policy)}jump ${prefix}log_rule`,
        ...ending,
      ],
    },
    ...[
      { name: 'denied_by_default', counter: 'denied_default', reason: 'default' },
      { name: 'quarantined', counter: 'denied_quarantine', reason: 'quarantine' },
    ].map(({ name, counter, reason }) => ({
      name: `${prefix}${name}`,
      lines: [
        `counter name ${counter}`,
        'ct state established counter name cut',
        'meta mark set 0',
        `${recorded}jump ${prefix}log_${reason}`,
        ...ending,
      ],
    })),
  ];
}

function loggedRules({ unlogged }: CompiledPolicy): string {
  return unlogged.length === 0 ? '' : `meta mark != { ${unlogged.map(String).join(', ')} } `;
}

/** Of what comes faster than records are made it is known how much it was. */
function logChains(prefix: '' | 'own_', reasons: readonly (keyof typeof logPrefixes)[]): Chain[] {
  return reasons.map((reason) => ({
    name: `${prefix}log_${reason}`,
    lines: [
      `limit rate over ${limits.logRate}/second burst ${limits.logBurst} packets counter name ${unloggedCounter} return`,
      `log prefix "${logPrefixes[reason]}" group ${flowMarks.logGroup}`,
    ],
  }));
}

/** What hosts and peers want of the box itself. The page stays open to devices in quarantine: it is where they are accepted. */
function ownChains(policy: CompiledPolicy, { lan }: RulesetPlace): Chain[] {
  const has = (category: Category) => policy.tables.some((table) => table.category === category);
  const isStaged = has('own-staged-deny') || has('own-staged-allow');
  const notPage = `meta l4proto . th dport != { ${pagePorts.map((port) => `6 . ${port}`).join(', ')} }`;
  const unknown = (family: string, isUnknown: string) =>
    `iifname ${setOf(lan)} ${notPage} ${family} saddr ${isUnknown} goto own_quarantined`;
  return [
    {
      name: 'own_evaluate',
      lines: [
        ...(isStaged ? ['ct state new jump own_staged'] : []),
        ...(policy.accepted === null || lan.length === 0
          ? []
          : [
              unknown('ip', '!= @accepted_ipv4'),
              // The link's own addresses say nothing of who it is, its MAC does.
              unknown('ip6', 'fe80::/10 ether saddr != @device_macs'),
              unknown('ip6', '!= fe80::/10 ip6 saddr != @accepted_ipv6'),
            ]),
        ...(has('own-deny') ? ['jump own_deny', `${isFound} goto own_denied_by_rule`] : []),
        ...(has('own-allow') ? ['jump own_allow', `${isFound} goto allowed`] : []),
        ...(has('own-observe') ? ['jump own_observe', `${isFound} goto allowed`] : []),
        ...(policy.ownServices === 'rules' ? [`${notPage} goto own_denied_by_default`] : []),
        ...forget,
        'accept',
      ],
    },
    stagedChain(policy, 'own_'),
    ...deniedChains(policy, 'own_'),
    ...logChains('own_', ['staged', 'rule', 'default', 'quarantine']),
  ];
}

/** Nobody speaks from a device's address with another MAC. */
function spoofing({ bound }: CompiledPolicy, condition: string): string[] {
  if (bound.length === 0) return [];
  return [
    `${condition}ip saddr @bound_ipv4 ip saddr . ether saddr != @owners_ipv4 goto spoofed`,
    `${condition}ip6 saddr @bound_ipv6 ip6 saddr . ether saddr != @owners_ipv6 goto spoofed`,
  ];
}

function inputChain(policy: CompiledPolicy, { generation, lan, overlay }: RulesetPlace): Chain {
  return {
    name: 'input',
    hook: 'input',
    lines: [
      // The management ports are not the policy's: there the page can always be reached.
      `iifname != ${setOf([...lan, overlay])} accept`,
      // Without these there is neither an address to speak of nor a way to the box.
      'udp dport { 67, 547 } accept',
      'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept',
      ...(lan.length === 0 ? [] : spoofing(policy, `iifname ${setOf(lan)} `)),
      // What the box itself asked for.
      'ct direction reply accept',
      'ct state invalid,untracked,related accept',
      `ct mark & ${hex(flowMarks.generationMask)} == ${currentGeneration(generation)} accept`,
      'goto own_evaluate',
    ],
  };
}

function forwardChain(policy: CompiledPolicy, { generation, lan, overlay }: RulesetPlace): Chain {
  const links = setOf([...lan, overlay]);
  const decided = `ct mark & ${hex(flowMarks.generationMask)} == ${currentGeneration(generation)} accept`;
  const spoofed = lan.length === 0 ? [] : spoofing(policy, `iifname ${setOf(lan)} `);
  return {
    name: 'forward',
    hook: 'forward',
    lines: [
      // Nearly all packets belong to a connection that is decided: nothing is asked of them that need not come before.
      ...(spoofed.length === 0 ? [decided] : []),
      `iifname != ${links} accept`,
      `oifname != ${links} accept`,
      ...(spoofed.length === 0 ? [] : [...spoofed, decided]),
      // They have no mark of their own: the firewall's chain drops them.
      'ct state invalid,untracked accept',
      // An error about a connection that is not decided yet: its ports are not the connection's.
      'ct state related drop',
      'goto evaluate',
    ],
  };
}

/** Between two ports of one bridge. How hosts find each other is nobody's rule; who says that an address is his, is. */
function bridgeChain(policy: CompiledPolicy, { generation, apart }: RulesetPlace): Chain {
  return {
    name: 'forward',
    hook: 'forward',
    lines: [
      `meta ibrname != ${setOf(apart)} accept`,
      ...(policy.bound.length === 0
        ? []
        : [
            'arp saddr ip @bound_ipv4 arp saddr ip . arp saddr ether != @owners_ipv4 goto spoofed',
            'arp saddr ip @bound_ipv4 arp saddr ip . ether saddr != @owners_ipv4 goto spoofed',
          ]),
      ...spoofing(policy, ''),
      'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
      // They have no mark of their own: the firewall's chain drops them, but for ARP.
      'ct state invalid,untracked accept',
      `ct mark & ${hex(flowMarks.generationMask)} == ${currentGeneration(generation)} accept`,
      'ct state related drop',
      'goto evaluate',
    ],
  };
}

function currentGeneration(generation: number): string {
  return hex(generation * 2 ** flowMarks.generationShift);
}

function setOf(links: readonly string[]): string {
  return `{ ${links.map((name) => `"${name}"`).join(', ')} }`;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

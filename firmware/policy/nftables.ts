import { type AddressRange, byFamily, formatRange, unionOf } from './address-line.ts';
import type { Classes, ClassRange, KeyedLayer } from './classes.ts';
import { type Category, type CompiledPolicy, categories, type Table } from './compile.ts';
import { flowMarks, logPrefixes } from './flow-marks.ts';
import { limits } from './limits.ts';

/** Table of the policy in nftables, and the set whose elements count connections that rules decided. */
export const policyTable = 'inet hithe_policy';
export const hitsSet = `${policyTable} hits`;

export type RulesetPlace = {
  /** Links of hosts' networks, on which quarantine holds. */
  readonly lan: readonly string[];
  /** The tunnel device. Only what goes between these links is the policy's. */
  readonly overlay: string;
  /** 1 to `limits.generations`: other than that of the ruleset before, so that established flows are decided anew. */
  readonly generation: number;
  /** True where the kernel's counts belong to rule numbers that are not in use any more. */
  readonly startOver: boolean;
};

/** Set in a table's value, so that a number that was found is told from the class that was looked for. */
const found = 0x8000_0000;
const keyed: readonly KeyedLayer[] = ['narrow', 'wide'];

/** Protocols' numbers (IANA) of a service's place on the line; ICMP has two. */
const protocolNumbers = [[6], [17], [1, 58]] as const;

/**
 * The policy as one transaction for `nft -f -`. The number of lookups a packet takes does not depend on the number of
 * rules: sources, destinations and services are classes, rules are entries of tables by classes. Packets of a
 * connection that this ruleset has let through are not looked up at all. Objects keep their names, so that what is
 * counted outlives a change.
 *
 * The verdict is the conntrack mark (see flow-marks.ts): the chain drops nothing, since the firewall's own chain comes
 * after it and lets nothing through that has no rule's number. Without this table nothing passes.
 *
 * While a packet is decided, its mark holds the class of its source, its priority that of its destination, the conntrack
 * mark that of its service: nftables has no other place for a value between two lookups.
 */
export function renderPolicy(policy: CompiledPolicy, place: RulesetPlace): string {
  const chains = [
    ...classChains(),
    ...categoryChains(policy),
    ...decisionChains(policy, place),
    forwardChain(policy, place),
  ];
  return [
    ...(place.startOver ? [`add table ${policyTable}`, `delete table ${policyTable}`] : []),
    ...declarations(chains.map(({ name }) => name)),
    `table ${policyTable} {`,
    ...chains.flatMap(({ name, lines }) => [
      `\tchain ${name} {`,
      ...lines.map((line) => `\t\t${line}`),
      '\t}',
    ]),
    '}',
    ...elementsOf(policy),
    '',
  ].join('\n');
}

type Chain = { readonly name: string; readonly lines: readonly string[] };

const families = ['ipv4', 'ipv6'] as const;
const counters = [
  'denied_rule',
  'denied_default',
  'denied_quarantine',
  'denied_spoofed',
  'cut',
  'allowed',
] as const;

/** Makes what is not there yet, and empties what is: `add` leaves an object that exists as it is. */
function declarations(chains: readonly string[]): string[] {
  const maps = keyed.flatMap((layer) => [
    ...families.flatMap((family) => [
      { name: `source_${layer}_${family}`, type: `${family}_addr : mark; flags interval;` },
      { name: `destination_${layer}_${family}`, type: `${family}_addr : classid; flags interval;` },
    ]),
    { name: `service_${layer}`, type: 'inet_proto . inet_service : mark; flags interval;' },
  ]);
  return [
    `add table ${policyTable}`,
    `add set ${hitsSet} { type mark; counter; }`,
    ...counters.map((name) => `add counter ${policyTable} ${name}`),
    ...maps.map(({ name, type }) => `add map ${policyTable} ${name} { type ${type} }`),
    ...families.map(
      (family) => `add set ${policyTable} accepted_${family} { type ${family}_addr; flags interval; }`,
    ),
    ...families.flatMap((family) => [
      `add set ${policyTable} bound_${family} { type ${family}_addr; flags interval; }`,
      `add set ${policyTable} owners_${family} { type ${family}_addr . ether_addr; flags interval; }`,
    ]),
    `add chain ${policyTable} forward { type filter hook forward priority filter - 10; policy accept; }`,
    ...chains.filter((name) => name !== 'forward').map((name) => `add chain ${policyTable} ${name}`),
    ...chains.map((name) => `flush chain ${policyTable} ${name}`),
    ...maps.map(({ name }) => `flush map ${policyTable} ${name}`),
    ...families.flatMap((family) =>
      ['accepted', 'bound', 'owners'].map((name) => `flush set ${policyTable} ${name}_${family}`),
    ),
  ];
}

/** Each puts a class into its place. An answer's source is the connection's destination. */
function classChains(): Chain[] {
  const side = (name: string, holds: string, layer: KeyedLayer, own: string, answers: string): Chain => ({
    name: `${name}_${layer}`,
    lines: [
      `${holds}`,
      ...families.flatMap((family) => {
        const ip = family === 'ipv4' ? 'ip' : 'ip6';
        const set = `${holds.slice(0, holds.lastIndexOf(' '))}`;
        return [
          `ct direction original ${set} ${ip} ${own} map @${name}_${layer}_${family}`,
          `ct direction reply ${set} ${ip} ${answers} map @${name}_${layer}_${family}`,
        ];
      }),
    ],
  });
  return keyed.flatMap((layer) => [
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
function categoryChains({ tables }: CompiledPolicy): Chain[] {
  return categories.map((category): Chain => {
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
      lines.push(lookup(place, entries), `ct mark & 0x80000000 != 0 return`);
    }
    return { name: category.replace('-', '_'), lines };
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
function writeClassId(text: string): string {
  const number = Number(text);
  return `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`;
}

function decisionChains(policy: CompiledPolicy, { lan, generation }: RulesetPlace): Chain[] {
  const isFound = 'ct mark & 0x80000000 != 0';
  const number = `ct mark set ct mark & ${hex(flowMarks.ruleMask)}`;
  const log = (prefix: string) =>
    `limit rate ${limits.logRate}/second burst ${limits.logBurst} packets log prefix "${prefix}" group ${flowMarks.logGroup}`;
  const logged =
    policy.unlogged.length === 0 ? '' : `meta mark != { ${policy.unlogged.map(String).join(', ')} } `;
  const forget = ['ct mark set 0', 'meta mark set 0', 'meta priority set 0:0', 'accept'];
  const has = (category: Category) => policy.tables.some((table) => table.category === category);
  const isStaged = has('staged-deny') || has('staged-allow');
  const lanSet = setOf(lan);
  const quarantine =
    policy.accepted === null || lan.length === 0
      ? []
      : [
          { way: 'iifname', own: 'saddr' },
          { way: 'oifname', own: 'daddr' },
        ].flatMap(({ way, own }) => [
          `${way} ${lanSet} ip ${own} != @accepted_ipv4 goto quarantined`,
          `${way} ${lanSet} ip6 ${own} != @accepted_ipv6 goto quarantined`,
        ]);
  return [
    {
      name: 'evaluate',
      lines: [
        ...(isStaged ? ['ct state new jump staged'] : []),
        ...quarantine,
        ...(has('deny') ? ['jump deny', `${isFound} goto denied_by_rule`] : []),
        ...(has('allow') ? ['jump allow', `${isFound} goto allowed`] : []),
        ...(has('observe') ? ['jump observe', `${isFound} goto allowed`] : []),
        'goto denied_by_default',
      ],
    },
    {
      name: 'staged',
      lines: [
        'jump staged_deny',
        `ct mark & 0x80000000 == 0 jump staged_allow`,
        'ct mark & 0x80000000 == 0 return',
        number,
        'ct mark @hits',
        'meta mark set ct mark',
        `${logged}${log(logPrefixes.staged)}`,
      ],
    },
    {
      name: 'allowed',
      lines: [
        number,
        'ct state new ct mark @hits counter name allowed',
        `ct mark set ct mark & ${hex(flowMarks.ruleMask)} | ${hex(generation * 2 ** flowMarks.generationShift)}`,
        'meta mark set 0',
        'meta priority set 0:0',
        'accept',
      ],
    },
    {
      name: 'denied_by_rule',
      lines: [
        number,
        'ct mark @hits counter name denied_rule',
        'ct state established counter name cut',
        'meta mark set ct mark',
        `${logged}${log(logPrefixes.rule)}`,
        ...forget,
      ],
    },
    {
      name: 'denied_by_default',
      lines: [
        'counter name denied_default',
        'ct state established counter name cut',
        'meta mark set 0',
        log(logPrefixes.default),
        ...forget,
      ],
    },
    {
      // Whoever it is has no part in the connection that it names: that one's mark stays.
      name: 'spoofed',
      lines: ['counter name denied_spoofed', log(logPrefixes.spoofed), 'drop'],
    },
    {
      name: 'quarantined',
      lines: [
        'counter name denied_quarantine',
        'ct state established counter name cut',
        'meta mark set 0',
        log(logPrefixes.quarantine),
        ...forget,
      ],
    },
  ];
}

function forwardChain({ bound }: CompiledPolicy, { generation, lan, overlay }: RulesetPlace): Chain {
  const current = hex(generation * 2 ** flowMarks.generationShift);
  const links = setOf([...lan, overlay]);
  return {
    name: 'forward',
    lines: [
      `iifname != ${links} accept`,
      `oifname != ${links} accept`,
      ...(bound.length === 0 || lan.length === 0
        ? []
        : [
            `iifname ${setOf(lan)} ip saddr @bound_ipv4 ip saddr . ether saddr != @owners_ipv4 goto spoofed`,
            `iifname ${setOf(lan)} ip6 saddr @bound_ipv6 ip6 saddr . ether saddr != @owners_ipv6 goto spoofed`,
          ]),
      // They have no mark of their own: the firewall's chain drops them.
      'ct state invalid,untracked accept',
      `ct mark & ${hex(flowMarks.generationMask)} == ${current} accept`,
      // An error about a connection that is not decided yet: its ports are not the connection's.
      'ct state related drop',
      'goto evaluate',
    ],
  };
}

function elementsOf(policy: CompiledPolicy): string[] {
  const add = (kind: string, elements: readonly string[]) =>
    elements.length === 0 ? [] : [`add element ${policyTable} ${kind} { ${elements.join(', ')} }`];
  const inFamily = (ranges: readonly AddressRange[], family: (typeof families)[number]) =>
    ranges.flatMap((range) => byFamily(range)[family].map((part) => ({ ...range, ...part })));
  const side = (name: string, classes: Classes, write: (number: string) => string) =>
    keyed.flatMap((layer) =>
      families.flatMap((family) =>
        add(
          `${name}_${layer}_${family}`,
          inFamily(classes.ranges[layer], family).map(
            (range) => `${formatRange(range)} : ${write(String((range as ClassRange).class))}`,
          ),
        ),
      ),
    );
  return [
    ...side('source', policy.sources, (text) => text),
    ...side('destination', policy.destinations, writeClassId),
    ...keyed.flatMap((layer) =>
      add(`service_${layer}`, policy.services.ranges[layer].flatMap(serviceElements)),
    ),
    ...families.flatMap((family) =>
      add(`accepted_${family}`, inFamily(policy.accepted ?? [], family).map(formatRange)),
    ),
    ...families.flatMap((family) => [
      ...add(
        `bound_${family}`,
        inFamily(unionOf(policy.bound.flatMap(({ ranges }) => ranges)), family).map(formatRange),
      ),
      ...add(
        `owners_${family}`,
        policy.bound.flatMap(({ mac, ranges }) =>
          inFamily(ranges, family).map((range) => `${formatRange(range)} . ${mac}`),
        ),
      ),
    ]),
    ...add('hits', [...new Set(policy.numbers.values())].map(String)),
  ];
}

/** `6 . 443-444 : 1`; a range never leaves its protocol, since ports of two are never next to each other in a class. */
function serviceElements({ from, to, class: number }: ClassRange): string[] {
  const first = Number(from & 0xffffn);
  const last = Number(to & 0xffffn);
  const protocol = protocolNumbers[Number(from >> 16n)] ?? [];
  const ports = first === last ? String(first) : `${first}-${last}`;
  return protocol.map((value) => `${value} . ${ports} : ${number}`);
}

function setOf(links: readonly string[]): string {
  return `{ ${links.map((name) => `"${name}"`).join(', ')} }`;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

import { type AddressRange, byFamily, formatRange, unionOf } from './address-line.ts';
import type { Classes, ClassRange } from './classes.ts';
import type { CompiledPolicy } from './compile.ts';
import { unloggedCounter } from './flow-marks.ts';
import {
  type Chain,
  chainsOf,
  type Family,
  ipFamilies,
  keyedLayers,
  type RulesetPlace,
  writeClassId,
} from './ruleset-chains.ts';

/** Tables of the policy in nftables: for routed packets and the box's own, and for those between ports of a bridge. */
export const policyTables = { routed: 'inet hithe_policy', bridged: 'bridge hithe_policy' } as const;

/** The set in each of them whose elements count connections that rules decided. */
export const hitsSet = 'hits';

/** Protocols' numbers (IANA) of a service's place on the line; ICMP has two. */
const protocolNumbers = [[6], [17], [1, 58]] as const;

/**
 * The policy as one transaction for `nft -f -`. The number of lookups a packet takes does not depend on the number of
 * rules: sources, destinations and services are classes, rules are entries of tables by classes. Packets of a
 * connection that this ruleset has let through are not looked up at all. Objects keep their names, so that what is
 * counted outlives a change.
 *
 * The verdict is the conntrack mark (see flow-marks.ts): the chain drops nothing, since the firewall's own chain comes
 * after it and lets nothing through that has no rule's number. Without this table nothing passes. What is for the box
 * itself is dropped here where it is denied: what the firewall admits there does not depend on rules.
 *
 * While a packet is decided, its mark holds the class of its source, its priority that of its destination, the conntrack
 * mark that of its service: nftables has no other place for a value between two lookups.
 */
export function renderPolicy(policy: CompiledPolicy, place: RulesetPlace): string {
  const { routed, bridged } = policyTables;
  const without = (table: string) => [`add table ${table}`, `delete table ${table}`];
  return [
    ...(place.startOver ? without(routed) : []),
    ...tableLines(policy, place, { table: routed, family: 'inet' }),
    ...(place.startOver || place.apart.length === 0 ? without(bridged) : []),
    ...(place.apart.length === 0 ? [] : tableLines(policy, place, { table: bridged, family: 'bridge' })),
    '',
  ].join('\n');
}

type TableName = { readonly table: string; readonly family: Family };

function tableLines(policy: CompiledPolicy, place: RulesetPlace, { table, family }: TableName): string[] {
  const chains = chainsOf(policy, place, family);
  return [
    ...declarations(chains, table),
    `table ${table} {`,
    ...chains.flatMap(({ name, lines }) => [
      `\tchain ${name} {`,
      ...lines.map((line) => `\t\t${line}`),
      '\t}',
    ]),
    '}',
    ...elementsOf(policy, table),
  ];
}

const counters = [
  'denied_rule',
  'denied_default',
  'denied_quarantine',
  'denied_spoofed',
  'cut',
  'allowed',
  unloggedCounter,
] as const;

/** Makes what is not there yet, and empties what is: `add` leaves an object that exists as it is. */
function declarations(chains: readonly Chain[], table: string): string[] {
  const maps = keyedLayers.flatMap((layer) => [
    ...ipFamilies.flatMap((family) => [
      { name: `source_${layer}_${family}`, type: `${family}_addr : mark; flags interval;` },
      { name: `destination_${layer}_${family}`, type: `${family}_addr : classid; flags interval;` },
    ]),
    { name: `service_${layer}`, type: 'inet_proto . inet_service : mark; flags interval;' },
  ]);
  const sets = [
    ...ipFamilies.map((family) => ({
      name: `accepted_${family}`,
      type: `${family}_addr; flags interval;`,
    })),
    ...ipFamilies.flatMap((family) => [
      { name: `bound_${family}`, type: `${family}_addr; flags interval;` },
      { name: `owners_${family}`, type: `${family}_addr . ether_addr; flags interval;` },
    ]),
    { name: 'device_macs', type: 'ether_addr;' },
  ];
  return [
    `add table ${table}`,
    `add set ${table} ${hitsSet} { type mark; counter; }`,
    ...counters.map((name) => `add counter ${table} ${name}`),
    ...maps.map(({ name, type }) => `add map ${table} ${name} { type ${type} }`),
    ...sets.map(({ name, type }) => `add set ${table} ${name} { type ${type} }`),
    ...chains.map(({ name, hook }) =>
      hook === undefined
        ? `add chain ${table} ${name}`
        : `add chain ${table} ${name} { type filter hook ${hook} priority filter - 10; policy accept; }`,
    ),
    ...chains.map(({ name }) => `flush chain ${table} ${name}`),
    ...maps.map(({ name }) => `flush map ${table} ${name}`),
    ...sets.map(({ name }) => `flush set ${table} ${name}`),
  ];
}

function elementsOf(policy: CompiledPolicy, table: string): string[] {
  const add = (kind: string, elements: readonly string[]) =>
    elements.length === 0 ? [] : [`add element ${table} ${kind} { ${elements.join(', ')} }`];
  const inFamily = (ranges: readonly AddressRange[], family: (typeof ipFamilies)[number]) =>
    ranges.flatMap((range) => byFamily(range)[family].map((part) => ({ ...range, ...part })));
  const side = (name: string, classes: Classes, write: (number: string) => string) =>
    keyedLayers.flatMap((layer) =>
      ipFamilies.flatMap((family) =>
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
    ...keyedLayers.flatMap((layer) =>
      add(`service_${layer}`, policy.services.ranges[layer].flatMap(serviceElements)),
    ),
    ...ipFamilies.flatMap((family) =>
      add(`accepted_${family}`, inFamily(policy.accepted ?? [], family).map(formatRange)),
    ),
    ...ipFamilies.flatMap((family) => [
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
    ...add('device_macs', policy.macs),
    ...add(hitsSet, [...new Set(policy.numbers.values())].map(String)),
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

import type { Rule, RuleMode, Schedule, Selector, Service, Side } from '../../../../policy/policy.ts';

/** What one condition of a side asks for, in the order of the form. */
export const conditionKinds = ['device', 'label', 'addresses', 'gateway', 'platform', 'attestation'] as const;
export type ConditionKind = (typeof conditionKinds)[number];
export type Condition = { readonly kind: ConditionKind; readonly value: string };

/** A side as it is typed: of the alternatives one suffices, of an alternative's conditions all must hold. */
export type SideDraft = {
  readonly kind: 'any' | 'own' | 'some';
  readonly alternatives: readonly (readonly Condition[])[];
};

export type ServiceDraft = { readonly protocol: Service['protocol']; readonly ports: string };

/** A rule as it is typed; everything is kept, also what the settings would refuse. */
export type RuleDraft = {
  readonly id: string;
  readonly subject: SideDraft;
  readonly verb: Rule['verb'];
  readonly object: SideDraft;
  readonly services: readonly ServiceDraft[];
  readonly schedule: Schedule | null;
  readonly mode: RuleMode;
  readonly log: boolean;
};

export const noCondition: Condition = { kind: 'device', value: '' };

export const emptyDraft: RuleDraft = {
  id: '',
  subject: { kind: 'some', alternatives: [[noCondition]] },
  verb: 'allow',
  object: { kind: 'some', alternatives: [[noCondition]] },
  services: [{ protocol: 'tcp', ports: '' }],
  schedule: null,
  mode: 'enforce',
  log: true,
};

export function draftOf(rule: Rule): RuleDraft {
  const { id, subject, verb, object, services = 'any', schedule = null, mode = 'enforce', log = true } = rule;
  return {
    ...{ id, verb, mode, log, schedule },
    subject: sideDraftOf(subject),
    object: sideDraftOf(object),
    services:
      services === 'any'
        ? [{ protocol: 'any', ports: '' }]
        : services.map(({ protocol, ports = [] }) => ({ protocol, ports: ports.join(', ') })),
  };
}

/** In the form of the settings; what is as it is unless told is left out. */
export function ruleOf({ id, subject, verb, object, services, schedule, mode, log }: RuleDraft): Rule {
  const given = services.map(serviceOf);
  return {
    id: id.trim(),
    subject: sideOf(subject),
    verb,
    object: sideOf(object),
    ...(given.some(({ protocol }) => protocol === 'any') ? {} : { services: given }),
    ...(schedule === null ? {} : { schedule }),
    ...(mode === 'enforce' ? {} : { mode }),
    ...(log ? {} : { log }),
  };
}

function sideDraftOf(side: Side): SideDraft {
  if (side === 'any') return { kind: 'any', alternatives: [] };
  const selectors = Array.isArray(side) ? (side as readonly Selector[]) : [side as Selector];
  if (selectors.length === 1 && selectors[0]?.own) return { kind: 'own', alternatives: [] };
  return { kind: 'some', alternatives: selectors.map(conditionsOf) };
}

function conditionsOf(selector: Selector): readonly Condition[] {
  const { device, labels = [], addresses, gateway, platform, attestation } = selector;
  const one = (kind: ConditionKind, value: string | undefined) =>
    value === undefined ? [] : [{ kind, value }];
  return [
    ...one('device', device),
    ...labels.map((value) => ({ kind: 'label' as const, value })),
    ...one('addresses', addresses?.join(', ')),
    ...one('gateway', gateway),
    ...one('platform', platform),
    ...one('attestation', attestation),
  ];
}

function sideOf({ kind, alternatives }: SideDraft): Side {
  if (kind === 'any') return 'any';
  if (kind === 'own') return { own: true };
  const selectors = alternatives.map(selectorOf);
  const [first] = selectors;
  return first !== undefined && selectors.length === 1 ? first : selectors;
}

function selectorOf(conditions: readonly Condition[]): Selector {
  const texts = (wanted: ConditionKind) =>
    conditions.filter(({ kind }) => kind === wanted).map(({ value }) => value.trim());
  const labels = texts('label');
  const addresses = texts('addresses').flatMap(listOf);
  const hasAddresses = conditions.some(({ kind }) => kind === 'addresses');
  const [device] = texts('device');
  const [gateway] = texts('gateway');
  const [platform] = texts('platform');
  const [attestation] = texts('attestation') as Selector['attestation'][];
  return {
    ...(device === undefined ? {} : { device }),
    ...(labels.length === 0 ? {} : { labels }),
    ...(hasAddresses ? { addresses } : {}),
    ...(gateway === undefined ? {} : { gateway }),
    ...(platform === undefined ? {} : { platform }),
    ...(attestation === undefined ? {} : { attestation }),
  };
}

function serviceOf({ protocol, ports }: ServiceDraft): Service {
  const list = listOf(ports);
  // Ports of what has none were typed under another protocol: they are kept in the form alone.
  if (list.length === 0 || (protocol !== 'tcp' && protocol !== 'udp')) return { protocol };
  return { protocol, ports: list.map((text) => (/^\d{1,5}$/.test(text) ? Number(text) : text)) };
}

/** `80, 443` as people separate things. */
function listOf(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter((part) => part !== '');
}

/** Kinds that an alternative may have besides what it has: each but labels once. */
export function kindsLeft(conditions: readonly Condition[], at: number): readonly ConditionKind[] {
  return conditionKinds.filter(
    (kind) =>
      kind === 'label' || !conditions.some((condition, index) => index !== at && condition.kind === kind),
  );
}

/** An end that was explained, as the narrowest thing that a rule can say of it. */
type End = { readonly address: string; readonly devices: readonly string[]; readonly own: boolean };

/** A rule that would allow what was asked for. Two ends that are devices keep their names when addresses change. */
export function draftAllowing(
  from: End,
  to: End,
  { protocol, port }: { readonly protocol: string; readonly port: number },
  taken: readonly string[],
): RuleDraft {
  const known = protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp';
  const hasPorts = protocol === 'tcp' || protocol === 'udp';
  return {
    ...emptyDraft,
    id: freeId(['allow', nameOf(from), nameOf(to), hasPorts ? String(port) : protocol].join('-'), taken),
    subject: sideOfEnd(from),
    object: sideOfEnd(to),
    services: [{ protocol: known ? protocol : 'any', ports: hasPorts ? String(port) : '' }],
  };
}

function sideOfEnd({ address, devices: [device], own }: End): SideDraft {
  if (own) return { kind: 'own', alternatives: [] };
  const condition: Condition =
    device === undefined ? { kind: 'addresses', value: address } : { kind: 'device', value: device };
  return { kind: 'some', alternatives: [[condition]] };
}

const nameOf = ({ address, devices: [device], own }: End) => (own ? 'gateway' : (device ?? address));

/** A name for a rule as the settings take it, that no rule has yet. */
export function freeId(wanted: string, taken: readonly string[]): string {
  const plain = wanted
    .toLowerCase()
    .replace(/[^a-z0-9._]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 56);
  const base = plain === '' ? 'rule' : plain;
  if (!taken.includes(base)) return base;
  for (let number = 2; ; number++) if (!taken.includes(`${base}-${number}`)) return `${base}-${number}`;
}

/** Where a condition stands in the settings, below its alternative's path, so that what is refused is told there. */
export function conditionPath(path: string, conditions: readonly Condition[], at: number): string {
  const kind = conditions[at]?.kind ?? 'device';
  if (kind !== 'label') return `${path}.${kind}`;
  const before = conditions.slice(0, at).filter((condition) => condition.kind === 'label').length;
  return `${path}.labels[${before}]`;
}

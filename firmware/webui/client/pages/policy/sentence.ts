import type { Rule, Schedule, Selector, Service, Side } from '../../../../policy/policy.ts';
import { texts } from '../../texts.ts';

const words = texts.policy.words;

/** A rule as a person says it, in the parts that are set off from each other. */
export type Sentence = {
  /** What of one suffices, each in words: `role=plc behind plant`. */
  readonly subject: readonly string[];
  readonly verb: string;
  readonly object: readonly string[];
  /** `on tcp 554`; empty where it speaks of every service. */
  readonly services: string;
  /** `Mon–Fri 08:00–18:00 UTC`; empty where it always counts. */
  readonly schedule: string;
};

export function sentenceOf({ subject, verb, object, services = 'any', schedule }: Rule): Sentence {
  return {
    subject: sideWords(subject, words.anyone),
    verb: words.verb[verb],
    object: sideWords(object, words.anything),
    services: servicesWords(services),
    schedule: schedule === undefined ? '' : scheduleWords(schedule),
  };
}

/** The whole sentence, to be searched, copied and read aloud. */
export function sentenceText(rule: Rule): string {
  const { subject, verb, object, services, schedule } = sentenceOf(rule);
  return [subject.join(words.or), verb, object.join(words.or), services, schedule]
    .filter((part) => part !== '')
    .join(' ');
}

function sideWords(side: Side, everybody: string): readonly string[] {
  if (side === 'any') return [everybody];
  return (Array.isArray(side) ? (side as readonly Selector[]) : [side as Selector]).map(selectorWords);
}

function selectorWords({ device, labels, addresses, gateway, platform, attestation, own }: Selector): string {
  if (own) return words.own;
  const [noun, ...further] = [
    ...(device === undefined ? [] : [device]),
    ...(labels === undefined ? [] : [labels.join(words.and)]),
    ...(addresses === undefined ? [] : [addresses.join(words.or)]),
  ];
  return [
    noun ?? words.everything,
    ...further.map(words.being),
    ...(gateway === undefined ? [] : [words.behind(gateway)]),
    ...(platform === undefined ? [] : [words.onPlatform(platform)]),
    ...(attestation === undefined ? [] : [words.attestation[attestation]]),
  ].join(' ');
}

function servicesWords(services: 'any' | readonly Service[]): string {
  if (services === 'any' || services.some(({ protocol }) => protocol === 'any')) return '';
  return words.on(
    services.map(({ protocol, ports }) =>
      ports === undefined
        ? protocol === 'icmp'
          ? protocol
          : words.everyPort(protocol)
        : `${protocol} ${ports.join(', ')}`,
    ),
  );
}

export function scheduleWords({ days, from, to }: Schedule): string {
  return words.schedule(daysWords(days ?? []), from, to, to <= from);
}

/** `Mon–Fri`, `Sat, Sun`, or every day. Three days in a row and more are a span. */
function daysWords(days: readonly NonNullable<Schedule['days']>[number][]): string {
  const order = Object.keys(words.day) as (keyof typeof words.day)[];
  if (days.length === 0 || order.every((day) => days.includes(day))) return words.daily;
  const spans: (keyof typeof words.day)[][] = [];
  for (const [index, day] of order.entries()) {
    if (!days.includes(day)) continue;
    const before = order[index - 1];
    const last = spans.at(-1);
    if (last !== undefined && last.at(-1) === before) last.push(day);
    else spans.push([day]);
  }
  return spans
    .flatMap((span) => {
      const [first, last] = [span[0], span.at(-1)];
      if (first === undefined || last === undefined) return [];
      return span.length < 3 ? span.map((day) => words.day[day]) : [`${words.day[first]}–${words.day[last]}`];
    })
    .join(', ');
}

/** A rule with its place in the settings. */
export type PlacedRule = { readonly rule: Rule; readonly index: number };

export type RuleGroup = { readonly object: string; readonly rules: readonly PlacedRule[] };

/**
 * The rules by what they speak of, so that everything that is decided about a recorder stands together. What is for
 * everything stands last, what the gateway serves after it.
 */
export function groupByObject(rules: readonly PlacedRule[]): readonly RuleGroup[] {
  const groups = new Map<string, PlacedRule[]>();
  for (const placed of rules) {
    const object = sentenceOf(placed.rule).object.join(words.or);
    const group = groups.get(object);
    if (group === undefined) groups.set(object, [placed]);
    else group.push(placed);
  }
  const late: readonly string[] = [words.anything, words.own];
  return [...groups]
    .map(([object, group]) => ({ object, rules: group }))
    .sort(
      (left, right) =>
        late.indexOf(left.object) - late.indexOf(right.object) || compareNames(left.object, right.object),
    );
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
export const compareNames = (left: string, right: string) => collator.compare(left, right);

/** Whether all words that were searched for stand in a rule's sentence or name. */
export function ruleMatches(rule: Rule, search: string): boolean {
  const text = `${rule.id} ${sentenceText(rule)}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

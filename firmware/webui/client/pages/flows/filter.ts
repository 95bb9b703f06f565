import { addressWith } from '../../address-with.ts';

/** What a person filters flows by. It stands in the page's address under the API's names. */
export interface Filter {
  readonly verdict: Verdict;
  readonly last: Span;
  readonly fields: readonly (readonly [Field, string])[];
}

export const verdicts = ['deny', 'allow', 'all'] as const;
type Verdict = (typeof verdicts)[number];

export const spans = ['5m', '1h', '1d', 'all'] as const;
type Span = (typeof spans)[number];
const spanMs: Record<Exclude<Span, 'all'>, number> = { '5m': 300_000, '1h': 3_600_000, '1d': 86_400_000 };

export const fields = [
  ...(['device', 'gateway', 'address', 'port', 'protocol', 'label', 'rule', 'reason'] as const),
] as const;
export type Field = (typeof fields)[number];

/** Denied ones of all times where the address says nothing else. */
export function readFilter(query: URLSearchParams): Filter {
  const verdict = verdicts.find((each) => each === query.get('verdict')) ?? 'deny';
  const last = spans.find((each) => each === query.get('last')) ?? 'all';
  const given = fields.flatMap((field): [Field, string][] => {
    const value = query.get(field);
    return value === null || value === '' ? [] : [[field, value]];
  });
  return { verdict, last, fields: given };
}

/** The address of the page with another filter; a flow that is opened is closed. */
export function withFilter(name: 'verdict' | 'last' | Field, value: string): string {
  const isDefault = (name === 'verdict' && value === 'deny') || (name === 'last' && value === 'all');
  return addressWith({ [name]: isDefault ? null : value, flow: null });
}

/** The filter as the API takes it; `now` by the box's clock. Live connections are of now, whatever their verdict. */
export function apiFilter(filter: Filter, now: number, isLive = false): string {
  const asked = new URLSearchParams(filter.fields.map(([name, value]) => [name, value]));
  if (!isLive && filter.verdict !== 'all') asked.set('verdict', filter.verdict);
  if (!isLive && filter.last !== 'all') asked.set('since', String(Math.round(now - spanMs[filter.last])));
  return asked.toString();
}

import { type AddressRange, parseAddress, parseAddressRange } from '../policy/address-line.ts';
import type { FlowDirection, FlowEnd, FlowReason, FlowRecord } from './flow-record.ts';

/** Which flows are wanted: those of which all holds that is given. */
export type FlowFilter = {
  /** Milliseconds since 1970: flows that ended then or later, or still live. */
  readonly since?: number | undefined;
  /** Milliseconds since 1970: flows that had begun by then. */
  readonly until?: number | undefined;
  /** Address, network, or name of a device or gateway (`this` is this one), of the end that began it and of the other. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Of either end. */
  readonly address?: string | undefined;
  readonly device?: string | undefined;
  readonly gateway?: string | undefined;
  readonly label?: string | undefined;
  readonly protocol?: string | undefined;
  readonly port?: number | undefined;
  readonly direction?: FlowDirection | undefined;
  readonly verdict?: FlowRecord['verdict'] | undefined;
  /** The rule that decided, or the staged one that would. */
  readonly rule?: string | undefined;
  readonly reason?: FlowReason | undefined;
};

/** An end as a filter names it: an address or network, or a name. */
export type WantedEnd =
  | { readonly kind: 'addresses'; readonly range: AddressRange }
  | { readonly kind: 'name'; readonly name: string };

export function readWantedEnd(text: string): WantedEnd {
  const range = parseAddressRange(text);
  return range === undefined ? { kind: 'name', name: text } : { kind: 'addresses', range };
}

/** Whether a flow is one of those that are wanted. */
export function matchesFlow(filter: FlowFilter, flow: FlowRecord): boolean {
  const { since, until, from, to, address, device, gateway, label } = filter;
  const ends = [flow.from, flow.to];
  const is = <Value>(wanted: Value | undefined, found: Value) => wanted === undefined || wanted === found;
  return (
    (since === undefined || flow.end === null || flow.end >= since) &&
    (until === undefined || flow.start <= until) &&
    is(filter.protocol, flow.protocol) &&
    is(filter.port, flow.port) &&
    is(filter.direction, flow.direction) &&
    is(filter.verdict, flow.verdict) &&
    is(filter.reason, flow.reason) &&
    (is(filter.rule, flow.rule ?? undefined) || filter.rule === flow.staged?.rule) &&
    (gateway === undefined || ends.some((end) => end.gateway === gateway)) &&
    (device === undefined || ends.some(({ devices }) => devices.includes(device))) &&
    (label === undefined || ends.some(({ labels }) => labels.includes(label))) &&
    (from === undefined || isEnd(readWantedEnd(from), flow.from)) &&
    (to === undefined || isEnd(readWantedEnd(to), flow.to)) &&
    (address === undefined || ends.some((end) => isEnd(readWantedEnd(address), end)))
  );
}

function isEnd(wanted: WantedEnd, end: FlowEnd): boolean {
  if (wanted.kind === 'name') return end.gateway === wanted.name || end.devices.includes(wanted.name);
  const place = parseAddress(end.address);
  return place !== undefined && place >= wanted.range.from && place <= wanted.range.to;
}

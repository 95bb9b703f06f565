import { parseIpv6 } from '../../firmware/bytes/ipv6-text.ts';

/** Puts netlink messages together as the kernel does (linux/netlink.h). */

const little = (value: number, octets: number) =>
  Array.from({ length: octets }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff);
export const big = (value: number, octets: number): number[] => little(value, octets).toReversed();

export function attribute(type: number, value: readonly number[]): number[] {
  const padding = new Array<number>((4 - (value.length % 4)) % 4).fill(0);
  return [...little(4 + value.length, 2), ...little(type, 2), ...value, ...padding];
}

/** With NLA_F_NESTED. */
const nest = (type: number, ...values: readonly number[][]) => attribute(0x8000 | type, values.flat());

export function message(type: number, body: readonly number[], family = 2): number[] {
  const whole = [family, 0, 0, 0, ...body];
  return [...control(16 + whole.length, type), ...whole];
}

const control = (length: number, type: number) => [
  ...little(length, 4),
  ...little(type, 2),
  ...[0, 0],
  ...little(1, 4),
  ...[0, 0, 0, 0],
];
export const done = [...control(20, 3), 0, 0, 0, 0];
export const failed = (errno: number) => [
  ...control(36, 2),
  ...little(2 ** 32 - errno, 4),
  ...new Array<number>(16).fill(0),
];

const addressOctets = (text: string) =>
  text.includes(':') ? [...(parseIpv6(text) ?? [])] : text.split('.').map(Number);

export type MadeConnection = {
  readonly from: string;
  readonly to: string;
  /** Who answers, where that is not `to`. */
  readonly answers?: string;
  readonly protocol?: number;
  readonly ports?: readonly [number, number];
  readonly answersAt?: number;
  readonly id?: number;
  readonly mark?: number;
  /** Nanoseconds since 1970. */
  readonly start?: number;
  readonly stop?: number;
  readonly sent?: readonly [number, number];
  readonly received?: readonly [number, number];
};

export const conntrackEvent = { new: 0x100, delete: 0x102 } as const;

/** A connection as ctnetlink_conntrack_event writes it. */
export function connectionMessage(type: number, made: MadeConnection): number[] {
  const { from, to, answers = to, protocol = 6, ports = [40_000, 502], answersAt = ports[1] } = made;
  const tuple = (which: number, source: string, destination: string, [near, far]: readonly number[]) =>
    nest(
      which,
      nest(
        1,
        attribute(source.includes(':') ? 3 : 1, addressOctets(source)),
        attribute(source.includes(':') ? 4 : 2, addressOctets(destination)),
      ),
      nest(2, attribute(1, [protocol]), attribute(2, big(near ?? 0, 2)), attribute(3, big(far ?? 0, 2))),
    );
  const counters = (which: number, [packets, bytes]: readonly [number, number]) =>
    nest(which, attribute(1, big(packets, 8)), attribute(2, big(bytes, 8)));
  return message(type, [
    ...tuple(1, from, to, ports),
    ...tuple(2, answers, from, [answersAt, ports[0]]),
    ...attribute(12, big(made.id ?? 7, 4)),
    ...attribute(3, big(0x18e, 4)),
    ...counters(9, made.sent ?? [7, 700]),
    ...counters(10, made.received ?? [5, 900]),
    ...(made.start === undefined
      ? []
      : nest(
          20,
          attribute(1, big(made.start, 8)),
          ...(made.stop === undefined ? [] : [attribute(2, big(made.stop, 8))]),
        )),
    ...(made.mark === undefined ? [] : attribute(8, big(made.mark, 4))),
  ]);
}

/** A packet as nfnetlink_log writes it; `state` is enum ip_conntrack_info. */
export function logMessage(
  packet: readonly number[],
  {
    prefix,
    mark,
    sequence = 0,
    state = 2,
  }: { readonly prefix: string; readonly mark?: number; readonly sequence?: number; readonly state?: number },
): number[] {
  return message(0x400, [
    ...attribute(1, [8, 0, 2, 0]),
    ...attribute(10, [...prefix].map((letter) => letter.charCodeAt(0)).concat(0)),
    ...(mark === undefined ? [] : attribute(2, big(mark, 4))),
    ...attribute(9, packet),
    ...attribute(12, big(sequence, 4)),
    ...attribute(19, big(state, 4)),
  ]);
}

export function ipv4Packet(
  from: string,
  to: string,
  { protocol = 6, ports = [40_000, 502], length = 60, fragment = 0 } = {},
) {
  return [
    ...[0x45, 0, ...big(length, 2), 0, 0, ...big(fragment, 2), 64, protocol, 0, 0],
    ...[...addressOctets(from), ...addressOctets(to)],
    ...ports.flatMap((port) => big(port, 2)),
  ];
}

/** `headers` are extension headers: the first's number, then their octets. */
export function ipv6Packet(
  from: string,
  to: string,
  { first = 17, headers = [] as number[], ports = [40_000, 53] } = {},
) {
  const rest = [...headers, ...ports.flatMap((port) => big(port, 2))];
  return [
    0x60,
    0,
    0,
    0,
    ...big(rest.length, 2),
    first,
    64,
    ...addressOctets(from),
    ...addressOctets(to),
    ...rest,
  ];
}

export const datagram = (...messages: readonly (readonly number[])[]) => Uint8Array.from(messages.flat());

/** A counter as nf_tables_fill_obj_info writes it. */
export const counterMessage = (packets: number): number[] =>
  message(
    0xa12,
    [
      ...attribute(1, [...new TextEncoder().encode('hithe'), 0]),
      ...attribute(2, [...new TextEncoder().encode('all'), 0]),
      ...attribute(3, big(1, 4)),
      ...nest(4, attribute(1, big(99, 8)), attribute(2, big(packets, 8))),
    ],
    1,
  );

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { encodeConntrackDump, parseConntrackMessages } from '../../firmware/flows/conntrack-messages.ts';
import { encodeCounterRequest, parseCounterAnswer } from '../../firmware/flows/counter-messages.ts';
import { encodeLogRequest, parseLogDatagram } from '../../firmware/flows/denied-packets.ts';
import { limits } from '../../firmware/flows/limits.ts';
import {
  attribute,
  big,
  connectionMessage,
  conntrackEvent,
  counterMessage,
  datagram,
  done,
  failed,
  ipv4Packet,
  ipv6Packet,
  logMessage,
  message,
} from './netlink-octets.ts';

const ends = { from: '192.168.1.10', to: '192.168.2.20' };
const connections = (octets: Uint8Array) =>
  parseConntrackMessages(octets).flatMap((found) => (found.kind === 'end' ? [] : [found.connection]));

describe('linux/netfilter/nfnetlink_conntrack.h: connections', () => {
  test('an ended one has its ends, mark, times and counts', () => {
    const octets = datagram(
      connectionMessage(conntrackEvent.delete, {
        ...ends,
        ...{ id: 0xfedc_ba98, mark: 0x0300_0007 },
        ...{ start: 1_700_000_000_123_456_800, stop: 1_700_000_005_000_000_000 },
      }),
    );
    expect(parseConntrackMessages(octets)).toEqual([
      {
        kind: 'ended',
        connection: {
          ...{ id: 0xfedc_ba98, ...ends, protocol: 6, port: 502, mark: 0x0300_0007 },
          ...{ start: 1_700_000_000_123, end: 1_700_000_005_000 },
          ...{ sent: { packets: 7, bytes: 700 }, received: { packets: 5, bytes: 900 } },
        },
      },
    ]);
  });

  test('one that lives has no end; without times and mark it has none', () => {
    const [found] = parseConntrackMessages(datagram(connectionMessage(conntrackEvent.new, ends)));
    expect(found).toMatchObject({ kind: 'lives', connection: { start: null, end: null, mark: 0 } });
  });

  test('who answers counts, not who was asked: addresses and ports may be translated', () => {
    const made = { ...ends, to: '10.1.0.20', answers: '192.168.2.20', answersAt: 1502 };
    expect(connections(datagram(connectionMessage(conntrackEvent.delete, made)))).toMatchObject([
      { ...ends, port: 1502 },
    ]);
  });

  test('IPv6, and several in one datagram; what is of another kind is passed over', () => {
    const six = { from: 'fd20:1::10', to: 'fd20:2::10', protocol: 17, ports: [40_000, 53] } as const;
    const octets = datagram(
      connectionMessage(conntrackEvent.new, six),
      message(0x200, [1, 2, 3, 4]),
      connectionMessage(conntrackEvent.new, { ...ends, protocol: 47 }),
      done,
    );
    expect(connections(octets)).toMatchObject([
      { from: 'fd20:1::10', to: 'fd20:2::10', protocol: 17, port: 53 },
      { ...ends, protocol: 47 },
    ]);
    expect(parseConntrackMessages(octets).at(-1)).toEqual({ kind: 'end', error: 0 });
  });

  test('an error carries its number, 0 where a request was granted', () => {
    expect(parseConntrackMessages(datagram(failed(16)))).toEqual([{ kind: 'end', error: 16 }]);
    expect(parseConntrackMessages(datagram(failed(0)))).toEqual([{ kind: 'end', error: 0 }]);
  });

  test('without a tuple or an id it is no connection', () => {
    expect(connections(datagram(message(conntrackEvent.new, attribute(12, big(7, 4)))))).toEqual([]);
    const whole = connectionMessage(conntrackEvent.new, ends);
    // An address of five octets.
    const wrong = whole.slice();
    wrong[28] = 9;
    expect(connections(Uint8Array.from(wrong))).toEqual([]);
  });

  test('counts beyond 2^53 are as large as numbers go', () => {
    const [found] = connections(
      datagram(
        connectionMessage(conntrackEvent.new, { ...ends, sent: [1, 2 ** 60], received: [0, 2 ** 53 - 1] }),
      ),
    );
    expect(found).toMatchObject({
      sent: { bytes: Number.MAX_SAFE_INTEGER },
      received: { bytes: Number.MAX_SAFE_INTEGER },
    });
  });

  test('a datagram holds so many messages and no more, a structure so many attributes', () => {
    const one = connectionMessage(conntrackEvent.new, ends);
    const many = (count: number) => connections(datagram(...new Array<number[]>(count).fill(one))).length;
    expect([many(limits.messagesPerDatagram), many(limits.messagesPerDatagram + 1)]).toEqual([
      limits.messagesPerDatagram,
      limits.messagesPerDatagram,
    ]);
    const foundBehind = (count: number) => {
      const fillers = new Array<number[]>(count).fill(attribute(99, [0])).flat();
      return connections(datagram(message(conntrackEvent.new, [...fillers, ...one.slice(20)]))).length;
    };
    // A connection's own are five here.
    expect([foundBehind(limits.attributes - 5), foundBehind(limits.attributes)]).toEqual([1, 0]);
  });

  test('the request for all of them is what the kernel reads', () => {
    expect(toHex(encodeConntrackDump(9))).toBe('14000000010101030900000000000000' + '00000000');
  });
});

describe('linux/netfilter/nfnetlink_log.h: logged packets', () => {
  const parsed = (...messages: number[][]) => parseLogDatagram(datagram(...messages)).packets;

  test('a denied one has its ends, its rule and why', () => {
    const packet = ipv4Packet(ends.from, ends.to);
    expect(parsed(logMessage(packet, { prefix: 'hithe deny rule', mark: 0x0300_0009 }))).toEqual([
      {
        ...{ reason: 'rule', ...ends, protocol: 6, port: 502, octets: 60, mark: 9 },
        ...{ established: false, isReply: false },
      },
    ]);
  });

  test.each([
    ['hithe deny default', 'default'],
    ['hithe deny quarantine', 'quarantine'],
    ['hithe deny spoofed', 'spoofed'],
    ['hithe staged rule ', 'staged'],
  ])('%j is %s', (prefix, reason) => {
    expect(parsed(logMessage(ipv4Packet(ends.from, ends.to), { prefix }))).toMatchObject([
      { reason, mark: 0 },
    ]);
  });

  test('a prefix of somebody else is passed over, its number is not', () => {
    const octets = datagram(
      logMessage(ipv4Packet(ends.from, ends.to), { prefix: 'other', sequence: 4 }),
      logMessage(ipv4Packet(ends.from, ends.to), { prefix: 'x'.repeat(1_000), sequence: 5 }),
    );
    expect(parseLogDatagram(octets)).toEqual({ packets: [], sequences: [4, 5] });
  });

  test.each([
    [0, { established: true, isReply: false }],
    [1, { established: false, isReply: false }],
    [2, { established: false, isReply: false }],
    [3, { established: true, isReply: true }],
    [4, { established: false, isReply: true }],
  ])('conntrack state %i', (state, expected) => {
    const packet = ipv4Packet(ends.to, ends.from, { ports: [502, 40_000] });
    const [found] = parsed(logMessage(packet, { prefix: 'hithe deny rule', state }));
    expect(found).toMatchObject(expected);
    // An answer is told from whom the connection came.
    expect(found).toMatchObject(
      expected.isReply ? { ...ends, port: 502 } : { from: ends.to, to: ends.from, port: 40_000 },
    );
  });

  test('a later fragment and a protocol without ports have none', () => {
    const fragment = ipv4Packet(ends.from, ends.to, { fragment: 0x2001 });
    const gre = ipv4Packet(ends.from, ends.to, { protocol: 47 });
    for (const packet of [fragment, gre])
      expect(parsed(logMessage(packet, { prefix: 'hithe deny default' }))).toMatchObject([{ port: 0 }]);
  });

  test.each([
    ['no extension headers', { first: 17 }, { protocol: 17, port: 53 }],
    [
      'hop by hop and destination options',
      { first: 0, headers: [60, 0, 0, 0, 0, 0, 0, 0, 17, 1, ...new Array<number>(14).fill(0)] },
      { protocol: 17, port: 53 },
    ],
    ['a first fragment', { first: 44, headers: [17, 0, 0, 1, 0, 0, 0, 9] }, { protocol: 17, port: 53 }],
    ['a later fragment', { first: 44, headers: [17, 0, 0, 9, 0, 0, 0, 9] }, { protocol: 17, port: 0 }],
  ])('RFC 8200 § 4: IPv6 with %s', (_, options, expected) => {
    const packet = ipv6Packet('fd20:1::10', 'fd20:2::10', options);
    expect(parsed(logMessage(packet, { prefix: 'hithe deny default' }))).toMatchObject([
      { from: 'fd20:1::10', to: 'fd20:2::10', ...expected, octets: packet.length },
    ]);
  });

  test('the request for the group is what the kernel reads', () => {
    expect(toHex(encodeLogRequest(1, { copied: 128, packets: 64, hundredths: 20, connections: true }))).toBe(
      [
        ...['48000000', '0104', '0500', '01000000', '00000000', '0000', '1b58'],
        ...['05000100', '01000000', '0a000200', '000000800200', '0000', '08000300', '00010000'],
        ...['08000400', '00000014', '08000500', '00000040', '06000600', '0005', '0000'],
      ].join(''),
    );
  });
});

describe('linux/netfilter/nf_tables.h: a named counter', () => {
  test('the request for it is what the kernel reads', () => {
    expect(toHex(encodeCounterRequest(2, { family: 1, table: 'hithe', name: 'all' }))).toBe(
      [
        ...['30000000', '130a', '0100', '02000000', '00000000', '0100', '0000'],
        ...['0a000100', '686974686500', '0000', '08000200', '616c6c00', '08000300', '00000001'],
      ].join(''),
    );
  });

  test('its packets; of what is not there, none', () => {
    expect(parseCounterAnswer(datagram(counterMessage(1234)))).toBe(1234);
    expect(parseCounterAnswer(datagram(counterMessage(2 ** 40 + 7)))).toBe(2 ** 40 + 7);
    expect(parseCounterAnswer(datagram(failed(2)))).toBeUndefined();
  });
});

describe('any octets', () => {
  const seeds = [
    datagram(counterMessage(1234)),
    datagram(connectionMessage(conntrackEvent.delete, { ...ends, mark: 5, start: 1e18, stop: 2e18 })),
    datagram(connectionMessage(conntrackEvent.new, { from: 'fd20:1::10', to: 'fd20:2::10' }), done),
    datagram(logMessage(ipv4Packet(ends.from, ends.to), { prefix: 'hithe deny rule', mark: 3 })),
    datagram(
      logMessage(ipv6Packet('fd20:1::10', 'fd20:2::10', { first: 44, headers: [17, 0, 0, 1, 0, 0, 0, 9] }), {
        prefix: 'hithe deny default',
      }),
    ),
  ];
  /** Octets of the kernel's, some of them changed, and cut somewhere. */
  const nearly = fc
    .record({
      seed: fc.constantFrom(...seeds),
      changes: fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 8 }),
      length: fc.nat({ max: 400 }),
    })
    .map(({ seed, changes, length }) => {
      const octets = seed.slice(0, Math.max(20, length));
      for (const [at, value] of changes) if (at < octets.length) octets[at] = value;
      return octets;
    });

  test('are parsed without an exception, from any place in a buffer, within bounds', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 600 }), nearly),
        fc.nat({ max: 7 }),
        (octets, offset) => {
          const buffer = new Uint8Array(octets.length + offset + 3).fill(0xff);
          buffer.set(octets, offset);
          const view = buffer.subarray(offset, offset + octets.length);
          const messages = parseConntrackMessages(view);
          expect(messages.length).toBeLessThanOrEqual(octets.length / 16);
          // What lies behind the datagram is not looked at.
          expect(messages).toEqual(parseConntrackMessages(octets));
          const { packets, sequences } = parseLogDatagram(view);
          expect(packets.length + sequences.length).toBeLessThanOrEqual(octets.length / 8);
          expect(parseCounterAnswer(view)).toBe(parseCounterAnswer(octets));
          for (const { mark, port } of packets) {
            expect(mark).toBeLessThanOrEqual(0xff_ffff);
            expect(port).toBeLessThanOrEqual(0xffff);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseIpv6 } from '../../../firmware/bytes/ipv6-text.ts';
import { type EspCounters, parseEspListing } from '../../../firmware/netd/overlay/esp-listing.ts';
import { parsePathMtus, parseWrongSources } from '../../../firmware/netd/overlay/kernel-commands.ts';
import { kernelEventGroups, parseKernelEvents } from '../../../firmware/netd/overlay/kernel-events.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { TrafficCount } from '../../../firmware/netd/overlay/traffic-count.ts';

/** A netlink message with fields put at their offsets in the structure (linux/xfrm.h). */
function message(type: number, size: number, put: (view: DataView, octets: Uint8Array) => void): Uint8Array {
  const whole = new Uint8Array(16 + size);
  const header = new DataView(whole.buffer);
  header.setUint32(0, whole.length, true);
  header.setUint16(4, type, true);
  const body = whole.subarray(16);
  put(new DataView(body.buffer, 16), body);
  return whole;
}

const hit = '2001:22:1::b';
const ipv6 = (text: string) => parseIpv6(text) ?? new Uint8Array(16);
const acquire = (family = 10) =>
  message(0x17, 280, (view, octets) => {
    octets.set(ipv6(hit), 40);
    view.setUint16(80, family, true);
  });
const expire = (hard: boolean) =>
  message(0x18, 232, (view) => {
    view.setUint32(72, 0x1a2b3c4d);
    view.setUint32(208, 0x10001, true);
    view.setUint8(224, hard ? 1 : 0);
  });
const mapping = (family: number, address: Uint8Array) =>
  message(0x26, 64, (view, octets) => {
    view.setUint32(16, 0x1a2b3c4d);
    view.setUint16(20, family, true);
    view.setUint32(24, 0x10001, true);
    octets.set(address, 44);
    view.setUint16(60, 10500);
    view.setUint16(62, 4711);
  });
const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

describe('XFRM’s events', () => {
  const ids = { mark: 0x10001, spi: 0x1a2b3c4d };

  test('the groups of acquire, expire and mapping', () => {
    expect(kernelEventGroups).toBe(0b1000_0011);
  });

  test.each([
    ['acquire', acquire(), { type: 'acquire', peerHit: hit }],
    ['soft expiry', expire(false), { type: 'expire', ...ids, hard: false }],
    ['hard expiry', expire(true), { type: 'expire', ...ids, hard: true }],
    [
      'mapping over IPv4',
      mapping(2, Uint8Array.of(192, 0, 2, 7)),
      { type: 'mapping', ...ids, from: { address: '192.0.2.7', port: 4711 } },
    ],
    [
      'mapping over IPv6',
      mapping(10, ipv6('2001:db8::7')),
      { type: 'mapping', ...ids, from: { address: '2001:db8::7', port: 4711 } },
    ],
  ])('%s', (_, datagram, event) => {
    expect(parseKernelEvents(datagram)).toEqual([event]);
    for (let length = 0; length < datagram.length; length++)
      expect(parseKernelEvents(datagram.subarray(0, length))).toEqual([]);
  });

  test('an acquire for another family, and other messages, are passed over', () => {
    expect(parseKernelEvents(acquire(2))).toEqual([]);
    const other = message(0x10, 224, () => {});
    expect(parseKernelEvents(joined(other, expire(true)))).toHaveLength(1);
  });

  test('of one datagram no more than the limit', () => {
    const many = (count: number) => joined(...Array.from({ length: count }, () => expire(true)));
    expect(parseKernelEvents(many(limits.eventsPerDatagram))).toHaveLength(limits.eventsPerDatagram);
    expect(parseKernelEvents(many(limits.eventsPerDatagram + 1))).toHaveLength(limits.eventsPerDatagram);
  });

  test('any octets have an answer', () => {
    const length = fc.integer({ min: 0, max: 400 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), length, (octets, claimed) => {
        if (octets.length >= 6) {
          const view = new DataView(octets.buffer, octets.byteOffset);
          view.setUint32(0, claimed, true);
          view.setUint16(4, [0x17, 0x18, 0x26][claimed % 3] ?? 0, true);
        }
        expect(parseKernelEvents(octets).length).toBeLessThanOrEqual(limits.eventsPerDatagram);
      }),
    );
  });
});

describe('ip -s -o xfrm state list nokeys', () => {
  const text = readFileSync(new URL('../../golden/netd/overlay/esp-listing.txt', import.meta.url), 'utf8');

  test('of iproute2 6.15 on kernel 6.12', () => {
    const common = { mark: 7, bytes: 10_352, packets: 23, tooOld: 0, replayed: 0, forged: 0 };
    expect(parseEspListing(text).slice(0, 3)).toEqual([
      { ...common, spi: 0x222, source: '10.0.0.2', destination: '10.0.0.1', sentSequence: 0n },
      { ...common, spi: 0x111, source: '10.0.0.1', destination: '10.0.0.2', sentSequence: 0x17n },
      {
        ...{ ...common, bytes: 0, packets: 0 },
        ...{ spi: 0x99a, source: '10.0.0.1', destination: '10.0.0.2', sentSequence: 0n },
      },
    ]);
  });

  test('64-bit sequence numbers and drops', () => {
    const counted = text
      .replace('oseq-hi 0x0, oseq 0x0', 'oseq-hi 0x3, oseq 0xfffffff0')
      .replace('replay-window 0 replay 0 failed 0', 'replay-window 1 replay 22 failed 333');
    expect(parseEspListing(counted)[0]).toMatchObject({
      ...{ sentSequence: 0x3_ffff_fff0n, tooOld: 1, replayed: 22, forged: 333 },
    });
  });

  test('any text has an answer', () => {
    const part = fc.constantFrom(...text.split(/(?<=\\)/), '\n', '0x', '\\\t', '(');
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string())), (parts) =>
        Array.isArray(parseEspListing(parts.join(''))),
      ),
    );
  });
});

describe('counters of one peer', () => {
  const reading = (spi: number, packets: number, fields: Partial<EspCounters> = {}): EspCounters => ({
    ...{ spi, mark: 7, source: 'a', destination: spi < 100 ? 'here' : 'there', sentSequence: 0n },
    ...{ bytes: packets * 100, packets, tooOld: 0, replayed: 0, forged: 0 },
    ...fields,
  });
  const isInbound = ({ destination }: EspCounters) => destination === 'here';

  test('add up over rekeys, where both halves start over', () => {
    const count = new TrafficCount();
    expect(count.add([reading(1, 5), reading(101, 7)], isInbound)).toEqual({ sent: true, received: true });
    expect(count.add([reading(1, 5), reading(101, 7)], isInbound)).toEqual({ sent: false, received: false });
    // Both inbound ones still receive; the outbound one was replaced.
    expect(count.add([reading(1, 6), reading(2, 3), reading(102, 0)], isInbound)).toEqual({
      sent: false,
      received: true,
    });
    expect(count.totals).toMatchObject({
      receivedPackets: 9,
      receivedBytes: 900,
      sentPackets: 7,
      sentBytes: 700,
    });
  });

  test('an SPI that comes again counts from nothing', () => {
    const count = new TrafficCount();
    count.add([reading(101, 50)], isInbound);
    count.add([reading(101, 2)], isInbound);
    expect(count.totals.sentPackets).toBe(52);
  });

  test('drops are of what comes in', () => {
    const count = new TrafficCount();
    count.add(
      [reading(1, 1, { tooOld: 1, replayed: 2, forged: 3 }), reading(101, 1, { forged: 9 })],
      isInbound,
    );
    count.add([reading(1, 1, { tooOld: 1, replayed: 4, forged: 3 })], isInbound);
    expect(count.totals).toMatchObject({ tooOld: 1, replayed: 4, forged: 3 });
  });
});

test('nft list set: packets by mark', () => {
  const text = `table inet hithe_overlay {
	set wrong_sources {
		type mark
		size 3
		flags dynamic
		counter
		elements = { 0x00010001 counter packets 3 bytes 252, 0x00010002 counter packets 1 bytes 84 }
	}
}`;
  expect(parseWrongSources(text)).toEqual(
    new Map([
      [0x10001, 3],
      [0x10002, 1],
    ]),
  );
  expect(parseWrongSources('')).toEqual(new Map());
});

test('ip route get: what is known of the way', () => {
  const text = `192.0.2.2 via 10.0.0.1 dev eth0 src 10.0.0.2 uid 0 \n    cache expires 586sec mtu 1400 \n198.51.100.1 dev eth1 src 198.51.100.2 uid 0 \n    cache \n2001:db8::2 from :: via fe80::1 dev eth0 proto ra src 2001:db8::1 metric 100 expires 588sec mtu 1280 pref medium\n`;
  expect(parsePathMtus(text)).toEqual(
    new Map([
      ['192.0.2.2', 1400],
      ['2001:db8::2', 1280],
    ]),
  );
});

import { describe, expect, test } from 'vitest';
import type { Locator } from '../../firmware/hip/locator.ts';
import type { Datagram } from './datagram.ts';
import { Nat } from './nat.ts';
import { SeededRandom } from './random.ts';
import type { NatPlan } from './scenario.ts';
import { Underlay } from './underlay.ts';
import { VirtualTime } from './virtual-time.ts';

const inner = { address: '192.168.1.10', port: 10_500 };
const outside = (host: number, port = 10_500): Locator => ({ address: `192.0.2.${host}`, port });

/** A host behind a NAT and three outside. */
function scene(plan: Partial<NatPlan>) {
  const time = new VirtualTime();
  const underlay = new Underlay(time, new SeededRandom(1, 'underlay'));
  const link = { loss: 0, duplication: 0, latencyMs: 1, jitterMs: 0 };
  const nat = new Nat(
    {
      ...{ name: 'nat', address: '198.51.100.1', timeoutMs: 60_000, forwardsTo: null, link },
      ...{ mapping: 'endpoint-independent', filtering: 'endpoint-independent', ...plan },
    },
    underlay,
    time,
    new SeededRandom(1, 'nat'),
  );
  const received: Datagram[] = [];
  const host = { name: 'host', receive: (datagram: Datagram) => void received.push(datagram) };
  const heard: Locator[] = [];
  const others = [1, 2, 3].map((number) => {
    const other = { name: `${number}`, receive: ({ from }: Datagram) => void heard.push(from) };
    underlay.setAddresses(other, [outside(number).address]);
    return other;
  });
  const datagram = (from: Locator, to: Locator): Datagram => ({
    ...{ from, to, origin: 'test', sentTo: to },
    content: { kind: 'hip', octets: new Uint8Array() },
  });
  const pass = (milliseconds: number) => {
    const until = time.now + milliseconds;
    while (time.step(until));
  };
  return {
    nat,
    pass,
    /** Sends outwards and gives the outer locator that arrives. */
    out(to: Locator): Locator | undefined {
      heard.length = 0;
      nat.send(host, datagram(inner, to));
      pass(50);
      return heard[0];
    },
    /** Whether what an outside host sends to an outer locator gets in. */
    in(from: number, to: Locator, port = 10_500): boolean {
      received.length = 0;
      const other = others[from - 1];
      if (other !== undefined) underlay.send(other, datagram(outside(from, port), to));
      pass(50);
      return received.length > 0;
    },
    forward: () => nat.forward(inner, host),
  };
}

describe('RFC 4787 §4.1: mapping', () => {
  test.each([
    ['endpoint-independent', true],
    ['endpoint-dependent', false],
  ] as const)('%s', (mapping, isSame) => {
    const { out } = scene({ mapping });
    const first = out(outside(1));
    expect(first?.address).toBe('198.51.100.1');
    expect(out(outside(1))).toEqual(first);
    expect(out(outside(2))?.port === first?.port).toBe(isSame);
  });
});

describe('RFC 4787 §5: filtering', () => {
  test.each([
    ['endpoint-independent', true],
    ['endpoint-dependent', false],
  ] as const)('%s', (filtering, letsOthersIn) => {
    const net = scene({ filtering });
    const outer = net.out(outside(1)) ?? inner;
    expect(net.in(1, outer)).toBe(true);
    expect(net.in(1, outer, 9_999)).toBe(letsOthersIn);
    expect(net.in(3, outer)).toBe(letsOthersIn);
  });
});

test('RFC 4787 §4.3: a mapping ends when it is not used, and packets either way use it', () => {
  const net = scene({ timeoutMs: 60_000 });
  const outer = net.out(outside(1)) ?? inner;
  net.pass(59_000);
  expect(net.in(1, outer)).toBe(true);
  net.pass(59_000);
  expect(net.out(outside(1))).toEqual(outer);
  net.pass(61_000);
  expect(net.in(1, outer)).toBe(false);
  expect(net.out(outside(1))).not.toEqual(outer);
});

test('a NAT that starts over gives another port; a forwarded port stays open and the same', () => {
  const net = scene({ mapping: 'endpoint-dependent', filtering: 'endpoint-dependent' });
  const before = net.out(outside(1)) ?? inner;
  net.nat.rebind();
  expect(net.in(1, before)).toBe(false);
  expect(net.out(outside(1))).not.toEqual(before);
  net.forward();
  net.nat.rebind('198.51.100.9');
  expect(net.in(2, { address: '198.51.100.9', port: 10_500 })).toBe(true);
  expect(net.out(outside(1))).toEqual({ address: '198.51.100.9', port: 10_500 });
});

test('nothing but UDP passes', () => {
  const { out } = scene({});
  expect(out({ address: '192.0.2.1', port: null })).toBeUndefined();
});

import { describe, expect, test } from 'vitest';
import { unassociated } from '../../../firmware/hip/association.ts';
import { limits as hipLimits } from '../../../firmware/hip/limits.ts';
import type { Packet } from '../../../firmware/hip/packet.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { type Overlay, startOverlay } from '../../../firmware/netd/overlay/overlay.ts';
import type { OverlayPorts } from '../../../firmware/netd/overlay/ports.ts';
import { type RoutedAssociation, RouteWatch } from '../../../firmware/netd/overlay/route-watch.ts';
import { newSigner, parsed } from '../../hip/two-hosts.ts';
import { Bench, CountingKernel, peer } from './overlay-bench.ts';

/** Associations with peers at 198.51.100.0 and up, all from one address of ours. */
const associations = (count: number): RoutedAssociation[] =>
  Array.from({ length: count }, (_, index) => ({
    state: unassociated,
    locator: { address: `198.51.100.${index}`, port: 10500 },
    localAddress: '192.0.2.1',
  }));

describe('looking whether routes moved', () => {
  test('asks for so many at a time, and for all of them in turns', async () => {
    const asked: string[] = [];
    const last = limits.routesPerCheck;
    const watch = new RouteWatch(async ({ address }) => {
      asked.push(address);
      return address === `198.51.100.${last}` ? '192.0.2.7' : '192.0.2.1';
    });
    const all = associations(limits.routesPerCheck + 1);
    expect(await watch.hasMoved(all)).toBe(false);
    expect(asked).toHaveLength(limits.routesPerCheck);
    expect(await watch.hasMoved(all)).toBe(true);
  });

  test('is content with no association and with no route', async () => {
    const watch = new RouteWatch(async () => null);
    expect(await watch.hasMoved([])).toBe(false);
    expect(await watch.hasMoved(associations(1))).toBe(false);
  });
});

/** A box `a` whose default route is by the first of its two uplinks, and a peer, with an association between them. */
async function boxWithTwoUplinks() {
  const bench = new Bench();
  const signer = newSigner();
  const uplinks = [bench.ports('192.0.2.1', signer), bench.ports('192.0.2.7', signer)] as const;
  let [route] = uplinks;
  let beforeSending: (packet: Packet) => void = () => {};
  const socket: OverlayPorts['socket'] = {
    ...route.socket,
    send: (packet, to) => {
      beforeSending(parsed(packet));
      route.socket.send(packet, to);
    },
    onPacket: (listener) => {
      for (const uplink of uplinks) uplink.socket.onPacket(listener);
    },
  };
  const a = await startOverlay(
    { ...route, socket, sourceAddress: (to) => route.sourceAddress(to) },
    { peers: [] },
    { dataPath: new CountingKernel() },
  );
  const peerKernel = new CountingKernel('192.0.2.2');
  const b = await startOverlay(
    bench.ports('192.0.2.2'),
    { peers: [{ ...peer('a', '192.0.2.1', a), connect: 'on-demand' }] },
    { dataPath: peerKernel },
  );
  await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
  await bench.pass(40_000);
  return {
    ...{ bench, a, b, peerKernel },
    moveRoute: () => {
      [, route] = uplinks;
    },
    beforeSending: (act: (packet: Packet) => void) => {
      beforeSending = act;
    },
  };
}

test('a default route that moves just before a keepalive: the peer sends there under new keys only', async () => {
  const { bench, a, b, peerKernel, moveRoute, beforeSending } = await boxWithTwoUplinks();
  let keepalives = 0;
  beforeSending(({ packet }) => {
    if (packet !== 'NOTIFY') return;
    keepalives++;
    moveRoute();
  });
  await bench.pass(hipLimits.keepaliveMs + limits.addressCheckMs);
  expect(keepalives).toBeGreaterThan(0);
  expect(b.tunnels()).toMatchObject([{ state: 'ESTABLISHED', locator: '192.0.2.7:10500' }]);
  expect(a.tunnels()).toMatchObject([{ rekeys: 1 }]);
  expect(peerKernel.effects.map(({ type }) => type)).not.toContain('move-outbound');
});

test.each([
  ['is seen to', () => {}, limits.addressCheckMs + 500],
  ['is told of', (overlay: Overlay) => overlay.followUplinks(), 100],
])(
  'a default route that %s have moved takes the association along, under new keys, once',
  async (_, tell, withinMs) => {
    const { bench, a, b, moveRoute } = await boxWithTwoUplinks();
    const rekeys = () => a.tunnels()[0]?.rekeys;
    expect(rekeys()).toBe(0);
    moveRoute();
    tell(a);
    await bench.pass(withinMs);
    expect(rekeys()).toBe(1);
    await bench.pass(10 * limits.addressCheckMs);
    expect(rekeys()).toBe(1);
    expect(b.tunnels()).toMatchObject([{ state: 'ESTABLISHED', locator: '192.0.2.7:10500' }]);
  },
);

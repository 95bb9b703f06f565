import { describe, expect, test } from 'vitest';
import { unassociated } from '../../../firmware/hip/association.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { type Overlay, startOverlay } from '../../../firmware/netd/overlay/overlay.ts';
import type { OverlayPorts } from '../../../firmware/netd/overlay/ports.ts';
import { type RoutedAssociation, RouteWatch } from '../../../firmware/netd/overlay/route-watch.ts';
import { newSigner } from '../../hip/two-hosts.ts';
import { Bench, CountingKernel, peer, working } from './overlay-bench.ts';

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

test.each([
  ['is seen to', () => {}, limits.addressCheckMs + 500],
  ['is told of', (overlay: Overlay) => overlay.followUplinks(), 100],
])(
  'a default route that %s have moved takes the association along, under new keys, once',
  async (_, tell, withinMs) => {
    const bench = new Bench();
    const kernel = new CountingKernel();
    // Two uplinks of one box; its default route is by one of them.
    const signer = newSigner();
    const uplinks = [bench.ports('192.0.2.1', signer), bench.ports('192.0.2.7', signer)] as const;
    let [route] = uplinks;
    const socket: OverlayPorts['socket'] = {
      ...route.socket,
      send: (packet, to) => route.socket.send(packet, to),
      onPacket: (listener) => {
        for (const uplink of uplinks) uplink.socket.onPacket(listener);
      },
    };
    const a = await startOverlay(
      { ...route, socket, sourceAddress: (to) => route.sourceAddress(to) },
      { peers: [] },
      { dataPath: kernel },
    );
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [{ ...peer('a', '192.0.2.1', a), connect: 'on-demand' }] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
    await bench.pass(40_000);
    const rekeys = () => a.tunnels()[0]?.rekeys;
    expect(rekeys()).toBe(0);
    [, route] = uplinks;
    tell(a);
    await bench.pass(withinMs);
    expect(rekeys()).toBe(1);
    await bench.pass(10 * limits.addressCheckMs);
    expect(rekeys()).toBe(1);
    expect(b.tunnels()).toMatchObject([{ state: 'ESTABLISHED', locator: '192.0.2.7:10500' }]);
  },
);

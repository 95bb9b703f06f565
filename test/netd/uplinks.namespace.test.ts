import { describe, expect, test, vi } from 'vitest';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { type Conversation, eventScript, eventually, Laboratory, missingForNamespaces } from './namespace.ts';
import type { DaemonAnswer, DaemonInput } from './namespace-daemon.ts';

// Half a minute of answers brings an uplink back.
vi.setConfig({ testTimeout: 120_000 });

const missing = missingForNamespaces();
const uplink = (number: number, priority: number) => ({
  priority,
  ipv4: { address: `10.${number}.0.2/24`, gateway: `10.${number}.0.1`, dns: [] },
});
const settings: NetworkSettings = {
  ...defaultSettings.network,
  ports: { port1: 'underlay', port2: 'underlay' },
  underlay: {
    ...{ ipv4: 'dhcp', ipv6: 'off', probes: ['203.0.113.1'] },
    uplinks: { port1: uplink(2, 2), port2: uplink(1, 1) },
  },
};

/**
 * box:eth0 ── second ──┐
 * box:eth1 ── first ───┴── world, which has 203.0.113.1
 */
async function site(
  lab: Laboratory,
  change: Partial<NetworkSettings['underlay']> = {},
): Promise<Conversation> {
  await lab.namespaces('box', 'first', 'second', 'world');
  await lab.cable('box:eth0', 'second:box');
  await lab.cable('box:eth1', 'first:box');
  await lab.cable('first:world', 'world:first');
  await lab.cable('second:world', 'world:second');
  for (const [name, number] of [
    ['first', 1],
    ['second', 2],
  ] as const) {
    for (const words of ['link set box up', 'link set world up', `address add 10.${number}.0.1/24 dev box`])
      await lab.ip(name, words);
    await lab.ip(name, `address add 10.10${number}.0.1/24 dev world`);
    await lab.ip(name, `route add 203.0.113.0/24 via 10.10${number}.0.9`);
    await lab.run(name, '/bin/busybox', ['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
    await lab.ip('world', `link set ${name} up`);
    await lab.ip('world', `address add 10.10${number}.0.9/24 dev ${name}`);
    await lab.ip('world', `route add 10.${number}.0.0/24 via 10.10${number}.0.1`);
  }
  await lab.ip('world', 'address add 203.0.113.1/32 dev lo');
  return startBox(lab, { ...settings, underlay: { ...settings.underlay, ...change } });
}

async function startBox(lab: Laboratory, wanted: NetworkSettings): Promise<Conversation> {
  const nic = (kernelName: string) => ({
    ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
  });
  const input: DaemonInput = {
    ...{ settings: wanted, nics: [nic('eth0'), nic('eth1')], claimed: true },
    ...{ runFolder: `${lab.folder}/run`, script: eventScript },
  };
  const box = lab.converse('box', './namespace-daemon.ts', [JSON.stringify(input)]);
  expect((await box.next<DaemonAnswer>()).status.state).toBe('applied');
  return box;
}

/** Two routers, `first` at eth1 and `second` at eth0, that announce a prefix each and themselves as a way out. */
async function announcedSite(lab: Laboratory): Promise<Conversation> {
  await lab.namespaces('box', 'first', 'second');
  for (const [name, link, number] of [
    ['second', 'eth0', 2],
    ['first', 'eth1', 1],
  ] as const) {
    await lab.cable(`box:${link}`, `${name}:box`);
    await lab.ip(name, 'link set box up');
    await lab.ip(name, `address add 2001:db8:${number}::1/64 dev box nodad`);
    await lab.ip(name, 'address add 2001:db8:ffff::1/128 dev lo');
    // Whose advertisements as a neighbour do not say that it is a router is no way out any more (RFC 4861 § 7.2.5).
    await lab.run(name, '/bin/busybox', ['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding']);
    lab.service(name, '/usr/sbin/dnsmasq', [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--pid-file=', '--user=root'],
      ...['--enable-ra', '--ra-param=box,10,1800', `--dhcp-range=2001:db8:${number}::,ra-only,64,3600`],
    ]);
  }
  return startBox(lab, {
    ...settings,
    underlay: {
      ...{ ipv4: 'dhcp', ipv6: 'auto', probes: ['2001:db8:ffff::1', '203.0.113.1'] },
      uplinks: { port1: { priority: 2 }, port2: { priority: 1 } },
    },
  });
}

describe.skipIf(missing !== null)(
  `several uplinks in a network namespace${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('a provider that leads nowhere any more is left, and used again when it has been well for a while', async () => {
      await using lab = new Laboratory();
      const box = await site(lab);
      const way = () => lab.ip('box', 'route get 203.0.113.1');
      expect(await eventually(way, (text) => text.includes('dev eth1'))).toContain('dev eth1');

      // The link and the gateway are as they were; behind it nothing answers.
      await lab.ip('first', 'link set world down');
      expect(await eventually(way, (text) => text.includes('dev eth0'), 20_000)).toContain('dev eth0');
      expect(await lab.pings('box', '203.0.113.1')).toBe(true);
      expect(box.log).toContain('uplink port2 does not work (score 40)');

      await lab.ip('first', 'link set world up');
      await lab.ip('first', 'route replace 203.0.113.0/24 via 10.101.0.9');
      expect(await eventually(way, (text) => text.includes('dev eth1'), 60_000)).toContain('dev eth1');
      expect(box.log.match(/uplink port2 works again/g)).toHaveLength(1);
    });

    test('a cable that is pulled out counts at once', async () => {
      await using lab = new Laboratory();
      const box = await site(lab);
      const way = () => lab.ip('box', 'route get 203.0.113.1');
      await eventually(way, (text) => text.includes('dev eth1'));
      await lab.ip('first', 'link set box down');
      expect(await eventually(way, (text) => text.includes('dev eth0'), 5000)).toContain('dev eth0');
      expect(box.log).toContain('uplink port2 does not work (no link)');
    });

    test('a name server is asked by the uplink that it came with, whatever the routes say', async () => {
      await using lab = new Laboratory();
      // The routes to both addresses lead out by eth1, where nobody has the second.
      const at = (number: number, priority: number, server: string) => {
        const { ipv4 } = uplink(number, priority);
        return { priority, ipv4: { ...ipv4, dns: [server] } };
      };
      const uplinks = { port1: at(2, 2, '203.0.113.53'), port2: at(1, 1, '203.0.113.54') };
      const box = await site(lab, { uplinks, probes: [] });
      await lab.ip('second', 'address add 203.0.113.53/32 dev lo');
      lab.service('second', '/usr/sbin/dnsmasq', [
        ...['--keep-in-foreground', '--conf-file=/dev/null', '--no-hosts', '--no-resolv', '--pid-file='],
        ...['--user=root', '--bind-interfaces', '--listen-address=203.0.113.53'],
      ]);
      const scores = async () => {
        box.send({ do: 'refresh' });
        const { status } = await box.next<DaemonAnswer>(({ event }) => event === 'done');
        return status.interfaces.flatMap(({ uplink: facts }) => (facts === null ? [] : [facts.score]));
      };
      expect(await eventually(scores, ([, second]) => second !== 100, 20_000)).toEqual([100, 67]);
    });

    test('addresses of both routers are made; the way out is by the uplink that works and is preferred', async () => {
      await using lab = new Laboratory();
      const box = await announcedSite(lab);
      const global = (link: string) => lab.ip('box', `-6 -o address show dev ${link} scope global`);
      for (const [link, number] of [
        ['eth0', 2],
        ['eth1', 1],
      ] as const) {
        const own = await eventually(
          () => global(link),
          (text) => text.includes('2001:db8:') && !text.includes('tentative'),
          20_000,
        );
        expect(own).toContain(`2001:db8:${number}:`);
      }
      const way = async () =>
        (await lab.run('box', '/sbin/ip', ['-6', 'route', 'get', '2001:db8:ffff::1'])).stdout;
      expect(await eventually(way, (text) => text.includes('dev eth1'), 20_000)).toContain('dev eth1');
      // The router is there and answers; where it leads to does not.
      await lab.ip('first', 'address delete 2001:db8:ffff::1/128 dev lo');
      expect(await eventually(way, (text) => text.includes('dev eth0'), 30_000)).toContain('dev eth0');
      expect(box.log).toContain('uplink port2 does not work (score 40)');
      expect(await lab.ip('box', '-6 route show default')).toMatch(/dev eth0 proto 72 metric 100/);
      await lab.ip('second', 'link set box down');
      expect(await eventually(way, (text) => text.includes('dev eth1'), 10_000)).toContain('dev eth1');

      // Switched off, not one address is left, and none is made when a cable is plugged in again.
      box.send({ do: 'reconfigure', settings: { ...settings, underlay: { ipv4: 'dhcp', ipv6: 'off' } } });
      await box.next<DaemonAnswer>(({ event }) => event === 'done');
      await lab.ip('second', 'link set box up');
      const addresses = () => lab.ip('box', '-6 -o address show scope global');
      const carries = () => lab.ip('box', '-o link show dev eth0');
      expect(await eventually(carries, (text) => text.includes('state UP'))).toContain('state UP');
      expect((await addresses()) + (await lab.ip('box', '-6 -o address show scope link'))).toBe('');
    });
  },
);

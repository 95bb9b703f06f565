import { describe, expect, test, vi } from 'vitest';
import { concatBytes } from '../../firmware/bytes/bytes.ts';
import { mirrorOf } from '../../firmware/netd/mirror.ts';
import { assignPorts } from '../../firmware/netd/ports.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { arp, ethernet, etherTypes } from '../system/frames.ts';
import { type Conversation, eventScript, eventually, Laboratory, missingForNamespaces } from './namespace.ts';
import type { DaemonAnswer, DaemonInput } from './namespace-daemon.ts';
import type { FramesAnswer, FramesRequest } from './namespace-frames.ts';

// Namespaces and programs take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const missing = missingForNamespaces();

const plain: NetworkSettings = {
  ...defaultSettings.network,
  ports: { port4: 'unused' },
  underlay: { ipv4: { address: '10.0.0.2/24', dns: [] }, ipv6: 'off' },
};
const mirroring = (...from: string[]): NetworkSettings => ({ ...plain, mirror: { from, to: 'port4' } });

const everybody = new Uint8Array(6).fill(0xff);

/** What a listener counts of what arrives: in both directions between two hosts, and in a VLAN. */
const seen = ['there', 'back', 'tagged', 'forged', 'total'] as const;
type Seen = Record<(typeof seen)[number], number>;
const counting = `
add table netdev count
delete table netdev count
table netdev count {
  ${seen.map((name) => `counter ${name} { }`).join('\n  ')}
  chain listener {
    type filter hook ingress device "eth0" priority 100; policy accept;
    ip saddr 192.168.1.50 ip daddr 192.168.1.60 icmp type echo-request counter name there
    ip saddr 192.168.1.60 ip daddr 192.168.1.50 icmp type echo-reply counter name back
    vlan id 10 counter name tagged
    ether saddr 02:00:00:00:66:66 counter name forged
    counter name total
  }
}
`;

const nicOf = (kernelName: string) => ({
  ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
});

/** Counts from now on. */
async function listen(lab: Laboratory, namespace: string, link = 'eth0'): Promise<void> {
  const ruleset = counting.replace('"eth0"', `"${link}"`);
  expect(await lab.run(namespace, '/usr/sbin/nft', ['-f', '-'], ruleset)).toMatchObject({ status: 0 });
}

async function heard(lab: Laboratory, namespace: string): Promise<Seen> {
  const { stdout } = await lab.run(namespace, '/usr/sbin/nft', ['-j', 'list', 'counters']);
  const { nftables } = JSON.parse(stdout) as { nftables: { counter?: { name: string; packets: number } }[] };
  const packets = (name: string) => nftables.find(({ counter }) => counter?.name === name)?.counter?.packets;
  return Object.fromEntries(seen.map((name) => [name, packets(name) ?? -1])) as Seen;
}

/** provider ── box:eth0     box:eth1 (LAN) ── one     box:eth2 (LAN) ── two     box:eth3 ── analyser */
async function site(lab: Laboratory, settings: NetworkSettings): Promise<Conversation> {
  await lab.namespaces('box', 'provider', 'one', 'two', 'analyser');
  const ends = ['provider', 'one', 'two', 'analyser'];
  for (const [number, end] of ends.entries()) {
    await lab.cable(`box:eth${number}`, `${end}:eth0`);
    // Its own IPv6 would say things in between.
    await lab.run(end, '/bin/busybox', ['sysctl', '-w', 'net.ipv6.conf.eth0.disable_ipv6=1']);
    await lab.ip(end, 'link set eth0 up');
  }
  await lab.ip('provider', 'address add 10.0.0.1/24 dev eth0');
  // Where this host has br_netfilter, which a gateway does not load, bridged packets would be routed ones to the firewall.
  await lab.run('box', '/bin/busybox', ['sysctl', '-w', 'net.bridge.bridge-nf-call-iptables=0']);
  for (const [end, number] of [
    ['one', 50],
    ['two', 60],
  ] as const) {
    await lab.ip(end, `address add 192.168.1.${number}/24 dev eth0`);
  }
  const input: DaemonInput = {
    ...{ settings, nics: ends.map((_, number) => nicOf(`eth${number}`)), claimed: true },
    ...{ runFolder: `${lab.folder}/run`, script: eventScript },
  };
  const box = lab.converse('box', './namespace-daemon.ts', [JSON.stringify(input)]);
  expect((await box.next<DaemonAnswer>()).status).toMatchObject({ state: 'applied', detail: null });
  await eventually(() => lab.pings('one', '192.168.1.60'), Boolean);
  return box;
}

async function reconfigure(box: Conversation, settings: NetworkSettings): Promise<DaemonAnswer['status']> {
  box.send({ do: 'reconfigure', settings });
  const { status } = await box.next<DaemonAnswer>(({ event }) => event === 'done');
  expect(status).toMatchObject({ state: 'applied', detail: null });
  return status;
}

async function ping(lab: Laboratory, from: string, host: string): Promise<void> {
  const { status, stdout } = await lab.run(from, '/bin/busybox', ['ping', '-c', '3', '-i', '0.1', host]);
  expect(status, stdout).toBe(0);
}

describe.skipIf(missing !== null)(
  `a mirror in a network namespace${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('both ways between two hosts are copied while the settings say so, and nothing before and after', async () => {
      await using lab = new Laboratory();
      const box = await site(lab, plain);
      // A port that is down would hide copies.
      await lab.ip('box', 'link set eth3 up');
      await listen(lab, 'analyser');
      await ping(lab, 'one', '192.168.1.60');
      expect(await heard(lab, 'analyser')).toMatchObject({ total: 0 });

      const status = await reconfigure(box, mirroring('port2'));
      expect(status.mirror).toEqual({ to: 'port4', from: ['port2'], problem: null });
      await listen(lab, 'analyser');
      await ping(lab, 'one', '192.168.1.60');
      expect(await heard(lab, 'analyser')).toMatchObject({ there: 3, back: 3 });
      // The hosts get each packet once.
      await listen(lab, 'two');
      await ping(lab, 'one', '192.168.1.60');
      expect(await heard(lab, 'two')).toMatchObject({ there: 3 });

      await reconfigure(box, plain);
      expect(await lab.ip('box', 'link show dev eth3')).not.toContain(',UP');
      await lab.ip('box', 'link set eth3 up');
      await listen(lab, 'analyser');
      await ping(lab, 'one', '192.168.1.60');
      expect(await heard(lab, 'analyser')).toMatchObject({ total: 0 });
    });

    test('a VLAN is copied with its tag and without the LAN, the LAN without the VLAN, the underlay by its group', async () => {
      await using lab = new Laboratory();
      const box = await site(lab, plain);
      const frames = lab.converse('one', './namespace-frames.ts');
      const host = Uint8Array.of(0x02, 0, 0, 0, 0, 0x50);
      const frame = concatBytes(
        everybody,
        host,
        Uint8Array.of(0x81, 0, 0, 10, 0x88, 0xb5),
        new Uint8Array(46),
      );
      const both = async () => {
        await listen(lab, 'analyser');
        await ping(lab, 'one', '192.168.1.60');
        const request: FramesRequest = { link: 'eth0', frames: [Buffer.from(frame).toString('base64')] };
        expect(await frames.ask<FramesAnswer>(request)).toEqual({ sent: 1 });
        await ping(lab, 'one', '192.168.1.60');
        return await heard(lab, 'analyser');
      };
      // Two ports of one network: a packet is copied as it comes in and as it goes out.
      await reconfigure(box, mirroring('lan'));
      expect(await both()).toMatchObject({ there: 12, back: 12, tagged: 0 });

      // VLAN devices are not every kernel's; what is copied of a VLAN does not depend on them.
      const guest = { vlan: 10, address: '10.10.0.1/24', dhcpServer: false };
      const settings = { ...mirroring('guest'), networks: { guest } };
      const nics = [0, 1, 2, 3].map((number) => nicOf(`eth${number}`));
      const ports = assignPorts(nics, { order: 'kernel-name', named: [] }, settings.ports);
      const ruleset = `delete table netdev hithe\n${mirrorOf(settings, ports)?.ruleset}`;
      expect(await lab.run('box', '/usr/sbin/nft', ['-f', '-'], ruleset)).toMatchObject({ status: 0 });
      expect(await both()).toEqual({ there: 0, back: 0, tagged: 2, forged: 0, total: 2 });

      await reconfigure(box, mirroring('underlay'));
      await listen(lab, 'analyser');
      await ping(lab, 'box', '10.0.0.1');
      expect((await heard(lab, 'analyser')).total).toBeGreaterThanOrEqual(6);
    });

    test('what the analyser says reaches nobody', async () => {
      await using lab = new Laboratory();
      await site(lab, mirroring('lan', 'underlay'));
      await lab.ip('analyser', 'address add 192.168.1.70/24 dev eth0');
      const others = ['one', 'two', 'provider'];
      for (const name of others) await listen(lab, name);
      // After the mirror's own chain: neither bridge nor firewall is even asked.
      await listen(lab, 'box', 'eth3');
      const frames = lab.converse('analyser', './namespace-frames.ts');
      const evil = Uint8Array.from([0x02, 0, 0, 0, 0x66, 0x66]);
      const { stdout } = await lab.run('box', '/bin/busybox', ['cat', '/sys/class/net/br-lan/address']);
      const bridge = Uint8Array.from(stdout.trim().split(':'), (octet) => Number.parseInt(octet, 16));
      const asks = arp(
        'request',
        { mac: evil, address: '192.168.1.70' },
        { mac: new Uint8Array(6), address: '192.168.1.1' },
      );
      const question = (to: Uint8Array) =>
        Buffer.from(ethernet(to, evil, etherTypes.arp, asks)).toString('base64');
      const request: FramesRequest = { link: 'eth0', frames: [everybody, bridge].map(question) };
      expect(await frames.ask<FramesAnswer>(request)).toEqual({ sent: 2 });
      for (const host of ['192.168.1.1', '192.168.1.50', '192.168.1.60'])
        expect(await lab.pings('analyser', host)).toBe(false);
      for (const name of others) expect(await heard(lab, name)).toMatchObject({ forged: 0 });
      expect(await heard(lab, 'box')).toMatchObject({ total: 0 });
      expect(await lab.ip('box', 'neighbour show')).not.toMatch(/192\.168\.1\.70|02:00:00:00:66:66/);
      const dropped = await lab.run('box', '/usr/sbin/nft', ['list', 'chain', 'netdev', 'hithe', 'analyser']);
      expect(Number(/packets (\d+)/.exec(dropped.stdout)?.[1])).toBeGreaterThanOrEqual(5);
    });

    test('a port that was pulled and plugged in again is mirrored again', async () => {
      await using lab = new Laboratory();
      const box = await site(lab, mirroring('port2'));
      await lab.ip('box', 'link delete eth1');
      await lab.cable('box:eth1', 'one:eth0');
      await lab.ip('one', 'link set eth0 up');
      await lab.ip('one', 'address add 192.168.1.50/24 dev eth0');
      box.send({ do: 'refresh' });
      await box.next<DaemonAnswer>(({ event }) => event === 'done');
      await eventually(() => lab.pings('one', '192.168.1.60'), Boolean);
      await listen(lab, 'analyser');
      await ping(lab, 'one', '192.168.1.60');
      expect(await heard(lab, 'analyser')).toMatchObject({ there: 3, back: 3 });
    });
  },
);

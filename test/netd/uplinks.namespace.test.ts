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
async function site(lab: Laboratory): Promise<Conversation> {
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
  const nic = (kernelName: string) => ({
    ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
  });
  const input: DaemonInput = {
    ...{ settings, nics: [nic('eth0'), nic('eth1')], claimed: true },
    ...{ runFolder: `${lab.folder}/run`, script: eventScript },
  };
  const box = lab.converse('box', './namespace-daemon.ts', [JSON.stringify(input)]);
  expect((await box.next<DaemonAnswer>()).status.state).toBe('applied');
  return box;
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
  },
);

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DesiredNetwork, desiredNetwork } from '../../firmware/netd/desired.ts';
import { planNetwork } from '../../firmware/netd/diff.ts';
import { renderLanServices } from '../../firmware/netd/lan-services.ts';
import { mirrorOf } from '../../firmware/netd/mirror.ts';
import { observationBatch, parseObservation } from '../../firmware/netd/observed.ts';
import { describePlan, renderBatch } from '../../firmware/netd/plan-text.ts';
import { assignPorts } from '../../firmware/netd/ports.ts';
import { uplinkPorts } from '../../firmware/netd/segments.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import { OverlayGuest } from '../../qemu/overlay-guest.ts';

/** VLANs, what serves hosts, and copies for an analyser, with the image's kernel and programs. The guest's provider plays the gateway here. */
const settings: NetworkSettings = {
  ...defaultSettings.network,
  ports: { port1: 'lan' },
  networks: { guest: { vlan: 10, address: '10.10.0.1/24', dhcpServer: true } },
};
const nic = { kernelName: 'eth1', devicePath: null, devicePort: 0, mac: null, driver: 'veth' };

function desire(settings: NetworkSettings): DesiredNetwork {
  const ports = uplinkPorts(
    settings,
    assignPorts([nic], { order: 'kernel-name', named: [] }, settings.ports),
  );
  return desiredNetwork({
    ...{ settings, ports, leases: new Map(), claimed: true, firewallInForce: true, cpus: 1 },
  });
}

let guest: OverlayGuest;
beforeAll(async () => {
  guest = await OverlayGuest.start({ name: 'vlan', progress: stderrProgress('guest') });
  await guest.provider.run('ip netns add station && ip link add eth1 type veth peer name eth0 netns station');
  await guest.provider.run('ip -n station link set eth0 up');
  await guest.provider.run('ip -n station link add link eth0 name eth0.10 type vlan id 10');
  await guest.provider.run('ip -n station link set eth0.10 up');
});
afterAll(() => guest?.[Symbol.asyncDispose]());

async function plan(desired: DesiredNetwork) {
  const observed = parseObservation(await guest.provider.run('ip -j -d -s -batch -', observationBatch));
  if (!observed.ok) throw new Error(observed.reason);
  return planNetwork(desired, { ...observed.value, kernelValues: new Map(), queues: new Map() }).batch;
}
const described = (batch: Awaited<ReturnType<typeof plan>>) => describePlan({ before: [], batch, after: [] });

describe('a network in a VLAN', () => {
  test('comes up as planned, and then there is nothing left to do', async () => {
    const first = await plan(desire(settings));
    expect(described(first)).toContain('port1.10: none → VLAN 10 of eth1');
    await guest.provider.run('ip -force -batch -', renderBatch(first));
    expect(described(await plan(desire(settings)))).toEqual([]);
  });

  test('has hosts that get addresses from it, apart from the LAN', async () => {
    const { lanServices } = desire(settings);
    if (lanServices === null) throw new Error('nothing is served');
    await guest.provider.run('cat >/run/dnsmasq.conf', renderLanServices(lanServices, '/run'));
    const server = guest.provider.start('/usr/sbin/dnsmasq', ['--conf-file=/run/dnsmasq.conf']);
    const ended = server.finish();
    for (const [link, prefix] of [
      ['eth0', '192.168.1.'],
      ['eth0.10', '10.10.0.'],
    ]) {
      const ask = `udhcpc -f -q -n -i ${link} -t 10 -T 2 -s /usr/bin/true`;
      const { error, output } = await guest.provider.attempt(`ip netns exec station busybox ${ask}`);
      expect(error + output).toContain(`lease of ${prefix}`);
    }
    await guest.provider.run('kill "$(cat /run/dnsmasq.pid)"');
    await ended;
  });

  test('goes as a whole when the settings have it no more', async () => {
    const { networks: _, ...without } = settings;
    const last = await plan(desire(without));
    await guest.provider.run('ip -force -batch -', renderBatch(last));
    expect(await guest.provider.run('ip -o link show')).not.toMatch(/br-guest|port1\.10/);
  });
});

describe('an uplink in a VLAN', () => {
  const uplink = { vlan: 20, ipv4: { address: '10.20.0.2/24', gateway: '10.20.0.1', dns: [] } };
  const tagged: NetworkSettings = {
    ...defaultSettings.network,
    ports: { port1: 'underlay' },
    // The kernel's own addresses may stand: the values that would keep it from making any are not written here.
    underlay: { ipv4: 'dhcp', ipv6: 'auto', uplinks: { port1: uplink } },
  };
  const apply = async (settings: NetworkSettings) =>
    guest.provider.run('ip -force -batch -', renderBatch(await plan(desire(settings))));

  test('comes up as planned, carries, and is gone when the provider tags no more', async () => {
    await guest.provider.run(`set -e
      ip -n station link add link eth0 name eth0.20 type vlan id 20
      ip -n station address add 10.20.0.1/24 dev eth0.20
      ip -n station link set eth0.20 up`);
    await apply(tagged);
    expect(described(await plan(desire(tagged)))).toEqual([]);
    expect(await guest.provider.run('ip route show default')).toContain('via 10.20.0.1 dev port1.20');
    await guest.provider.run('busybox ping -c 1 -W 3 10.20.0.1');
    await apply({ ...tagged, underlay: { ...tagged.underlay, uplinks: {} } });
    expect(await guest.provider.run('ip -o link show')).not.toContain('port1.20');
  });
});

describe('a mirror', () => {
  const mirrored: NetworkSettings = {
    ...defaultSettings.network,
    ports: { port1: 'lan', port2: 'unused' },
    mirror: { from: ['port1'], to: 'port2' },
  };
  const counting =
    'table netdev count { chain heard { type filter hook ingress device "eth0" priority 0; ip protocol icmp counter; }; }';

  test('copies both ways to the analyser', async () => {
    await guest.provider.run(`set -e
      ip netns add analyser && ip link add eth2 type veth peer name eth0 netns analyser
      ip link set eth2 up
      ip -n analyser link set eth0 up
      ip link set eth1 nomaster up
      ip address add 10.30.0.2/24 dev eth1
      ip -n station address add 10.30.0.1/24 dev eth0`);
    await guest.provider.run('ip netns exec analyser nft -f -', counting);
    const nics = [nic, { ...nic, kernelName: 'eth2' }];
    const ports = assignPorts(nics, { order: 'kernel-name', named: [] }, mirrored.ports);
    await guest.provider.run('nft -f -', mirrorOf(mirrored, ports)?.ruleset ?? '');
    await guest.provider.run('busybox ping -c 3 -W 3 10.30.0.1');
    const heard = await guest.provider.run('ip netns exec analyser nft list table netdev count');
    expect(heard).toContain('packets 6');
  });
});

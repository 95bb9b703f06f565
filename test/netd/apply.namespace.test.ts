import { describe, expect, test, vi } from 'vitest';
import { assignPorts } from '../../firmware/netd/ports.ts';
import type { NetworkSettings, PortRole } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { Laboratory, missingForNamespaces } from './namespace.ts';
import type { ApplyAnswer, ApplyRequest } from './namespace-apply.ts';

// Namespaces, programs and silences take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const missing = missingForNamespaces();
const fixed: NetworkSettings = {
  ...defaultSettings.network,
  underlay: { ipv4: { address: '10.0.0.2/24', gateway: '10.0.0.1', dns: [] }, ipv6: 'auto' },
};

function ports(count: number, roles: Record<string, PortRole> = {}): ApplyRequest['ports'] {
  const nics = Array.from({ length: count }, (_, index) => ({
    kernelName: `eth${index}`,
    devicePath: null,
    devicePort: 0,
    mac: null,
    driver: 'veth',
  }));
  return [...assignPorts(nics, { order: 'kernel-name', named: [] }, roles)];
}

async function box(lab: Laboratory, count: number): Promise<(request: ApplyRequest) => Promise<ApplyAnswer>> {
  await lab.namespaces('box', 'far');
  for (let index = 0; index < count; index++) {
    await lab.cable(`box:eth${index}`, `far:eth${index}`);
    await lab.ip('far', `link set eth${index} up`);
  }
  return (request) => lab.node<ApplyAnswer>('box', './namespace-apply.ts', request);
}

describe.skipIf(missing !== null)(`plans on a kernel${missing === null ? '' : ` (${missing})`}`, () => {
  test('four ports come up as asked in one go, and then there is nothing left to do', async () => {
    await using lab = new Laboratory();
    const apply = await box(lab, 4);
    const answer = await apply({ settings: fixed, ports: ports(4, { port4: 'management' }) });
    expect(answer).toMatchObject({ failures: [], second: [] });
    expect(answer.first).toContain('br-lan: none → bridge');
    expect(answer.first).toContain('net/ipv4/ip_forward: 0 → 1');
    expect(await lab.ip('box', '-o -4 address show')).toMatch(
      /eth0 +inet 10\.0\.0\.2\/24[\s\S]*br-lan +inet 192\.168\.1\.1\/24[\s\S]*br-mgmt +inet 192\.168\.254\.1\/24/,
    );
    expect(await lab.ip('box', '-o link show master br-lan')).toMatch(/eth1[\s\S]*eth2/);
    expect(await lab.ip('box', '-o link show master br-mgmt')).toMatch(/eth3/);
    const read = async (path: string) => (await lab.run('box', '/bin/busybox', ['cat', path])).stdout.trim();
    expect(await read('/proc/sys/net/ipv6/conf/eth0/accept_ra')).toBe('2');
    expect(await read('/proc/sys/net/ipv6/conf/eth1/disable_ipv6')).toBe('1');
    expect(await read('/proc/sys/net/ipv4/conf/br-lan/rp_filter')).toBe('1');
  });

  test('roles that change take effect and leave nothing behind', async () => {
    await using lab = new Laboratory();
    const apply = await box(lab, 3);
    await apply({ settings: fixed, ports: ports(3) });
    const swapped = await apply({
      settings: fixed,
      ports: ports(3, { port1: 'unused', port2: 'underlay', port3: 'unused' }),
    });
    expect(swapped).toMatchObject({ failures: [], second: [] });
    expect(await lab.ip('box', '-o link show')).not.toContain('br-lan');
    expect(await lab.ip('box', '-o -4 address show')).toMatch(/eth1 +inet 10\.0\.0\.2\/24/);
    expect(await lab.ip('box', '-o -4 address show dev eth0')).toBe('');
    expect(await lab.ip('box', 'route show default')).toBe(
      'default via 10.0.0.1 dev eth1 proto 72 metric 100 \n',
    );
  });

  test('a cloud lease: /32, gateway outside, classless routes (RFC 3442), another MTU', async () => {
    await using lab = new Laboratory();
    const apply = await box(lab, 1);
    const lease = {
      address: '10.128.0.5/32',
      routes: [
        { destination: '10.128.0.1/32', gateway: null },
        { destination: 'default', gateway: '10.128.0.1' },
      ],
      dns: [],
      mtu: 1460,
    };
    const settings = defaultSettings.network;
    const first = await apply({ settings, ports: ports(1), leases: { eth0: lease } });
    expect(first).toMatchObject({ failures: [], second: [] });
    expect(await lab.ip('box', 'route show default')).toContain(
      'via 10.128.0.1 dev eth0 proto 72 metric 100 onlink',
    );
    expect(await lab.ip('box', 'link show dev eth0')).toContain('mtu 1460');
    // Renumbered: the old address goes, the routes stand again on the new one.
    const renumbered = { ...lease, address: '10.128.0.6/32' };
    const second = await apply({ settings, ports: ports(1), leases: { eth0: renumbered } });
    expect(second).toMatchObject({ failures: [], second: [] });
    expect(await lab.ip('box', '-o -4 address show dev eth0')).not.toContain('10.128.0.5');
    expect(await lab.ip('box', 'route show default')).toContain('via 10.128.0.1 dev eth0');
    // Lost: nothing of it stays.
    expect(await apply({ settings, ports: ports(1) })).toMatchObject({ failures: [], second: [] });
    expect(await lab.ip('box', 'route show')).toBe('');
  });

  test('what others put there stays: overlay device and routes, addresses on loopback', async () => {
    await using lab = new Laboratory();
    const apply = await box(lab, 2);
    await lab.cable('box:hip0', 'far:peer');
    await lab.ip('box', 'link set hip0 up');
    await lab.ip('box', 'route add 192.168.20.0/24 dev hip0');
    await lab.ip('box', 'address add 2001:20::1/128 dev lo');
    expect(await apply({ settings: fixed, ports: ports(2) })).toMatchObject({ failures: [], second: [] });
    expect(await lab.ip('box', 'route show 192.168.20.0/24')).toContain('dev hip0');
    expect(await lab.ip('box', '-6 address show dev lo')).toContain('2001:20::1/128');
  });

  test('a step that fails is named, and the others are taken', async () => {
    await using lab = new Laboratory();
    const apply = await box(lab, 2);
    // The kernel refuses a gateway that is no host.
    const wrong: NetworkSettings = {
      ...fixed,
      underlay: { ipv4: { address: '10.0.0.2/24', gateway: '224.0.0.1', dns: [] }, ipv6: 'off' },
    };
    const answer = await apply({ settings: wrong, ports: ports(2) });
    expect(answer.failures).toHaveLength(1);
    expect(answer.failures[0]).toMatch(
      /^ip route replace default via 224\.0\.0\.1 dev eth0 .*: .*invalid gateway/,
    );
    expect(await lab.ip('box', '-o -4 address show')).toContain('192.168.1.1/24');
    expect(await lab.ip('box', '-o -6 address show dev eth0')).toBe('');
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/netd/limits.ts';
import {
  assignPorts,
  compareNics,
  isInterfaceName,
  type Nic,
  type PortRules,
} from '../../firmware/netd/ports.ts';

const byBus: PortRules = { order: 'bus', named: [] };

function nic(kernelName: string, devicePath: string | null, more: Partial<Nic> = {}): Nic {
  return { kernelName, devicePath, devicePort: 0, mac: null, driver: 'e1000e', ...more };
}

const pci = (function_: string, name: string) => `/devices/pci0000:00/${function_}/net/${name}`;
const usb = '/devices/pci0000:00/0000:00:01.0/usb2/2-1/2-1:1.0/net/eth0';

const names = (ports: readonly { name: string; role: string; nic: Nic }[]) =>
  ports.map(({ name, role, nic }) => `${name} ${nic.kernelName} ${role}`);

describe('the order of ports', () => {
  test('follows the bus, not the order in which drivers came up', () => {
    const nics = [
      nic('eth0', pci('0000:00:04.0', 'eth0')),
      nic('eth1', '/devices/pci0000:00/0000:00:1c.0/0000:02:00.0/net/eth1'),
      nic('eth2', '/devices/pci0000:00/0000:00:03.0/virtio9/net/eth2'),
    ];
    expect(names(assignPorts(nics, byBus, {}))).toEqual([
      'port1 eth2 underlay',
      'port2 eth0 lan',
      'port3 eth1 lan',
    ]);
  });

  test('USB NICs come last, wherever their controller is', () => {
    const nics = [nic('eth0', usb), nic('eth1', pci('0000:00:03.0', 'eth1'))];
    expect(names(assignPorts(nics, byBus, {}))).toEqual(['port1 eth1 underlay', 'port2 eth0 lan']);
  });

  test('counts numbers as numbers: Xen, USB hubs, ports behind one function', () => {
    const vif = (number: number) => nic(`eth${number}`, `/devices/vif-${number}/net/eth${number}`);
    expect([vif(10), vif(2)].sort(compareNics).map(({ kernelName }) => kernelName)).toEqual([
      'eth2',
      'eth10',
    ]);
    const shared = pci('0000:01:00.0', 'x');
    const two = [nic('a', shared, { devicePort: 1 }), nic('b', shared, { devicePort: 0 })];
    expect(two.sort(compareNics).map(({ kernelName }) => kernelName)).toEqual(['b', 'a']);
  });

  test('by kernel name where the profile says so', () => {
    const nics = [nic('eth10', pci('0000:00:03.0', 'eth10')), nic('eth9', pci('0000:00:04.0', 'eth9'))];
    expect(names(assignPorts(nics, { order: 'kernel-name', named: [] }, {}))).toEqual([
      'port1 eth9 underlay',
      'port2 eth10 lan',
    ]);
  });

  test('does not depend on the order of the list', () => {
    const one = fc.record({
      kernelName: fc.constantFrom('eth0', 'eth1', 'eth2', 'eth10', 'enp1s0'),
      devicePath: fc.option(
        fc.constantFrom(usb, pci('0000:00:03.0', 'a'), '/devices/vif-2/net/b', '/devices/vif-10/net/c'),
      ),
      devicePort: fc.nat(2),
      mac: fc.option(fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02')),
      driver: fc.constant('e1000e'),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(one, { selector: ({ kernelName }) => kernelName }),
        fc.infiniteStream(fc.nat()),
        (nics, keys) => {
          const shuffled = nics
            .map((value) => ({ value, key: keys.next().value ?? 0 }))
            .sort((a, b) => a.key - b.key)
            .map(({ value }) => value);
          expect(assignPorts(shuffled, byBus, {})).toEqual(assignPorts(nics, byBus, {}));
        },
      ),
    );
  });
});

describe('names and roles', () => {
  const wan = nic('eth1', '/devices/platform/fe2a0000.ethernet/net/eth1');
  const others = [nic('eth0', pci('0000:01:00.0', 'eth0')), nic('eth2', pci('0000:02:00.0', 'eth2'))];

  test('a rule names its NIC first; the rest are counted around it', () => {
    const rules: PortRules = {
      order: 'bus',
      named: [{ name: 'port1', path: 'fe2a0000.ethernet', role: 'underlay' }],
    };
    expect(names(assignPorts([...others, wan], rules, {}))).toEqual([
      'port1 eth1 underlay',
      'port2 eth0 lan',
      'port3 eth2 lan',
    ]);
  });

  test('where the profile has the underlay elsewhere, the first port is LAN', () => {
    const rules: PortRules = {
      order: 'bus',
      named: [{ name: 'port3', kernelName: 'eth1', role: 'underlay' }],
    };
    expect(names(assignPorts([...others, wan], rules, {}))).toEqual([
      'port3 eth1 underlay',
      'port1 eth0 lan',
      'port2 eth2 lan',
    ]);
  });

  test('a path in a rule is whole segments, and a rule without facts fits nothing', () => {
    const rules: PortRules = {
      order: 'bus',
      named: [{ name: 'port7', path: 'fe2a0000' }, { name: 'port8' }],
    };
    expect(assignPorts([wan], rules, {}).map(({ name }) => name)).toEqual(['port1']);
  });

  test('the name of an absent NIC is not given to another', () => {
    const rules: PortRules = { order: 'bus', named: [{ name: 'port1', path: 'fe2a0000.ethernet' }] };
    expect(assignPorts(others, rules, {}).map(({ name }) => name)).toEqual(['port2', 'port3']);
  });

  test('settings win over the profile; what they do not name keeps its role', () => {
    const rules: PortRules = {
      order: 'bus',
      named: [{ name: 'port1', kernelName: 'eth1', role: 'underlay' }],
    };
    const ports = assignPorts([...others, wan], rules, {
      port1: 'lan',
      port3: 'underlay',
      port9: 'management',
    });
    expect(ports.map(({ role }) => role)).toEqual(['lan', 'lan', 'underlay']);
  });

  test('one port alone is underlay', () => {
    expect(names(assignPorts([wan], byBus, {}))).toEqual(['port1 eth1 underlay']);
    expect(assignPorts([], byBus, {})).toEqual([]);
  });

  test('the virtual function under a Hyper-V NIC is not a port of its own', () => {
    const mac = '00:0d:3a:00:00:01';
    const nics = [
      nic('eth0', null, { mac, driver: 'hv_netvsc' }),
      nic('enP1', null, { mac, driver: 'mlx5_core' }),
    ];
    expect(assignPorts(nics, byBus, {}).map((port) => port.nic.kernelName)).toEqual(['eth0']);
  });

  test('a kernel name that could not stand in a batch or a ruleset is left out', () => {
    const longest = 'e'.repeat(limits.interfaceNameLength);
    expect(isInterfaceName(longest)).toBe(true);
    for (const name of [`${longest}e`, '', 'a b', 'a"', 'a\n', '..', 'a/b', 'a;b'])
      expect(isInterfaceName(name)).toBe(false);
    expect(assignPorts([nic('a b', null)], byBus, {})).toEqual([]);
  });
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listPhysicalNics } from '../../firmware/system/physical-nics.ts';

let sys = '';
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), 'hithe-sys-'));
  mkdirSync(join(sys, 'class/net'), { recursive: true });
});
afterEach(() => rmSync(sys, { recursive: true }));

/** As the kernel lays sysfs out: the class folder links to the device's own. */
function addInterface(
  name: string,
  device: string | null,
  attributes: Readonly<Record<string, string>>,
): void {
  const parent = device === null ? 'devices/virtual' : `devices/${device}`;
  const folder = join(sys, parent, 'net', name);
  mkdirSync(folder, { recursive: true });
  for (const [key, value] of Object.entries(attributes)) writeFileSync(join(folder, key), `${value}\n`);
  symlinkSync(`../../${parent}/net/${name}`, join(sys, 'class/net', name));
  if (device === null) return;
  symlinkSync('../..', join(folder, 'device'));
  mkdirSync(join(sys, 'bus/pci/drivers/igc'), { recursive: true });
  symlinkSync(join(sys, 'bus/pci/drivers/igc'), join(sys, parent, 'driver'));
}

test('lists Ethernet devices with their place, port, address and driver', () => {
  addInterface('eth0', 'pci0000:00/0000:00:03.0', { type: '1', address: '02:00:00:00:00:01', dev_port: '1' });
  addInterface('br-lan', null, { type: '1', address: '02:00:00:00:00:02' });
  addInterface('ib0', 'pci0000:00/0000:00:04.0', { type: '32', address: '80:00' });
  expect(listPhysicalNics(sys)).toEqual([
    {
      kernelName: 'eth0',
      devicePath: '/devices/pci0000:00/0000:00:03.0/net/eth0',
      devicePort: 1,
      mac: '02:00:00:00:00:01',
      driver: 'igc',
    },
  ]);
});

test('a machine without NICs, or without sysfs, has none', () => {
  expect(listPhysicalNics(sys)).toEqual([]);
  expect(listPhysicalNics(join(sys, 'nowhere'))).toEqual([]);
});

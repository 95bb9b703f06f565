import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeDevice } from '../../firmware/boot/device-names.ts';
import {
  type DriverSystem,
  loadDrivers,
  reportDevices,
  type SystemDevice,
  splitArguments,
} from '../../firmware/boot/drivers.ts';
import { limits } from '../../firmware/boot/limits.ts';
import { openDriverSystem } from '../../firmware/system/sysfs-devices.ts';

const nicAlias = 'pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00';
const device = (
  bus: string,
  name: string,
  modalias: string | null,
  driver: string | null = null,
): SystemDevice => ({
  bus,
  name,
  modalias,
  driver,
  module: driver,
});

/** A machine in which loading `module` for an alias binds it and brings the devices of `brings`. */
class Machine implements DriverSystem {
  readonly calls: string[][] = [];
  readonly #modules = new Set<string>(['dm_verity']);
  readonly #devices: SystemDevice[];
  readonly #drivers: Readonly<Record<string, { module: string; brings?: SystemDevice }>>;

  constructor(devices: SystemDevice[], drivers: Machine['drivers']) {
    this.#devices = devices;
    this.#drivers = drivers;
  }
  get drivers(): Readonly<Record<string, { module: string; brings?: SystemDevice }>> {
    return this.#drivers;
  }
  listDevices() {
    return [...this.#devices];
  }
  loadedModules() {
    return new Set(this.#modules);
  }
  async modprobe(names: readonly string[]) {
    this.calls.push([...names]);
    for (const name of names) {
      const found = this.#drivers[name];
      if (!found) continue;
      this.#modules.add(found.module);
      this.#devices.forEach((one, index) => {
        if (one.modalias === name)
          this.#devices[index] = { ...one, driver: found.module, module: found.module };
      });
      if (found.brings) this.#devices.push(found.brings);
    }
    return { status: 1, stderr: '' };
  }
}

const noHints = { drivers: [], watchdog: null };

describe('loading drivers', () => {
  test('hints come first, all in one call, then what the new drivers bring, until nothing is new', async () => {
    const machine = new Machine(
      [device('pci', '0000:00:02.0', nicAlias), device('pci', '0000:00:1f.2', 'x', 'ahci')],
      {
        [nicAlias]: {
          module: 'virtio_pci',
          brings: device('virtio', 'virtio0', 'virtio:d00000001v00001AF4'),
        },
        'virtio:d00000001v00001AF4': { module: 'virtio_net' },
        iTCO_wdt: { module: 'iTCO_wdt' },
      },
    );
    const report = await loadDrivers(machine, { drivers: ['virtio_scsi'], watchdog: { module: 'iTCO_wdt' } });
    expect(machine.calls).toEqual([
      ['virtio_scsi', 'iTCO_wdt', 'usb_storage', 'uas', 'sd_mod', 'sr_mod', nicAlias],
      ['virtio:d00000001v00001AF4'],
    ]);
    expect(report.loaded).toEqual(['iTCO_wdt', 'virtio_pci', 'virtio_net']);
    expect(report.failure).toBeNull();
    expect(report.devices).toEqual([
      {
        device: 'pci 0000:00:02.0',
        description: 'Ethernet controller 1af4:1000',
        driver: 'virtio_pci',
        modules: ['virtio_pci'],
      },
      { device: 'pci 0000:00:1f.2', description: 'x', driver: 'ahci', modules: ['ahci'] },
      {
        device: 'virtio virtio0',
        description: 'virtio network device',
        driver: 'virtio_net',
        modules: ['virtio_net'],
      },
    ]);
  });

  test('a bus that goes on bringing devices ends after the limit', async () => {
    let count = 0;
    const machine: DriverSystem = {
      listDevices: () => [device('usb', `1-${count}`, `usb:${count}`)],
      loadedModules: () => new Set(Array.from({ length: count }, (_, index) => `module${index}`)),
      modprobe: async () => {
        count++;
        return { status: 0, stderr: '' };
      },
    };
    await loadDrivers(machine, noHints);
    expect(count).toBe(limits.driverPasses);
  });

  test('where nothing was loaded the devices are not looked at again', async () => {
    let looks = 0;
    const machine: DriverSystem = {
      listDevices: () => [device('usb', `1-${looks}`, `usb:${looks++}`)],
      loadedModules: () => new Set(['loop']),
      modprobe: async () => ({ status: 1, stderr: '' }),
    };
    const report = await loadDrivers(machine, noHints);
    expect([looks, report.loaded]).toEqual([1, []]);
  });

  test('a machine without modprobe is told of and goes on', async () => {
    const machine: DriverSystem = {
      listDevices: () => [device('pci', '0000:00:02.0', nicAlias)],
      loadedModules: () => new Set(),
      modprobe: async () => ({ status: 127, stderr: 'spawn /sbin/modprobe ENOENT\n' }),
    };
    const report = await loadDrivers(machine, noHints);
    expect(report.failure).toBe('spawn /sbin/modprobe ENOENT');
    expect(report.devices).toHaveLength(1);
  });

  test('bridges and the kernel’s own devices are not told, and never more than the limit', () => {
    const bridge = 'pci:v00008086d000029C0sv00001AF4sd00001100bc06sc00i00';
    expect(
      reportDevices([device('pci', '0000:00:00.0', bridge), device('acpi', 'PNP0C0F:00', 'acpi:PNP0C0F:')]),
    ).toEqual([]);
    expect(
      reportDevices([device('usb', '1-0:1.0', 'usb:v1D6Bp0002', 'hub'), device('usb', 'usb1', null, 'usb')]),
    ).toEqual([]);
    expect(reportDevices([device('acpi', 'MSFT0101:00', 'acpi:MSFT0101:', 'tpm_crb')])).toHaveLength(1);
    const many = Array.from({ length: limits.reportedDevices + 1 }, (_, index) =>
      device('pci', `${index}`, nicAlias),
    );
    expect(reportDevices(many)).toHaveLength(limits.reportedDevices);
    expect(reportDevices(many.slice(1))).toHaveLength(limits.reportedDevices);
  });

  test('calls are split at what an argument vector holds, and nothing is lost or reordered', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 20 })),
        fc.integer({ min: 21, max: 80 }),
        (names, most) => {
          const calls = splitArguments(names, most);
          expect(calls.flat()).toEqual(names);
          for (const call of calls) expect(call.join(' ').length).toBeLessThanOrEqual(most);
        },
      ),
    );
    expect(splitArguments(['a'.repeat(limits.modprobeArguments + 1)])).toEqual([]);
    expect(splitArguments(['a'.repeat(limits.modprobeArguments)])).toHaveLength(1);
  });
});

describe('what a device is', () => {
  test.each([
    ['pci', 'pci:v00008086d000015F3sv00008086sd00000000bc02sc00i00', 'Ethernet controller 8086:15f3'],
    ['pci', 'pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02', 'NVMe controller 144d:a808'],
    ['pci', 'pci:v00001234d00001111sv00001AF4sd00001100bcFFsc00i00', 'PCI device 1234:1111'],
    ['virtio', 'virtio:d00000002v00001AF4', 'virtio block device'],
    ['virtio', 'virtio:d000000FFv00001AF4', 'virtio device 255'],
    ['usb', 'usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip50in00', 'USB mass storage 0781:5581'],
    ['scsi', 'scsi:t-0x05', 'SCSI CD or DVD drive'],
    ['vmbus', 'vmbus:f8615163df3e46c5913ff2d2f965ed0e', 'Hyper-V network device'],
    ['hid', 'hid:b0003g0001v0000046Dp0000C31C', 'human interface device 046d:c31c'],
    ['xen', 'xen:vif', 'Xen vif device'],
    ['acpi', 'acpi:MSFT0101:', 'acpi:MSFT0101:'],
    ['usb', null, 'usb'],
  ])('%s %s', (bus, modalias, expected) => {
    expect(describeDevice({ bus, modalias })).toBe(expected);
  });

  test('any modalias gives words fit to show', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), (modalias) => {
        expect(describeDevice({ bus: 'usb', modalias })).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
    );
  });
});

describe('sysfs', () => {
  test('devices, their drivers and the drivers’ modules are read; broken entries are passed over', () => {
    const root = mkdtempSync(join(tmpdir(), 'hithe-sysfs-'));
    try {
      const nic = join(root, 'sys/devices/pci0000:00/0000:00:02.0');
      const driver = join(root, 'sys/bus/pci/drivers/e1000');
      for (const folder of [
        nic,
        driver,
        join(root, 'sys/module/e1000'),
        join(root, 'sys/bus/pci/devices'),
        join(root, 'proc'),
      ]) {
        mkdirSync(folder, { recursive: true });
      }
      writeFileSync(join(nic, 'modalias'), `${nicAlias}\n`);
      symlinkSync('../../../bus/pci/drivers/e1000', join(nic, 'driver'));
      symlinkSync('../../../../module/e1000', join(driver, 'module'));
      symlinkSync('../../../devices/pci0000:00/0000:00:02.0', join(root, 'sys/bus/pci/devices/0000:00:02.0'));
      symlinkSync('../../../devices/gone', join(root, 'sys/bus/pci/devices/0000:00:03.0'));
      for (const name of ['cpu0', 'cpu1'])
        mkdirSync(join(root, 'sys/bus/cpu/devices', name), { recursive: true });
      writeFileSync(
        join(root, 'proc/modules'),
        'e1000 180224 0 - Live 0x0000000000000000\nkvm 1 0 - Live 0x0\n',
      );
      const system = openDriverSystem(root);
      expect(system.listDevices()).toEqual([
        device('cpu', 'cpu0', null),
        device('pci', '0000:00:02.0', nicAlias, 'e1000'),
        device('pci', '0000:00:03.0', null),
      ]);
      expect([...system.loadedModules()]).toEqual(['e1000', 'kvm']);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  test('this machine’s buses can be read', () => {
    expect(openDriverSystem().listDevices().length).toBeGreaterThan(0);
    expect(openDriverSystem('/nowhere').listDevices()).toEqual([]);
  });
});

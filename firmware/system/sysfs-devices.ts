import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DriverSystem, SystemDevice } from '../boot/drivers.ts';
import { runCommand } from './run-command.ts';

/** Buses without drivers to load, some of which have thousands of entries. */
const skippedBuses = new Set([
  'clockevents',
  'clocksource',
  'container',
  'event_source',
  'memory',
  'node',
  'workqueue',
]);

function linkedName(path: string): string | null {
  // Asked first, since an exception costs more than a look, and most devices have no driver.
  return existsSync(path) ? basename(readlinkSync(path)) : null;
}

function readDevice(bus: string, name: string, folder: string): SystemDevice | null {
  try {
    const driver = linkedName(join(folder, 'driver'));
    const aliasFile = join(folder, 'modalias');
    const modalias = existsSync(aliasFile) ? readFileSync(aliasFile, 'latin1').trim() : '';
    const module = driver === null ? null : linkedName(join(folder, 'driver/module'));
    return { bus, name, modalias: modalias || null, driver, module };
  } catch {
    // Unplugged between the listing and the look.
    return null;
  }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/**
 * The buses of the running kernel, and kmod.
 *
 * @param root where /sys and /proc are; `/` but in tests
 */
export function openDriverSystem(root = '/'): DriverSystem {
  const buses = join(root, 'sys/bus');
  return {
    listDevices() {
      const devices: SystemDevice[] = [];
      for (const bus of listFolder(buses).sort()) {
        if (skippedBuses.has(bus)) continue;
        for (const name of listFolder(join(buses, bus, 'devices')).sort()) {
          // All processors have the alias of the first.
          if (bus === 'cpu' && name !== 'cpu0') continue;
          const device = readDevice(bus, name, join(buses, bus, 'devices', name));
          if (device) devices.push(device);
        }
      }
      return devices;
    },
    loadedModules() {
      try {
        const lines = readFileSync(join(root, 'proc/modules'), 'utf8').split('\n');
        return new Set(lines.map((line) => line.split(' ')[0] ?? '').filter((name) => name !== ''));
      } catch {
        return new Set();
      }
    },
    modprobe: (names) =>
      runCommand('/sbin/modprobe', ['-a', '-b', '-q', '--', ...names], { timeoutMs: 60_000 }),
  };
}

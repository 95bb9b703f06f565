import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Nic } from '../netd/ports.ts';

/** ARPHRD_ETHER of if_arp.h. */
const ethernet = '1';

function readAttribute(folder: string, name: string): string | null {
  try {
    return readFileSync(join(folder, name), 'utf8').trim();
  } catch {
    return null;
  }
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/**
 * The NICs of the machine: network interfaces of Ethernet's kind that have a device behind them, which bridges, tunnels
 * and the like have not.
 *
 * @param sys where sysfs is mounted
 */
export function listPhysicalNics(sys = '/sys'): readonly Nic[] {
  const classFolder = join(sys, 'class/net');
  const names = existsSync(classFolder) ? readdirSync(classFolder) : [];
  return names.flatMap((kernelName) => {
    const folder = join(classFolder, kernelName);
    if (!existsSync(join(folder, 'device')) || readAttribute(folder, 'type') !== ethernet) return [];
    const target = linkTarget(folder);
    const driver = linkTarget(join(folder, 'device/driver'));
    return [
      {
        kernelName,
        devicePath: target === null ? null : resolve(classFolder, target).slice(resolve(sys).length),
        devicePort: Number(readAttribute(folder, 'dev_port') ?? 0),
        mac: readAttribute(folder, 'address'),
        driver: driver === null ? null : basename(driver),
      },
    ];
  });
}

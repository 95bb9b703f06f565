import { constants, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiscFiles, DiscSystem } from '../boot/settings-disc.ts';
import { listBlockDevices, readBlock } from './block-devices.ts';
import { withMount } from './mount.ts';

/** Devices that the kernel makes, and this image's own partitions. */
const madeByKernel = /^(?:loop|ram|zram|dm-|md|nbd)/;
const ownPartitions = new Set(['esp', 'root-a', 'root-b', 'state']);

/** Files at the top of a mounted volume; links are not followed, since they could lead to the box's own files. */
export function discFiles(folder: string): DiscFiles {
  return {
    async read(name, maxOctets) {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const file = await open(join(folder, name), flags).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ELOOP') return null;
        throw error;
      });
      if (!file) return null;
      try {
        const stat = await file.stat();
        if (!stat.isFile()) return null;
        const octets = new Uint8Array(Math.min(stat.size, maxOctets));
        let filled = 0;
        while (filled < octets.length) {
          const { bytesRead } = await file.read(octets, filled, octets.length - filled, filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return octets.subarray(0, filled);
      } finally {
        await file.close();
      }
    },
  };
}

/** Milliseconds between two questions of the kernel to a drive; udev sets the same where there is one. */
const mediaPollMs = 2000;

function writeKernelValue(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch {
    // A kernel without such drives has no such file.
  }
}

/** The machine's block devices and mounts. */
export function openDiscSystem(): DiscSystem {
  return {
    listDevices: () =>
      listBlockDevices()
        .filter(
          ({ name, label }) => !madeByKernel.test(name) && !(label !== null && ownPartitions.has(label)),
        )
        .map(({ name, sequence }) => ({ name, identity: `${name} ${sequence ?? ''}` })),
    read: (device, offset, length) => readBlock(join('/dev', device), offset, length),
    pollMedia(on) {
      writeKernelValue('/sys/module/block/parameters/events_dfl_poll_msecs', on ? String(mediaPollMs) : '0');
      // Else opening the drive to look would pull the tray in from under somebody's hand.
      writeKernelValue('/proc/sys/dev/cdrom/autoclose', '0');
    },
    withVolume: (device, type, work) =>
      withMount(
        { device: join('/dev', device), target: '/run/hithe/settings-disc', type, options: ['ro'] },
        (folder) => work(discFiles(folder)),
      ),
  };
}

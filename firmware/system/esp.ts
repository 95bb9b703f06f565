import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type EspFiles, loaderGuid, parseEfiString, type SlotSystem } from '../boot/slots.ts';
import { type BlockDevice, listBlockDevices } from './block-devices.ts';
import { withMount } from './mount.ts';

const rootPartitionFile = '/run/hithe/root-partition';

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/**
 * The ESP that the loader came from. Another disk may have one with the same name (the stick that this box was
 * installed from), so the loader's own word goes first, then the disk that root is on.
 *
 * @param loaderPartition GUID of the loader's partition, as LoaderDevicePartUUID has it
 * @param rootDevice kernel name of the partition that root is on
 */
export function findEsp(
  devices: readonly BlockDevice[],
  loaderPartition: string | null,
  rootDevice: string | null,
): BlockDevice | null {
  const guid = loaderPartition?.toLowerCase();
  const byGuid = guid ? devices.find((device) => device.partitionGuid === guid) : undefined;
  if (byGuid) return byGuid;
  const candidates = devices.filter((device) => device.label === 'esp' && device.disk !== null);
  const rootDisk = devices.find((device) => device.name === rootDevice)?.disk;
  const besideRoot = rootDisk ? candidates.filter((device) => device.disk === rootDisk) : candidates;
  const [only, ...others] = besideRoot;
  return only && others.length === 0 ? only : null;
}

/** The entries of a mounted ESP. */
export function espFiles(folder: string): EspFiles {
  return {
    exists: (path) => existsSync(join(folder, path)),
    async rename(from, to) {
      renameSync(join(folder, from), join(folder, to));
      const descriptor = openSync(join(folder, dirname(to)), 'r');
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    },
  };
}

/** The running machine's EFI variables, partitions and ESP. */
export function openSlotSystem(): SlotSystem {
  const readLoaderVariable = (name: string): Uint8Array | null => {
    try {
      return readFileSync(`/sys/firmware/efi/efivars/${name}-${loaderGuid}`);
    } catch {
      return null;
    }
  };
  const rootPartition = () => readText(rootPartitionFile)?.trim() ?? null;
  return {
    readLoaderVariable,
    startedByEfi: () => existsSync('/sys/firmware/efi'),
    kernelCommandLine: () => readText('/proc/cmdline') ?? '',
    rootPartition,
    partitionLabel: (name) => listBlockDevices().find((device) => device.name === name)?.label ?? null,
    async withEsp(work) {
      const loader = readLoaderVariable('LoaderDevicePartUUID');
      const rootDevice = rootPartition()?.replace(/^\/dev\//, '') ?? null;
      const esp = findEsp(listBlockDevices(), loader === null ? null : parseEfiString(loader), rootDevice);
      if (!esp) throw new Error('the EFI system partition that this machine was started from was not found');
      const request = {
        device: `/dev/${esp.name}`,
        target: '/run/hithe/esp',
        type: 'vfat',
        options: ['umask=0077', 'sync'],
      };
      return withMount(request, (folder) => work(espFiles(folder)));
    },
  };
}

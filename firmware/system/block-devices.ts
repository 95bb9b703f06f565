import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A block device as sysfs shows it, without its medium having been touched. */
export type BlockDevice = {
  /** The kernel's name: `sda1`, `nvme0n1p3`, `vda`. */
  readonly name: string;
  /** The disk that a partition is on; null for a disk. */
  readonly disk: string | null;
  /** The partition's name in the GPT. */
  readonly label: string | null;
  /** The partition's GUID in lower case, where the kernel tells it in the uevent, which older ones do not. */
  readonly partitionGuid: string | null;
  /** Grows with every disk that the kernel meets, so that another stick in the same place is another one. */
  readonly sequence: string | null;
};

const classFolder = '/sys/class/block';

function uevent(folder: string): Map<string, string> {
  try {
    const lines = readFileSync(join(folder, 'uevent'), 'utf8').split('\n');
    return new Map(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  } catch {
    return new Map();
  }
}

/** Lists block devices by name. Those that vanish meanwhile are left out. */
export function listBlockDevices(root = '/'): BlockDevice[] {
  const folder = join(root, classFolder);
  if (!existsSync(folder)) return [];
  const devices: BlockDevice[] = [];
  for (const name of readdirSync(folder).sort()) {
    try {
      // A partition's folder lies in its disk's.
      const place = realpathSync(join(folder, name));
      const facts = uevent(place);
      devices.push({
        name,
        disk: facts.get('DEVTYPE') === 'partition' ? basename(dirname(place)) : null,
        label: facts.get('PARTNAME') ?? null,
        partitionGuid: facts.get('PARTUUID')?.toLowerCase() ?? null,
        sequence: facts.get('DISKSEQ') ?? null,
      });
    } catch {
      // Unplugged.
    }
  }
  return devices;
}

/** Reads from a device or file; fewer octets at its end, null where there is no medium or it cannot be read. */
export function readBlock(path: string, offset: number, length: number): Uint8Array | null {
  let descriptor: number;
  try {
    // Not with O_NONBLOCK, which opens empty drives too: reading them fills the console with the kernel's complaints.
    descriptor = openSync(path, constants.O_RDONLY);
  } catch {
    return null;
  }
  try {
    const octets = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(descriptor, octets, filled, length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return octets.subarray(0, filled);
  } catch {
    return null;
  } finally {
    closeSync(descriptor);
  }
}

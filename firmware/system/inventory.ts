import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { cleanText } from '../boot/platform/facts.ts';
import type { Status } from '../webui/api/status-schema.ts';

export type Inventory = NonNullable<Status['inventory']>;

/** What could not be listed, and why: the page's log says it, and the rest of the inventory stands. */
export type InventoryReport = { readonly inventory: Inventory; readonly notes: readonly string[] };

/** The status has no place for thousands of entries, nor has the page. */
const mostEntries = 64;

/** Kernel-made block devices: no disk that a person could name. */
const madeByKernel = /^(?:loop|ram|zram|dm-|md|nbd|fd)/;

function read(path: string): string {
  try {
    return cleanText(readFileSync(path));
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

/**
 * Processor model: x86 names it in /proc/cpuinfo; Arm does not, there the board's device tree names the whole.
 * systeminformation asks lscpu and dmidecode for it, which the image does not have.
 */
function cpuName(root: string): string {
  let cpuinfo = '';
  try {
    cpuinfo = readFileSync(join(root, 'proc/cpuinfo'), 'utf8');
  } catch {
    // Told as unknown below.
  }
  const named = /^model name\s*:\s*(.+)$/m.exec(cpuinfo)?.[1];
  return (named ? cleanText(Buffer.from(named)) : read(join(root, 'proc/device-tree/model'))) || 'unknown';
}

/** Disks from sysfs; systeminformation would need lsblk and udevadm. */
function disks(root: string): Inventory['disks'] {
  const folder = join(root, 'sys/block');
  return list(folder)
    .filter((name) => !madeByKernel.test(name))
    .slice(0, mostEntries)
    .map((name) => {
      const device = join(folder, name, 'device');
      const model = [read(join(device, 'vendor')), read(join(device, 'model'))].filter(
        // virtio and PCI disks have a number there, and SATA disks the bus's name.
        (part) => part !== '' && !/^0x[0-9a-f]+$/.test(part) && part !== 'ATA',
      );
      // In units of 512 octets, whatever the disk's sector size (Documentation/ABI/stable/sysfs-block).
      const sizeBytes = Number(read(join(folder, name, 'size'))) * 512;
      return {
        name,
        model: model.join(' ') || read(join(device, 'name')) || 'disk',
        sizeBytes: sizeBytes || 0,
      };
    })
    .filter((disk) => disk.sizeBytes > 0);
}

/** Serial ports that are really there: the 8250 driver lists four whether they exist or not, with type 0. */
export function listSerialPorts(root = '/'): string[] {
  const folder = join(root, 'sys/class/tty');
  return list(folder)
    .filter((name) => {
      if (!/^tty[A-Z]/.test(name)) return false;
      const type = join(folder, name, 'type');
      return existsSync(join(folder, name, 'device')) && (!existsSync(type) || read(type) !== '0');
    })
    .slice(0, mostEntries);
}

async function hidDevices(notes: string[]): Promise<string[]> {
  try {
    const { default: hid } = await import('node-hid');
    const names = (await hid.devicesAsync()).map(({ manufacturer, product, vendorId, productId }) => {
      const id = [vendorId, productId].map((part) => part.toString(16).padStart(4, '0')).join(':');
      return cleanText(Buffer.from([manufacturer, product, id].filter(Boolean).join(' ')));
    });
    // A keyboard with media keys is two devices of one name.
    return [...new Set(names)].slice(0, mostEntries);
  } catch (error) {
    notes.push(`HID devices could not be listed: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/**
 * Lists the hardware. Takes its time and loads native code: not to be called before the page answers.
 *
 * @param root where /sys and /proc are; `/` but in tests
 */
export async function collectInventory(root = '/'): Promise<InventoryReport> {
  const notes: string[] = [];
  const inventory: Inventory = {
    cpu: cpuName(root),
    cores: cpus().length,
    disks: disks(root),
    serialPorts: listSerialPorts(root),
    hidDevices: await hidDevices(notes),
  };
  return { inventory, notes };
}

/** Memory in octets, at once: Node's "free" is the kernel's MemAvailable, what programs could still get. */
export function memoryNow(): Status['memory'] {
  const [totalBytes, availableBytes] = [totalmem(), freemem()];
  return { totalBytes, usedBytes: totalBytes - availableBytes, availableBytes };
}

/**
 * The same by systeminformation, once the page is up and its weight no longer delays anything. Of what it offers,
 * `mem` reads /proc alone; the rest runs programs that the image does not have (lscpu, lsblk, dmidecode, udevadm), or
 * blocks while a shell runs.
 */
export async function readMemory(): Promise<Status['memory']> {
  const { default: information } = await import('systeminformation');
  const { total, available } = await information.mem();
  return { totalBytes: total, usedBytes: total - available, availableBytes: available };
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectInventory, listSerialPorts, memoryNow, readMemory } from '../../firmware/system/inventory.ts';

let root: string;
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hithe-inventory-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('inventory', () => {
  test('disks have their model and size; what the kernel makes and empty drives are left out', async () => {
    put('sys/block/sda/size', '62533296\n');
    put('sys/block/sda/device/vendor', 'ATA     \n');
    put('sys/block/sda/device/model', 'SATA SSD 32GB   \n');
    put('sys/block/vda/size', '2097152\n');
    put('sys/block/vda/device/vendor', '0x1af4\n');
    put('sys/block/mmcblk0/size', '30535680\n');
    put('sys/block/mmcblk0/device/name', 'BJTD4R\n');
    put('sys/block/sr0/size', '0\n');
    put('sys/block/loop0/size', '8\n');
    put('sys/block/dm-0/size', '8\n');
    put('proc/cpuinfo', 'processor : 0\nmodel name\t: AMD GX-412TC SOC\n');
    const { inventory } = await collectInventory(root);
    expect(inventory.disks).toEqual([
      { name: 'mmcblk0', model: 'BJTD4R', sizeBytes: 15_634_268_160 },
      { name: 'sda', model: 'SATA SSD 32GB', sizeBytes: 32_017_047_552 },
      { name: 'vda', model: 'disk', sizeBytes: 1_073_741_824 },
    ]);
    expect(inventory.cpu).toBe('AMD GX-412TC SOC');
  });

  test('an Arm board is named by its device tree, and a machine that tells nothing is unknown', async () => {
    put('proc/cpuinfo', 'CPU implementer\t: 0x41\n');
    expect((await collectInventory(root)).inventory.cpu).toBe('unknown');
    put('proc/device-tree/model', 'Raspberry Pi 4 Model B Rev 1.4\0');
    expect((await collectInventory(root)).inventory.cpu).toBe('Raspberry Pi 4 Model B Rev 1.4');
  });

  test('serial ports without a chip behind them (type 0) and virtual terminals are none', () => {
    put('sys/class/tty/ttyS0/device/modalias', '');
    put('sys/class/tty/ttyS0/type', '4\n');
    put('sys/class/tty/ttyS1/device/modalias', '');
    put('sys/class/tty/ttyS1/type', '0\n');
    put('sys/class/tty/ttyUSB0/device/modalias', '');
    put('sys/class/tty/ttyAMA0/type', '0\n');
    put('sys/class/tty/tty1/device/modalias', '');
    expect(listSerialPorts(root)).toEqual(['ttyS0', 'ttyUSB0']);
  });

  test('both ways of reading memory agree on this machine', async () => {
    const [now, read] = [memoryNow(), await readMemory()];
    expect(read.totalBytes).toBe(now.totalBytes);
    expect(read.usedBytes).toBe(read.totalBytes - read.availableBytes);
    expect(Math.abs(read.availableBytes - now.availableBytes)).toBeLessThan(now.totalBytes / 4);
  });
});

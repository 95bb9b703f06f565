import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withMount } from '../../firmware/system/mount.ts';

const mayMount = process.getuid?.() === 0 && existsSync('/bin/busybox');

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'hithe-mount-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const mountLine = (target: string) =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[1] === target);

describe.skipIf(!mayMount)('a volume is mounted for as long as the work lasts', () => {
  const request = () => ({
    device: 'none',
    target: join(base, 'volume'),
    type: 'tmpfs',
    options: ['size=64k'],
  });

  test('without programs, devices or privileges of its own, and is gone after it', async () => {
    const { target } = request();
    const line = await withMount(request(), async (folder) => {
      writeFileSync(join(folder, 'file'), 'x');
      return mountLine(folder);
    });
    expect(line?.split(' ')[3]?.split(',')).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']));
    expect(mountLine(target)).toBeUndefined();
    expect(existsSync(target)).toBe(false);
  });

  test('is unmounted where the work fails, and the failure comes through', async () => {
    const { target } = request();
    const failing = withMount(request(), () => Promise.reject(new Error('work')));
    await expect(failing).rejects.toThrow('work');
    expect(mountLine(target)).toBeUndefined();
  });

  test('what cannot be mounted is said with the device, and the work does not begin', async () => {
    let begun = false;
    const refused = withMount({ ...request(), type: 'vfat', device: join(base, 'nothing') }, async () => {
      begun = true;
    });
    await expect(refused).rejects.toThrow(/nothing could not be mounted as vfat/);
    expect(begun).toBe(false);
  });
});

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ioctlInt } from '../../firmware/system/ioctl.ts';
import { Watchdog } from '../../firmware/system/watchdog.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hithe-watchdog-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('ioctl', () => {
  /** FIONREAD: how many octets wait to be read. */
  const fionread = 0x541b;

  test("the kernel's answer arrives", async () => {
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    const descriptor = openSync(path, constants.O_RDWR);
    writeSync(descriptor, 'twelve bytes');
    expect(await ioctlInt(descriptor, fionread, -1)).toBe(12);
    closeSync(descriptor);
  });

  test('its refusal is an error with its name', async () => {
    const descriptor = openSync('/dev/null', constants.O_RDWR);
    await expect(ioctlInt(descriptor, 0xc004_5706, 60)).rejects.toMatchObject({ code: 'ENOTTY' });
    closeSync(descriptor);
    await expect(ioctlInt(-1, fionread, 0)).rejects.toMatchObject({ code: 'EBADF' });
  });
});

describe('the watchdog', () => {
  /** A pipe stands for the device: it shows which octets were written, and takes no timeout, as some devices do. */
  const pipe = () => {
    const path = join(directory, 'watchdog0');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const written = () => {
      const buffer = Buffer.alloc(64);
      try {
        return buffer.subarray(0, readSync(reader, buffer, 0, buffer.length, null)).toString('latin1');
      } catch {
        return '';
      }
    };
    return { path, written, close: () => closeSync(reader) };
  };

  test('is fed only when told, and disarmed by the magic character', async () => {
    const device = pipe();
    const watchdog = new Watchdog({ paths: ['/nonexistent/watchdog', device.path] });
    expect(await watchdog.open()).toBe(
      `Watchdog ${device.path} is armed: its timeout stays its own, since setting it failed (ENOTTY)`,
    );
    expect(device.written()).toBe('');
    watchdog.feed();
    watchdog.feed();
    expect(device.written()).toBe('\0\0');
    await watchdog.disarm();
    expect(device.written()).toBe('V');
    watchdog.feed();
    await watchdog.disarm();
    expect(device.written()).toBe('');
    device.close();
  });

  test('stays armed when the process ends in any other way', () => {
    const path = join(directory, 'written');
    writeFileSync(path, '');
    const program = `
      import { Watchdog } from '${join(import.meta.dirname, '../../firmware/system/watchdog.ts')}';
      const watchdog = new Watchdog({ paths: ['${path}'] });
      await watchdog.open();
      watchdog.feed();
      throw new Error('a defect');
    `;
    const run = () =>
      execFileSync(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' });
    expect(run).toThrow();
    expect(readFileSync(path, 'latin1')).toBe('\0');
  });

  test('a machine without one works', async () => {
    const watchdog = new Watchdog({ paths: ['/nonexistent/watchdog0'] });
    expect(await watchdog.open()).toBe('No watchdog: /nonexistent/watchdog0 (ENOENT)');
    watchdog.feed();
    await watchdog.disarm();
  });
});

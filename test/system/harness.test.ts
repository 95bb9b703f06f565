import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runsBootSector } from '../../qemu/accelerator.ts';
import { Machine } from '../../qemu/machine.ts';
import { settingsDisc } from '../../qemu/settings-disc.ts';
import { waitUntil } from '../../qemu/wait-until.ts';

const shellMs = 60_000;

test('the accelerator probe runs a guest’s own code under emulation', async () => {
  expect(await runsBootSector('tcg')).toBe(true);
});

test('a machine without a disk: firmware on the console, monitor, snapshot, USB stick, kill', async () => {
  let scratch = '';
  {
    await using machine = await Machine.start({
      name: 'harness-firmware',
      boot: 'uefi',
      tpm: true,
      memoryMiB: 128,
      cpus: 1,
      networkCards: [],
    });
    scratch = machine.scratchPath;
    // Any key stops the shell's countdown for a start-up script.
    await machine.console.expect(/Press ESC/, shellMs);
    machine.console.write('\x1b');
    await machine.console.expect(/Shell> $/, shellMs);
    await machine.saveSnapshot('shell');

    const disc = settingsDisc(join(machine.scratchPath, 'disc'), 'harness', { version: 1, hostname: 'gate' });
    await machine.plugUsbStick(disc, 'CIDATA');
    // The firmware looks at its ports once a second, and maps what it has found by then.
    const mapped = async () => {
      machine.console.write('map -r\r');
      const [answer] = await machine.console.expect(/map -r[\s\S]*Shell> $/, shellMs);
      return answer;
    };
    await waitUntil('the stick is mapped', mapped, (text) => /FS0:.*USB/is.test(text), {
      timeoutMs: shellMs,
    });
    machine.console.write('type fs0:\\user-data\r');
    await machine.console.expect(/"hostname": "gate"/, shellMs);
    machine.console.write('vol fs0:\r');
    await machine.console.expect(/Volume CIDATA/, shellMs);

    await expect(machine.qmp.execute('device_add', { driver: 'no-such-device' })).rejects.toMatchObject({
      code: 'refused',
    });
    await expect(machine.loadSnapshot('never-saved')).rejects.toMatchObject({ code: 'refused' });
    expect(existsSync(scratch)).toBe(true);
    // The firmware's shell does not listen to the power button, so the limit ends it.
    expect(await machine.powerDown(200)).toBe('killed');
  }
  expect(existsSync(scratch)).toBe(false);
  expect(readFileSync('build/machines/harness-firmware/console.log', 'utf8')).toContain('Shell>');
});

test('a machine that QEMU refuses says why and leaves nothing', async () => {
  const start = Machine.start({
    name: 'harness-refused',
    boot: { kernel: '/nonexistent', initrd: '/nonexistent', commandLine: '' },
    memoryMiB: 128,
    cpus: 1,
    networkCards: [],
  });
  await expect(start).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('/nonexistent'),
  });
});

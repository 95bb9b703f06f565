import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { SerialConsole } from '../../qemu/serial-console.ts';

const folder = mkdtempSync(join(tmpdir(), 'hithe-console-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function consoleOnALine() {
  const [host, guest] = duplexPair();
  const log = join(folder, `${count++}.log`);
  return { guest, log, console: new SerialConsole(host, log) };
}

describe('expect', () => {
  test('finds what came before the call and what comes after it, in order', async () => {
    const { guest, console } = consoleOnALine();
    guest.write('claim code: 1234\nlogin');
    expect((await console.expect(/claim code: (\d+)/, 1000))[1]).toBe('1234');
    const prompt = console.expect(/login: $/, 1000);
    guest.write(': ');
    await prompt;
    await expect(console.expect(/claim code/, 20)).rejects.toMatchObject({ code: 'timeout' });
  });

  test('sees a pattern that arrives in pieces', async () => {
    const { guest, console } = consoleOnALine();
    const found = console.expect(/ready/, 1000);
    for (const piece of ['r', 'ea', 'dy']) guest.write(piece);
    expect((await found)[0]).toBe('ready');
  });

  test('reads through control sequences, also through one cut in two', async () => {
    const { guest, console } = consoleOnALine();
    guest.write('\x1b[1m\x1b[33mSh\x1b[');
    guest.write('40mell\x1b[0m\x1b[37m> \r\n');
    await console.expect(/^Shell> \n$/, 1000);
  });

  test('says at once that the machine ended, with the end of its text', async () => {
    const { guest, console, log } = consoleOnALine();
    const waiting = console.expect(/never/, 60_000);
    guest.write('Kernel panic');
    guest.end();
    await expect(waiting).rejects.toMatchObject({
      code: 'ended',
      message: expect.stringContaining('Kernel panic'),
    });
    await expect(waiting).rejects.toThrow(log);
  });
});

test('the log holds every byte, control sequences too', async () => {
  const { guest, console, log } = consoleOnALine();
  guest.write('\x1b[2Jhello\r\n');
  await console.expect(/hello/, 1000);
  guest.end();
  await console.closed();
  expect(readFileSync(log, 'utf8')).toBe('\x1b[2Jhello\r\n');
});

test('what is typed reaches the guest', async () => {
  const { guest, console } = consoleOnALine();
  const typed = new Promise((resolve) => guest.setEncoding('utf8').once('data', resolve));
  console.write('reboot\n');
  expect(await typed).toBe('reboot\n');
});

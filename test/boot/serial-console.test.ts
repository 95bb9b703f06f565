import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findConsole, forTerminal, writeConsoleScreen } from '../../firmware/system/serial-console.ts';

const libc = koffi.load('libc.so.6');
const ioctl = libc.func('int ioctl(int fd, unsigned long request, _Inout_ int *value)');
/** TIOCSPTLCK and TIOCGPTN (ioctl_tty(2)): unlocks a pseudoterminal and asks for its number. */
const request = { unlock: 0x40045431, number: 0x80045430 };

let root: string;
let terminal: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hithe-console-'));
  terminal = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  expect(ioctl(terminal, request.unlock, [0])).toBe(0);
  const number = [0];
  expect(ioctl(terminal, request.number, number)).toBe(0);
  mkdirSync(join(root, 'dev'));
  symlinkSync(`/dev/pts/${number[0]}`, join(root, 'dev/ttyS1'));
});
afterEach(() => {
  closeSync(terminal);
  rmSync(root, { recursive: true, force: true });
});

/** What the terminal shows: a pseudoterminal hands over what was written a little later, in pieces. */
async function shown(length: number): Promise<string> {
  const octets = new Uint8Array(length + 16);
  let filled = 0;
  for (let tries = 0; tries < 200 && filled < length; tries++) {
    try {
      filled += readSync(terminal, octets, filled, octets.length - filled, null);
    } catch (error) {
      // EAGAIN: nothing there yet. EIO: nobody has the other side open.
      if (!(error instanceof Error && /EAGAIN|EIO/.test(error.message))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return new TextDecoder().decode(octets.subarray(0, filled));
}

const consoles = [
  { device: 'ttyS0', baud: 115200 },
  { device: 'ttyS1', baud: 115200 },
];

describe('the screen on the serial console', () => {
  test('reaches the terminal whole, with line ends that a terminal understands', async () => {
    const screen = `${'='.repeat(80)}\n Hithe 0.1.0\n`;
    expect(await writeConsoleScreen(screen, consoles, root)).toEqual({ state: 'written', device: 'ttyS1' });
    expect(await shown(forTerminal(screen).length)).toBe(forTerminal(screen));
  });

  test('can be written again while another has the port open: the kernel logs there too', async () => {
    const other = openSync(join(root, 'dev/ttyS1'), constants.O_RDWR | constants.O_NOCTTY);
    for (const word of ['one', 'two']) {
      expect((await writeConsoleScreen(`${word}\n`, consoles, root)).state).toBe('written');
      // Opening the port drops what a pseudoterminal has not handed over yet.
      expect(await shown(word.length + 2)).toBe(`${word}\r\n`);
    }
    closeSync(other);
  });

  test('a machine without the profile’s consoles, and a console that is none, are told of', async () => {
    expect(await writeConsoleScreen('x\n', [{ device: 'ttyAMA0', baud: 115200 }], root)).toMatchObject({
      state: 'failed',
    });
    mkdirSync(join(root, 'dev/ttyAMA0'));
    const failed = await writeConsoleScreen('x\n', [{ device: 'ttyAMA0', baud: 115200 }], root);
    expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining('ttyAMA0') });
  });

  test('a console with hardware behind it goes before one that only has a name', () => {
    expect(findConsole(consoles, root)?.device).toBe('ttyS1');
    mkdirSync(join(root, 'dev/ttyS0'));
    expect(findConsole(consoles, root)?.device).toBe('ttyS0');
    mkdirSync(join(root, 'sys/class/tty/ttyS1/device'), { recursive: true });
    expect(findConsole(consoles, root)?.device).toBe('ttyS1');
  });

  test('line ends', () => {
    expect(forTerminal('a\nb\r\n')).toBe('a\r\nb\r\n');
  });
});

import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Terminal } from '../../firmware/boot/console-keeper.ts';
import { findConsoles, terminalSystem } from '../../firmware/system/terminals.ts';
import { waitUntil } from '../../qemu/wait-until.ts';

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

/** What the terminal has shown since the last look. */
function shown(): string {
  const octets = new Uint8Array(4096);
  try {
    return new TextDecoder().decode(octets.subarray(0, readSync(terminal, octets, 0, octets.length, null)));
  } catch (error) {
    // EAGAIN: nothing there yet. EIO: nobody has the other side open.
    if (error instanceof Error && /EAGAIN|EIO/.test(error.message)) return '';
    throw error;
  }
}

const pauses = { timeoutMs: 10_000, pauseMs: 5 };

/** Waits until the terminal has shown all of this, in one piece or several. */
async function shows(text: string): Promise<void> {
  let seen = '';
  const look = async () => {
    seen += shown();
    return seen;
  };
  await waitUntil(`the terminal shows ${JSON.stringify(text)}`, look, (all) => all.includes(text), pauses);
}
const comes = (typed: readonly string[], what: string) =>
  waitUntil(
    `${what} has come`,
    async () => typed,
    (all) => all.includes(what),
    pauses,
  );
const type = (text: string) => writeSync(terminal, text);

const serial = { device: 'ttyS1', baud: 115200 };
const consoles = [{ device: 'ttyS0', baud: 115200 }, serial];

const opened: Terminal[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** The terminals below `root`; what is typed comes into `typed`. */
function find(wanted = consoles) {
  const typed: string[] = [];
  const system = terminalSystem(() => undefined, root);
  const terminals = system.findTerminals(wanted, (name, octets) =>
    typed.push(`${name} ${new TextDecoder().decode(octets)}`),
  );
  opened.push(...terminals);
  return { terminals, typed };
}

describe.each([
  ['a serial port', 'ttyS1'],
  ['the screen and its keyboard', 'tty1'],
])('%s', (_kind, device) => {
  beforeEach(() => {
    if (device !== 'ttyS1') renameSync(join(root, 'dev/ttyS1'), join(root, 'dev', device));
  });

  test('shows what is written and hands over what is typed, key by key and without an echo', async () => {
    const { terminals, typed } = find();
    expect(terminals.map(({ name }) => name)).toEqual([device]);
    const [line] = terminals;
    expect(await line?.write('one\r\ntwo')).toBeNull();
    await shows('one\r\ntwo');
    type('a');
    await comes(typed, `${device} a`);
    // Ctrl-C is a key like others: it must not end the runtime.
    type('\x03');
    await comes(typed, `${device} \x03`);
    expect(shown()).toBe('');
  });

  test('is a shell’s until that ends, and then the console’s again', async () => {
    const { terminals, typed } = find();
    const ended = terminals[0]?.runShell(new AbortController().signal);
    await shows('failsafe shell');
    type('echo $((6 * 7)); tty; exit\r');
    await shows('42\r\n');
    expect(await ended).toBeNull();
    expect(typed).toEqual([]);
    await terminals[0]?.write('again');
    await shows('again');
  });

  test('is taken away from a shell that may not be there any more, with all that it runs', async () => {
    const { terminals } = find();
    const end = new AbortController();
    const ended = terminals[0]?.runShell(end.signal);
    await shows('failsafe shell');
    type('sleep 1000\r');
    await shows('sleep 1000');
    end.abort();
    expect(await ended).toBeNull();
  });
});

describe('consoles that there are', () => {
  test('none of the profile’s', () => {
    rmSync(join(root, 'dev/ttyS1'));
    expect(find().terminals).toEqual([]);
  });

  test('one that is no terminal says so, and works once it is one', async () => {
    renameSync(join(root, 'dev/ttyS1'), join(root, 'later'));
    writeFileSync(join(root, 'dev/ttyS1'), '');
    const { terminals, typed } = find();
    expect(await terminals[0]?.write('nobody sees this')).toEqual(expect.any(String));
    renameSync(join(root, 'later'), join(root, 'dev/ttyS1'));
    expect(await terminals[0]?.write('seen')).toBeNull();
    await shows('seen');
    type('k');
    await comes(typed, 'ttyS1 k');
  });

  test('one that takes nothing for a while says so, and goes on with what is new once it does', async () => {
    const { terminals } = find();
    const longerThanItsBuffer = 'x'.repeat(200_000);
    expect(await terminals[0]?.write(longerThanItsBuffer)).toBe('nothing takes the characters');
    while (shown() !== '');
    expect(await terminals[0]?.write('new')).toBeNull();
    await shows('new');
  });

  test('those with hardware behind them go before those that only have a name', () => {
    expect(findConsoles(consoles, root)).toEqual([serial]);
    mkdirSync(join(root, 'dev/ttyS0'));
    expect(findConsoles(consoles, root)).toEqual(consoles);
    mkdirSync(join(root, 'sys/class/tty/ttyS1/device'), { recursive: true });
    expect(findConsoles(consoles, root)).toEqual([serial]);
  });
});

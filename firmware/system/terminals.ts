import { spawn } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
import type { SerialPort } from 'serialport';
import type { BoardProfile } from '../boot/board-profile.ts';
import type { Terminal, TerminalSystem } from '../boot/console-keeper.ts';

type Console = BoardProfile['consoles'][number];
type OnOctets = (octets: Uint8Array) => void;

/** A terminal that nobody reads (a null modem with flow control, a full buffer) must not hold the box up. */
const writeDeadlineMs = 5_000;

/** The screen that the graphics card and keyboard are. */
const screenDevice = 'tty1';

/** What there is open of a terminal between two shells. */
interface Line {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

/** The profile's consoles that the machine has. The 8250 driver makes ttyS0 to ttyS3 in any case. */
export function findConsoles(consoles: readonly Console[], root = '/'): readonly Console[] {
  const behind = consoles.filter(({ device }) => existsSync(join(root, 'sys/class/tty', device, 'device')));
  return behind.length > 0 ? behind : consoles.filter(({ device }) => existsSync(join(root, 'dev', device)));
}

/**
 * Has the kernel write errors and worse alone to the consoles: what it says of every device that comes or goes would
 * stand in the middle of the screen. All of it stays in its ring.
 */
export function quietenKernel(path = '/proc/sys/kernel/printk'): void {
  try {
    writeFileSync(path, '4');
  } catch {
    // Then they stand there; the next redraw is over them.
  }
}

/** The machine's terminals: serial ports through serialport, the screen through its tty. */
export function terminalSystem(onDisturbed: TerminalSystem['onDisturbed'], root = '/'): TerminalSystem {
  return {
    onDisturbed,
    findTerminals(consoles, onOctets) {
      const wanted = [
        ...findConsoles(consoles, root).map(({ device, baud }) => ({
          device,
          open: (path: string, take: OnOctets) => openSerial(path, baud, take),
        })),
        ...(existsSync(join(root, 'dev', screenDevice)) ? [{ device: screenDevice, open: openTty }] : []),
      ];
      return wanted.map(({ device, open }) => {
        const path = join(root, 'dev', device);
        return terminal(device, path, () => open(path, (octets) => onOctets(device, octets)));
      });
    },
  };
}

/** Opened by the first write, and again by the one after a failure: a port may be late, or stuck for a while. */
function terminal(name: string, path: string, open: () => Promise<Line>): Terminal {
  let line: Promise<Line> | null = null;
  const leave = async () => {
    const left = line;
    line = null;
    // What could not be opened needs no closing.
    await left?.then((opened) => opened.close()).catch(() => undefined);
  };
  return {
    name,
    async write(text) {
      try {
        line ??= open();
        await (await line).write(text);
        return null;
      } catch (error) {
        await leave();
        return reasonOf(error);
      }
    },
    async runShell(end) {
      await leave();
      return shell(path, end);
    },
    close: leave,
  };
}

/** The kernel logs to the same port, so it is opened without a lock; the line stays up when it is closed. */
async function openSerial(path: string, baudRate: number, take: OnOctets): Promise<Line> {
  const { SerialPort } = await import('serialport');
  const port: SerialPort = new SerialPort({ path, baudRate, lock: false, hupcl: false, autoOpen: false });
  // Errors come through the callbacks as well; without a listener the event would end the process.
  port.on('error', () => {});
  // Without a deadline: the driver does not wait for a carrier, but a box that starts may take its time.
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  port.on('data', (octets: Buffer) => take(octets));
  return {
    async write(text) {
      await step((done) => port.write(text, done));
      await step((done) => port.drain(done));
    },
    close: () => step((done) => port.close(done)),
  };
}

/** Not as the controlling terminal: its signals would be the runtime's. */
async function openTty(path: string, take: OnOctets): Promise<Line> {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  let tty: ReadStream;
  try {
    tty = new ReadStream(descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  tty.on('error', () => {});
  tty.setRawMode(true);
  tty.on('data', (octets: Buffer) => take(octets));
  return {
    // libuv's raw mode still has the kernel add a carriage return to each line feed.
    write: (text) => step((done) => tty.write(text.replaceAll('\r\n', '\n'), done)),
    async close() {
      tty.setRawMode(false);
      tty.destroy();
    },
  };
}

function step(run: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('nothing takes the characters')), writeDeadlineMs);
    run((error) => {
      clearTimeout(deadline);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** A session of its own with this terminal as its controlling one, in which Ctrl-C and jobs work. */
function shell(path: string, end: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    } catch (error) {
      resolve(reasonOf(error));
      return;
    }
    const busybox = '/usr/bin/busybox';
    const script = `${busybox} stty sane; printf '\\033[2J\\033[HHithe: failsafe shell. exit ends it.\\n'; exec ${busybox} ash -i`;
    const child = spawn(busybox, ['setsid', '-c', busybox, 'ash', '-c', script], {
      stdio: [descriptor, descriptor, descriptor],
    });
    // The group: what the shell has started goes with it.
    const stop = () => {
      if (child.pid !== undefined) killGroup(child.pid);
    };
    end.addEventListener('abort', stop, { once: true });
    const finish = (failure: string | null) => {
      end.removeEventListener('abort', stop);
      closeSync(descriptor);
      resolve(failure);
    };
    child.once('error', (error) => finish(error.message));
    child.once('exit', () => finish(null));
    if (end.aborted) stop();
  });
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

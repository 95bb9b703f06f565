import { createWriteStream, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { buildRoot } from '../image-builder/places.ts';
import { type Accelerator, chooseAccelerator } from './accelerator.ts';
import { type BoundProcess, type ProcessEnd, runBound, startBound } from './bound-process.ts';
import { prepareFirmware } from './firmware.ts';
import { HarnessError } from './harness-error.ts';
import { limits } from './limits.ts';
import { type Hardware, type HostParts, machineArguments } from './machine-arguments.ts';
import { Qmp } from './qmp.ts';
import { ScratchFolder } from './scratch.ts';
import { SerialConsole } from './serial-console.ts';
import { TpmEmulator } from './tpm-emulator.ts';

export type MachineOptions = Hardware & {
  /** Names the machine's log folder, build/machines/NAME. */
  readonly name: string;
  /** A raw disk image. It is only read: what the guest writes goes to an overlay that goes with the machine. */
  readonly image?: string;
  /** Makes the disk larger than the image, as a real disk is. */
  readonly diskMiB?: number;
  readonly tpm?: boolean;
  /** Works on the machine's folder before its TPM is first switched on, as the TPM's vendor would. */
  readonly manufactureTpm?: (folder: string) => Promise<void>;
  /** UEFI variables of a machine that ran before, as `firmwareVariables` names the file. */
  readonly variables?: string;
  /** The kernel with which KVM is probed; without it the machine is emulated. */
  readonly probeKernel?: string;
};

async function overlay(folder: string, image: string, diskMiB: number | undefined): Promise<string> {
  const path = join(folder, 'disk.qcow2');
  const size = diskMiB === undefined ? [] : [`${diskMiB}M`];
  await runBound('qemu-img', 'qemu-utils', [
    'create',
    '-q',
    '-f',
    'qcow2',
    '-b',
    image,
    '-F',
    'raw',
    path,
    ...size,
  ]);
  return path;
}

/** The socket that the parent made for one of QEMU's descriptors. */
function socketOf({ child }: BoundProcess, descriptor: number): Duplex {
  const socket: unknown = child.stdio[descriptor];
  if (!(socket instanceof Duplex)) throw new HarnessError('refused', `QEMU has no descriptor ${descriptor}.`);
  return socket;
}

/** What there is of a machine while its power is on. */
type Running = {
  readonly process: BoundProcess;
  readonly console: SerialConsole;
  readonly qmp: Qmp;
  readonly tpm: TpmEmulator | null;
  /** In milliseconds of performance.now(). */
  readonly since: number;
};

/** One emulated machine: its disk, its TPM and its UEFI variables are there until it is disposed of. */
export class Machine implements AsyncDisposable {
  readonly name: string;
  /** Its logs: console.log (the serial line), qemu.log (command line and complaints). They stay until the next start. */
  readonly logFolder: string;
  readonly accelerator: Accelerator;
  /** A folder that goes with the machine. */
  readonly scratchPath: string;
  readonly #options: MachineOptions;
  readonly #hardware: Omit<HostParts, 'tpmSocket'>;
  /** What it was made of on the host, released in reverse order. */
  readonly #parts: AsyncDisposableStack;
  #running: Running | null = null;
  #sticks = 0;
  #devices = 0;

  private constructor(
    options: MachineOptions,
    hardware: Omit<HostParts, 'tpmSocket'>,
    scratchPath: string,
    parts: AsyncDisposableStack,
  ) {
    this.name = options.name;
    this.accelerator = hardware.accelerator;
    this.scratchPath = scratchPath;
    this.#options = options;
    this.#hardware = hardware;
    this.#parts = parts;
    this.logFolder = join(buildRoot, 'machines', options.name);
    mkdirSync(this.logFolder, { recursive: true });
    for (const log of ['console.log', 'qemu.log']) rmSync(join(this.logFolder, log), { force: true });
  }

  /** Puts a machine together and switches it on. */
  static async start(options: MachineOptions): Promise<Machine> {
    await using parts = new AsyncDisposableStack();
    const folder = parts.use(new ScratchFolder()).path;
    const hardware = {
      accelerator: options.countsInstructions ? 'tcg' : await chooseAccelerator(options.probeKernel),
      firmware: options.boot === 'uefi' ? await prepareFirmware(folder, options) : null,
      disk: options.image === undefined ? null : await overlay(folder, options.image, options.diskMiB),
    };
    const machine = new Machine(options, hardware, folder, parts.move());
    try {
      if (options.tpm) await options.manufactureTpm?.(folder);
      await machine.powerOn();
      return machine;
    } catch (cause) {
      await machine[Symbol.asyncDispose]();
      throw cause;
    }
  }

  /** Switches it on (again, after its power went); disk, TPM and UEFI variables are as they were left. */
  async powerOn(): Promise<void> {
    if (this.#running !== null) await this.#released(this.#running);
    const tpm = this.#options.tpm ? await TpmEmulator.start(this.scratchPath) : null;
    const args = machineArguments(this.#options, { ...this.#hardware, tpmSocket: tpm?.control ?? null });
    const log = createWriteStream(join(this.logFolder, 'qemu.log'), { flags: 'a' });
    log.write(`qemu-system-x86_64 ${args.join(' ')}\n`);
    const since = performance.now();
    const process = startBound('qemu-system-x86_64', 'qemu-system-x86', args, [
      'ignore',
      'ignore',
      'pipe',
      'pipe',
      'pipe',
    ]);
    process.child.stderr?.pipe(log);
    const qmp = new Qmp(socketOf(process, 3));
    const console = new SerialConsole(socketOf(process, 4), join(this.logFolder, 'console.log'));
    this.#running = { process, console, qmp, tpm, since };
    try {
      await qmp.negotiate();
    } catch (cause) {
      await this.kill();
      const said = readFileSync(join(this.logFolder, 'qemu.log'), 'utf8').trim();
      throw new HarnessError('refused', `QEMU did not start: ${said}`, { cause });
    }
  }

  async #released({ process, console, tpm }: Running): Promise<void> {
    await process.ended;
    await console.closed();
    await tpm?.[Symbol.asyncDispose]();
  }

  get #power(): Running {
    if (this.#running === null) throw new HarnessError('usage', `${this.name} was never switched on.`);
    return this.#running;
  }

  /** Of the machine since it was last switched on, as the monitor below. */
  get console(): SerialConsole {
    return this.#power.console;
  }

  get qmp(): Qmp {
    return this.#power.qmp;
  }

  /** When the power was last switched on, in milliseconds of performance.now(). */
  get poweredOnAt(): number {
    return this.#power.since;
  }

  get ended(): Promise<ProcessEnd> {
    return this.#power.process.ended;
  }

  /** Presses the power button; a guest that has not gone by the time limit is killed. */
  async powerDown(timeoutMs: number = limits.powerDownMs): Promise<'powered-off' | 'killed'> {
    await this.qmp.execute('system_powerdown').catch(() => {});
    const timer = new AbortController();
    const late = delay(timeoutMs, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
    const outcome = await Promise.race([this.ended, late]);
    timer.abort();
    if (outcome === 'late') await this.kill();
    return outcome === 'late' ? 'killed' : 'powered-off';
  }

  /** Cuts its power: nothing in the guest gets a word. */
  async kill(): Promise<void> {
    this.#power.process.child.kill('SIGKILL');
    await this.ended;
  }

  /** Plugs in a USB stick that holds a folder as a FAT16 file system. Returns what pulls it out. */
  async plugUsbStick(folder: string, label: string): Promise<() => Promise<void>> {
    const id = `stick${this.#sticks++}`;
    await this.qmp.execute('blockdev-add', {
      ...{
        driver: 'vvfat',
        'node-name': id,
        dir: folder,
        label,
        'fat-type': 16,
        floppy: false,
        'read-only': true,
      },
    });
    await this.qmp.execute('device_add', { driver: 'usb-storage', id: `${id}-usb`, drive: id, bus: 'usb.0' });
    return async () => {
      await this.qmp.execute('device_del', { id: `${id}-usb` });
    };
  }

  /** Plugs in a USB serial line that leads to a TCP port of this machine, where somebody has to listen. */
  async plugSerialLine(port: number): Promise<void> {
    const id = `line${port}`;
    const addr = { type: 'inet', data: { host: '127.0.0.1', port: String(port) } };
    await this.qmp.execute('chardev-add', {
      ...{ id, backend: { type: 'socket', data: { addr, server: false } } },
    });
    await this.qmp.execute('device_add', {
      ...{ driver: 'usb-serial', id: `${id}-usb`, chardev: id, bus: 'usb.0' },
    });
  }

  /** Plugs in a USB device that is a program of this machine, such as `UsbHidDevice`. Returns what pulls it out. */
  async plugUsbDevice({ port }: { readonly port: number }): Promise<() => Promise<void>> {
    const id = `device${this.#devices++}`;
    const addr = { type: 'inet', data: { host: '127.0.0.1', port: String(port) } };
    await this.qmp.execute('chardev-add', {
      ...{ id, backend: { type: 'socket', data: { addr, server: false } } },
    });
    await this.qmp.execute('device_add', {
      ...{ driver: 'usb-redir', id: `${id}-usb`, chardev: id, bus: 'usb.0' },
    });
    return async () => {
      await this.qmp.execute('device_del', { id: `${id}-usb` });
    };
  }

  /**
   * Puts a terminal device at this end of the serial line, as a cable does; `console` ends with that. Returns the
   * device's path. It is there until the power goes.
   */
  async connectSerialPort(): Promise<string> {
    const answer = await this.qmp.execute('chardev-change', {
      ...{ id: 'serial', backend: { type: 'pty', data: {} } },
    });
    return (answer as { readonly pty: string }).pty;
  }

  /** Keeps memory, devices, disk and UEFI variables under a name, for this machine's lifetime. */
  async saveSnapshot(name: string): Promise<void> {
    await this.#snapshotCommand(`savevm ${name}`);
  }

  /** Goes back to a snapshot; the guest runs on from there at once. */
  async loadSnapshot(name: string): Promise<void> {
    await this.#snapshotCommand(`loadvm ${name}`);
  }

  async #snapshotCommand(command: string): Promise<void> {
    const complaint = await this.qmp.human(command);
    if (complaint !== '') throw new HarnessError('refused', `QEMU refused ${command}: ${complaint}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running !== null) {
      await this.kill();
      await this.#released(this.#running);
    }
    await this.#parts.disposeAsync();
  }
}

import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { buildRoot } from '../image-builder/places.ts';
import { type Accelerator, chooseAccelerator } from './accelerator.ts';
import { type BoundProcess, type ProcessEnd, runBound, startBound } from './bound-process.ts';
import { prepareFirmware } from './firmware.ts';
import { HarnessError } from './harness-error.ts';
import { limits } from './limits.ts';
import { type Hardware, machineArguments } from './machine-arguments.ts';
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

/** One emulated machine, from QEMU's start to its end. */
export class Machine implements AsyncDisposable {
  readonly name: string;
  /** Its logs: console.log (the serial line), qemu.log (command line and complaints). They stay until the next start. */
  readonly logFolder: string;
  readonly console: SerialConsole;
  readonly qmp: Qmp;
  /** When the power was switched on, in milliseconds of performance.now(). */
  readonly poweredOnAt: number;
  readonly accelerator: Accelerator;
  /** A folder that goes with the machine. */
  readonly scratchPath: string;
  readonly #process: BoundProcess;
  /** What it was made of on the host, released in reverse order. */
  readonly #parts: AsyncDisposableStack;
  #sticks = 0;

  private constructor(
    name: string,
    accelerator: Accelerator,
    scratchPath: string,
    args: readonly string[],
    parts: AsyncDisposableStack,
  ) {
    this.name = name;
    this.accelerator = accelerator;
    this.scratchPath = scratchPath;
    this.#parts = parts;
    this.logFolder = join(buildRoot, 'machines', name);
    mkdirSync(this.logFolder, { recursive: true });
    const log = createWriteStream(join(this.logFolder, 'qemu.log'));
    log.write(`qemu-system-x86_64 ${args.join(' ')}\n`);
    this.poweredOnAt = performance.now();
    this.#process = startBound('qemu-system-x86_64', 'qemu-system-x86', args, [
      'ignore',
      'ignore',
      'pipe',
      'pipe',
      'pipe',
    ]);
    this.#process.child.stderr?.pipe(log);
    this.qmp = new Qmp(socketOf(this.#process, 3));
    this.console = new SerialConsole(socketOf(this.#process, 4), join(this.logFolder, 'console.log'));
  }

  static async start(options: MachineOptions): Promise<Machine> {
    await using parts = new AsyncDisposableStack();
    const folder = parts.use(new ScratchFolder()).path;
    const firmware = options.boot === 'uefi' ? await prepareFirmware(folder, options) : null;
    const tpm = options.tpm ? parts.use(await TpmEmulator.start(folder, options.manufactureTpm)) : null;
    const accelerator = await chooseAccelerator(options.probeKernel);
    const args = machineArguments(options, {
      accelerator,
      firmware,
      disk: options.image === undefined ? null : await overlay(folder, options.image, options.diskMiB),
      tpmSocket: tpm?.control ?? null,
    });
    const machine = new Machine(options.name, accelerator, folder, args, parts.move());
    try {
      await machine.qmp.negotiate();
      return machine;
    } catch (cause) {
      await machine[Symbol.asyncDispose]();
      const log = join(machine.logFolder, 'qemu.log');
      throw new HarnessError('refused', `QEMU did not start: ${readFileSync(log, 'utf8').trim()}`, { cause });
    }
  }

  get ended(): Promise<ProcessEnd> {
    return this.#process.ended;
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

  /** A cut of power and its return: nothing in the guest gets a word. The TPM starts anew, the disk keeps what it has. */
  async reset(): Promise<void> {
    await this.qmp.execute('system_reset');
  }

  /** The end, without a word to the guest. */
  async kill(): Promise<void> {
    this.#process.child.kill('SIGKILL');
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
    await this.kill();
    await this.console.closed();
    await this.#parts.disposeAsync();
  }
}

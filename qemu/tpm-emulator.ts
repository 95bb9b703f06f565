import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BoundProcess, startBound } from './bound-process.ts';
import { HarnessError } from './harness-error.ts';
import { limits } from './limits.ts';

/** The name of the TPM's own folder in a machine's. */
export const tpmStateName = 'tpm';

/** A TPM 2.0 for one machine, in a process of its own. */
export class TpmEmulator implements AsyncDisposable {
  /** The control socket for QEMU's `-chardev socket`. */
  readonly control: string;
  readonly #process: BoundProcess;

  private constructor(control: string, process: BoundProcess) {
    this.control = control;
    this.#process = process;
  }

  /** Its seeds and NV memory stay in the folder: a machine that is started again there has the same TPM. */
  static async start(folder: string): Promise<TpmEmulator> {
    const state = join(folder, tpmStateName);
    const control = join(folder, 'tpm.sock');
    const log = join(folder, 'tpm.log');
    mkdirSync(state, { recursive: true });
    // What an emulator that was killed has left.
    rmSync(control, { force: true });
    const args = [
      ...['socket', '--tpm2', '--tpmstate', `dir=${state}`, '--ctrl', `type=unixio,path=${control}`],
      // The firmware, or the kernel without it, starts the TPM up, once a power-on: QEMU initialises it more than once.
      ...['--terminate', '--log', `file=${log},level=1`],
    ];
    const emulator = new TpmEmulator(control, startBound('swtpm', 'swtpm', args, 'ignore'));
    const gone = emulator.#process.ended.then(({ status }) => {
      const said = existsSync(log) ? readFileSync(log, 'utf8').trim() : '';
      throw new HarnessError('missing', `swtpm did not start (status ${status}): ${said}`);
    });
    gone.catch(() => {});
    const deadline = performance.now() + limits.tpmStartMs;
    while (!existsSync(control)) {
      if (performance.now() > deadline)
        throw new HarnessError('timeout', 'swtpm did not open its control socket.');
      await Promise.race([delay(20), gone]);
    }
    return emulator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.child.kill('SIGKILL');
    await this.#process.ended;
  }
}

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { errorCode } from './error-code.ts';
import { ioctlInt } from './ioctl.ts';

/** _IOWR('W', 6, int) of linux/watchdog.h: seconds until the reset, answered with what the device has chosen. */
const setTimeoutRequest = 0xc004_5706;

/**
 * Seconds. Long enough for a slow start of the runtime after a crash, which is respawned within it; short enough that a
 * box that hangs is back before somebody drives to it.
 */
const defaultTimeoutSeconds = 60;

/** Anything but the magic character keeps the machine alive (Documentation/watchdog/watchdog-api.rst). */
const keepAlive = Buffer.from([0]);
/** "Magic close": only after this does closing the device disarm it. */
const magic = Buffer.from('V');

export type WatchdogOptions = { readonly paths?: readonly string[]; readonly timeoutSeconds?: number };

/** The machine's watchdog, which resets it when nobody has fed it for a while. */
export class Watchdog {
  readonly #paths: readonly string[];
  readonly #timeoutSeconds: number;
  #descriptor: number | undefined;

  constructor({
    paths = ['/dev/watchdog0', '/dev/watchdog'],
    timeoutSeconds = defaultTimeoutSeconds,
  }: WatchdogOptions = {}) {
    this.#paths = paths;
    this.#timeoutSeconds = timeoutSeconds;
  }

  /**
   * Arms the first watchdog that can be opened and sets its timeout. Resolves with a sentence for the log, also where
   * there is none: not every machine has one, and the box works without.
   */
  async open(): Promise<string> {
    const problems: string[] = [];
    for (const path of this.#paths) {
      try {
        this.#descriptor = openSync(path, constants.O_WRONLY);
      } catch (error) {
        problems.push(`${path} (${errorCode(error)})`);
        continue;
      }
      return `Watchdog ${path} is armed: ${await this.#setTimeout(this.#descriptor)}`;
    }
    return `No watchdog: ${problems.join(', ')}`;
  }

  /**
   * Keeps the machine alive for another timeout. To be called only while the runtime is healthy; nothing in here feeds by
   * itself. Throws where the device refuses.
   */
  feed(): void {
    if (this.#descriptor !== undefined) writeSync(this.#descriptor, keepAlive);
  }

  /**
   * Disarms the watchdog, for an orderly shutdown. A process that ends in any other way leaves it armed, and the machine
   * is reset unless the runtime comes back in time.
   */
  async disarm(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor === undefined) return;
    try {
      writeSync(descriptor, magic);
    } finally {
      closeSync(descriptor);
    }
  }

  async #setTimeout(descriptor: number): Promise<string> {
    try {
      const granted = await ioctlInt(descriptor, setTimeoutRequest, this.#timeoutSeconds);
      return `it resets the machine after ${granted} s without a sign of life`;
    } catch (error) {
      return `its timeout stays its own, since setting it failed (${errorCode(error)})`;
    }
  }
}

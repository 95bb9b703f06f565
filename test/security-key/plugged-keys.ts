import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { KeySystem } from '../../firmware/security-key/ports.ts';
import { SecurityKeyReader } from '../../firmware/security-key/security-key-reader.ts';
import { keyCryptography } from '../../firmware/system/key-cryptography.ts';
import type { VirtualKey } from './virtual-key.ts';

/** Ports into which virtual keys are plugged. */
export class PluggedKeys implements KeySystem {
  readonly #ports = new Map<string, VirtualKey>();
  readonly #open = new Map<string, () => void>();
  #made = 0;
  /** Lines that were opened and not closed. */
  get openLines(): number {
    return this.#open.size;
  }

  plug(key: VirtualKey): void {
    this.#ports.set(`/dev/hidraw${this.#made++}`, key);
  }

  pull(key: VirtualKey): void {
    for (const [path, plugged] of this.#ports) {
      if (plugged !== key) continue;
      this.#ports.delete(path);
      key.forgetConversation();
      this.#open.get(path)?.();
    }
  }

  async list(): Promise<readonly string[]> {
    return [...this.#ports.keys()];
  }

  async open(path: string, on: Parameters<KeySystem['open']>[1]): ReturnType<KeySystem['open']> {
    const key = this.#ports.get(path);
    if (key === undefined) throw new Error('gone');
    this.#open.set(path, on.gone);
    key.emit = (report) => void nextTurn().then(() => this.#open.has(path) && on.report(report));
    return {
      write: async (report) => {
        if (!this.#ports.has(path)) throw new Error('gone');
        key.take(report);
      },
      close: async () => {
        this.#open.delete(path);
        key.blinks = false;
      },
    };
  }
}

/** Time that passes where everybody waits: the earliest of those who wait goes on. */
export class QuickTime {
  now = 0;
  #waiting: { readonly at: number; readonly goOn: () => void }[] = [];
  #waits = 0;
  #passing = false;

  readonly elapsed = (): number => this.now;

  readonly wait = (milliseconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((goOn) => {
      const entry = { at: this.now + milliseconds, goOn };
      this.#waiting.push(entry);
      this.#waits += 1;
      const give = () => {
        this.#waiting = this.#waiting.filter((each) => each !== entry);
        goOn();
      };
      if (signal.aborted) give();
      signal.addEventListener('abort', give, { once: true });
      void this.#pass();
    });

  async #pass(): Promise<void> {
    if (this.#passing) return;
    this.#passing = true;
    while (this.#waiting.length > 0) {
      // Whoever is at work waits again within some turns.
      const waits = this.#waits;
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      if (waits !== this.#waits) continue;
      const next = this.#waiting.toSorted((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((each) => each !== next);
      this.now = Math.max(this.now, next.at);
      next.goOn();
    }
    this.#passing = false;
  }
}

const random = (octets: number) => new Uint8Array(randomBytes(octets));

/** The box's own reader over ports of a test, in time that passes where everybody waits. */
export function quickReader(system: KeySystem, time = new QuickTime()): SecurityKeyReader {
  const { elapsed, wait } = time;
  return new SecurityKeyReader({ system, cryptography: keyCryptography, random, elapsed, wait });
}

/** The same in the machine's time, which passes faster by a factor. */
export function fastReader(system: KeySystem, factor: number): SecurityKeyReader {
  return new SecurityKeyReader({
    ...{ system, cryptography: keyCryptography, random },
    elapsed: () => performance.now() * factor,
    wait: (milliseconds, signal) =>
      sleep(milliseconds / factor, undefined, { signal }).catch(() => undefined),
  });
}

import { createWriteStream, openSync, type WriteStream } from 'node:fs';
import { type Duplex, finished } from 'node:stream';
import { finished as whenFinished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HarnessError } from './harness-error.ts';
import { limits } from './limits.ts';

/** ECMA-48 control sequences, with which UEFI firmware paints its console, and the carriage returns of a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC is what begins a control sequence
const controlSequence = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[^[])|\r/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC is what begins a control sequence
const unfinishedSequence = /\x1b(?:\[[0-?]*[ -/]*)?$/;

/** A guest's serial line as text: read by waiting for patterns, in order, and kept whole in a log file. */
export class SerialConsole {
  readonly logPath: string;
  readonly #line: Duplex;
  readonly #log: WriteStream;
  readonly #watchers = new Set<() => void>();
  #text = '';
  #unfinished = '';
  #cursor = 0;
  #ended = false;

  constructor(line: Duplex, logPath: string) {
    this.#line = line;
    this.logPath = logPath;
    this.#log = createWriteStream(logPath, { fd: openSync(logPath, 'a') });
    line.setEncoding('utf8');
    line.on('data', (chunk: string) => this.#receive(chunk));
    // However the line ends (closed, or reset by a machine that is killed), there is nothing more to read.
    finished(line, { writable: false }, () => this.#end());
  }

  /** Everything that the guest wrote, without control sequences. */
  get text(): string {
    return this.#text;
  }

  /** Settles when the line is closed and the log is written. */
  async closed(): Promise<void> {
    await whenFinished(this.#log);
  }

  /** Types into the guest's terminal. */
  write(text: string): void {
    this.#line.write(text);
  }

  /** Every chunk as it arrives, control sequences and all, for a person's terminal. Returns what ends it. */
  onData(listener: (chunk: string) => void): () => void {
    this.#line.on('data', listener);
    return () => this.#line.off('data', listener);
  }

  /**
   * Waits until the guest writes something that matches, from where the last match ended. Text that came before the
   * call counts.
   *
   * @throws HarnessError `timeout` or `ended`, with the end of the console's text
   */
  async expect(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const expired = new AbortController();
    const deadline = delay(timeoutMs, 'timeout' as const, { signal: expired.signal }).catch(
      () => 'timeout' as const,
    );
    try {
      for (;;) {
        const match = new RegExp(pattern.source, pattern.flags.replace('g', '')).exec(
          this.#text.slice(this.#cursor),
        );
        if (match) {
          this.#cursor += match.index + match[0].length;
          return match;
        }
        if (this.#ended)
          throw this.#failure('ended', `The machine ended before its console showed ${pattern}`);
        if ((await Promise.race([this.#change(), deadline])) === 'timeout') {
          throw this.#failure('timeout', `The console did not show ${pattern} within ${timeoutMs / 1000} s`);
        }
      }
    } finally {
      expired.abort();
    }
  }

  #change(): Promise<'change'> {
    return new Promise((resolve) => {
      const watcher = () => {
        this.#watchers.delete(watcher);
        resolve('change');
      };
      this.#watchers.add(watcher);
    });
  }

  #receive(chunk: string): void {
    this.#log.write(chunk);
    const raw = this.#unfinished + chunk;
    this.#unfinished = unfinishedSequence.exec(raw)?.[0] ?? '';
    this.#text += raw.slice(0, raw.length - this.#unfinished.length).replace(controlSequence, '');
    for (const watcher of this.#watchers) watcher();
  }

  #end(): void {
    this.#ended = true;
    this.#log.end();
    for (const watcher of this.#watchers) watcher();
  }

  #failure(code: 'timeout' | 'ended', what: string): HarnessError {
    const tail = this.#text.slice(-limits.consoleTail);
    return new HarnessError(code, `${what}. Its log is ${this.logPath}; it ends:\n${tail}`);
  }
}

import { type Duplex, finished } from 'node:stream';
import { HarnessError } from './harness-error.ts';
import { limits } from './limits.ts';

export type QmpEvent = { readonly event: string; readonly data: unknown };
type Pending = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** QEMU Machine Protocol: one JSON object a line, answers matched by id ("QMP protocol specification", §2). */
export class Qmp {
  readonly #line: Duplex;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #partial = '';
  #nextId = 1;
  #ended = false;

  constructor(line: Duplex) {
    this.#line = line;
    line.setEncoding('utf8');
    line.on('data', (chunk: string) => this.#receive(chunk));
    // However the line ends (closed, or reset by a machine that is killed), nobody will answer any more.
    finished(line, { writable: false }, () => {
      this.#ended = true;
      this.#failAll(new HarnessError('ended', 'QEMU ended before it answered its monitor.'));
    });
  }

  /** Leaves the negotiation mode that QEMU greets in. */
  async negotiate(): Promise<void> {
    await this.execute('qmp_capabilities');
  }

  /** @throws HarnessError `refused` with QEMU's own words, `timeout`, or `ended` */
  execute(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    timeoutMs: number = limits.monitorMs,
  ): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(deadline);
          this.#pending.delete(id);
          then(value);
        };
      const pending: Pending = { resolve: settle(resolve), reject: settle(reject) };
      const deadline = setTimeout(
        () =>
          pending.reject(
            new HarnessError('timeout', `QEMU did not answer ${command} within ${timeoutMs / 1000} s.`),
          ),
        timeoutMs,
      );
      if (this.#ended)
        return pending.reject(new HarnessError('ended', `QEMU has ended: ${command} cannot run.`));
      this.#pending.set(id, pending);
      this.#line.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  /** Runs a command of the human monitor, which alone has savevm and loadvm as single steps in every version. */
  async human(commandLine: string): Promise<string> {
    const answer = await this.execute('human-monitor-command', { 'command-line': commandLine });
    return typeof answer === 'string' ? answer.trim() : '';
  }

  /** Calls the listener for every event until the returned function is called. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #receive(chunk: string): void {
    const lines = (this.#partial + chunk).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#take(JSON.parse(line));
  }

  #take(message: unknown): void {
    if (!isRecord(message)) return;
    if (typeof message['event'] === 'string') {
      for (const listener of this.#listeners) listener({ event: message['event'], data: message['data'] });
      return;
    }
    const pending = typeof message['id'] === 'number' ? this.#pending.get(message['id']) : undefined;
    const error = message['error'];
    if (isRecord(error))
      pending?.reject(new HarnessError('refused', `QEMU refused: ${String(error['desc'])}`));
    else pending?.resolve(message['return']);
  }

  #failAll(error: HarnessError): void {
    for (const pending of this.#pending.values()) pending.reject(error);
  }
}

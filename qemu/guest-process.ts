import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { ProcessReport, ProcessRequest } from './guest/agent.ts';
import { HarnessError } from './harness-error.ts';

/** How a process in the guest ended, and all that it said. */
export type GuestProcessEnd = { readonly status: number; readonly output: string; readonly error: string };

/** A process in the overlay guest, started through its agent. */
export class GuestProcess {
  readonly #socket: Socket;
  readonly #port: number;
  readonly #what: string;
  readonly #lines: string[] = [];
  readonly #ended: Promise<GuestProcessEnd>;
  #wake = () => {};
  #output = '';
  #error = '';
  #status: number | null = null;
  #group: number | null = null;

  /** @param port of 127.0.0.1 that leads to the guest's agent */
  constructor(port: number, request: ProcessRequest) {
    this.#port = port;
    this.#what = `${request.namespace ?? 'the guest'}: ${request.command} ${request.args.join(' ')}`;
    this.#socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    this.#socket.write(`${JSON.stringify(request)}\n`);
    this.#socket.on('error', () => this.#socket.destroy());
    createInterface(this.#socket).on('line', (line) => this.#take(JSON.parse(line) as ProcessReport));
    this.#ended = new Promise((resolve) =>
      this.#socket.once('close', () => {
        // A connection that breaks is a process that was killed, or the guest's end.
        this.#status ??= 137;
        resolve({ status: this.#status, output: this.#output, error: this.#error });
        this.#wake();
      }),
    );
    this.#socket.once('end', () => this.#socket.end());
  }

  /** What it said on standard error so far: a daemon's log. */
  get log(): string {
    return this.#error;
  }

  /** What it said on standard output so far. */
  get output(): string {
    return this.#output;
  }

  get ended(): Promise<GuestProcessEnd> {
    return this.#ended;
  }

  /** Closes its standard input and waits for its end. */
  async finish(input = ''): Promise<GuestProcessEnd> {
    this.#socket.end(input);
    return this.#ended;
  }

  /** Sends a JSON document a line and returns the next line of output as one. Questions go one after the other. */
  async ask<T>(question: unknown, timeoutMs = 60_000): Promise<T> {
    this.#socket.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await this.#nextLine(timeoutMs)) as T;
  }

  /** Ends it and its children without a word. */
  async kill(): Promise<void> {
    if (this.#status !== null || this.#group === null) return;
    const args = ['kill', '-9', `-${this.#group}`];
    await new GuestProcess(this.#port, { namespace: null, command: '/usr/bin/busybox', args }).finish();
    await this.#ended;
  }

  async #nextLine(timeoutMs: number): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      const left = deadline - performance.now();
      if (this.#status !== null || left <= 0) {
        const [code, how] =
          left <= 0 ? (['timeout', 'did not answer'] as const) : (['ended', 'ended'] as const);
        throw new HarnessError(code, `${this.#what} ${how}; it said:\n${this.#error.slice(-4000)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #take(report: ProcessReport): void {
    if (report.event === 'exit') this.#status = report.status;
    else if (report.event === 'started') this.#group = report.group;
    else if (report.event === 'error') this.#error += Buffer.from(report.data, 'base64').toString();
    else {
      const before = this.#output.lastIndexOf('\n') + 1;
      this.#output += Buffer.from(report.data, 'base64').toString();
      const whole = this.#output.slice(before).split('\n');
      this.#lines.push(...whole.slice(0, -1));
    }
    this.#wake();
  }
}

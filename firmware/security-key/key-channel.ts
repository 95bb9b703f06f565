import {
  type Assembled,
  type Assembly,
  assemble,
  broadcastChannel,
  channelBusy,
  hidCommands,
  type InitAnswer,
  nonceOctets,
  packetsOf,
  readInit,
} from './ctaphid.ts';
import { limits } from './limits.ts';
import type { KeyLine, KeyPorts } from './ports.ts';

export type KeyAnswer =
  | { readonly ok: true; readonly message: Uint8Array }
  /** `busy`: it may be asked again. The others end the conversation. */
  | { readonly ok: false; readonly failure: 'busy' | 'gone' | 'silent' | 'garbled' };

type Event = NonNullable<Assembled['event']>;

type Asked = {
  readonly command: number;
  /** False for a message that is not what was asked for: another may come. */
  readonly accept: (message: Uint8Array) => boolean;
  readonly answer: (answer: KeyAnswer) => void;
};

const failed = (failure: Exclude<KeyAnswer, { ok: true }>['failure']): KeyAnswer => ({ ok: false, failure });

/** A conversation with one key, a question at a time. It never rejects: what a key does wrong is an answer. */
export class KeyChannel {
  readonly #ports: Pick<KeyPorts, 'elapsed' | 'wait' | 'random'>;
  readonly #until: number;
  #line: KeyLine | null = null;
  #channel = broadcastChannel;
  #assembly: Assembly = null;
  #asked: Asked | null = null;
  #heardAt = 0;
  #gone = false;

  private constructor(ports: KeyPorts, until: number) {
    this.#ports = ports;
    this.#until = until;
  }

  /**
   * Rejects where the key cannot be opened.
   *
   * @param until by `elapsed`: from then on a key without an answer is silent, however much it talks
   */
  static async open(ports: KeyPorts, path: string, until: number): Promise<KeyChannel> {
    const channel = new KeyChannel(ports, until);
    channel.#line = await ports.system.open(path, {
      report: (report) => channel.#take(report),
      gone: () => channel.#lose(),
    });
    return channel;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Has the key give this conversation a channel of its own; null where it does not. */
  async init(): Promise<InitAnswer | null> {
    const nonce = this.#ports.random(nonceOctets);
    const accept = (message: Uint8Array) => readInit(message, nonce) !== null;
    const answer = await this.#ask(hidCommands.init, nonce, accept);
    const init = answer.ok ? readInit(answer.message, nonce) : null;
    if (init !== null) this.#channel = init.channel;
    return init;
  }

  /** Sends an APDU and waits for its answer. */
  message(request: Uint8Array): Promise<KeyAnswer> {
    return this.#ask(hidCommands.message, request, () => true);
  }

  async close(): Promise<void> {
    this.#lose();
    await this.#line?.close().catch(() => undefined);
  }

  async #ask(command: number, request: Uint8Array, accept: Asked['accept']): Promise<KeyAnswer> {
    if (this.#gone) return failed('gone');
    this.#assembly = null;
    this.#heardAt = this.#ports.elapsed();
    const over = new AbortController();
    const answered = new Promise<KeyAnswer>((answer) => {
      this.#asked = { command, accept, answer };
    });
    try {
      // A key that takes nothing more must not hold this up, either.
      void this.#send(command, request);
      return await Promise.race([answered, this.#silence(over.signal)]);
    } finally {
      this.#asked = null;
      over.abort();
    }
  }

  async #send(command: number, request: Uint8Array): Promise<void> {
    try {
      for (const packet of packetsOf(this.#channel, command, request)) await this.#line?.write(packet);
    } catch {
      this.#lose();
    }
  }

  /** Resolves once the key has said nothing for too long, or talked for too long. */
  async #silence(signal: AbortSignal): Promise<KeyAnswer> {
    const { elapsed, wait } = this.#ports;
    const end = Math.min(elapsed() + limits.answerMs, this.#until);
    for (;;) {
      const until = Math.min(end, this.#heardAt + limits.silenceMs);
      const left = until - elapsed();
      if (left <= 0 || signal.aborted) return failed('silent');
      await wait(left, signal);
    }
  }

  /** What comes while nothing is asked means nothing. */
  #take(report: Uint8Array): void {
    if (this.#asked === null) return;
    const { assembly, event } = assemble(this.#assembly, this.#channel, report);
    this.#assembly = assembly;
    if (event === null) return;
    this.#heardAt = this.#ports.elapsed();
    const answer = answerIn(event, this.#asked);
    if (answer !== null) this.#asked.answer(answer);
  }

  #lose(): void {
    this.#gone = true;
    this.#asked?.answer(failed('gone'));
  }
}

/** What an event says to a question; null where the answer is still to come. */
function answerIn(event: Event, { command, accept }: Asked): KeyAnswer | null {
  if (event.kind === 'broken') return failed('garbled');
  if (event.command === hidCommands.keepAlive) return null;
  if (event.command === hidCommands.error)
    return failed(event.message[0] === channelBusy ? 'busy' : 'garbled');
  if (event.command !== command) return failed('garbled');
  return accept(event.message) ? { ok: true, message: event.message } : null;
}

import { limits } from '../limits.ts';
import type { NetworkSystem, TimeSocket } from '../system-port.ts';
import { type ClockState, timeAnswer } from './sntp-packet.ts';

/**
 * Tells hosts the time (RFC 5905 § 14) on the links of their networks, and there alone. Nothing is remembered of who asked
 * but how often within the second.
 */
export class TimeServer {
  readonly #system: NetworkSystem;
  readonly #state: () => ClockState | null;
  readonly #sockets = new Map<string, TimeSocket>();
  #second = Number.NaN;
  #asked = new Map<string, number>();
  #answers = 0;

  /** @param state what the clock is kept by now; null where nobody keeps it */
  constructor(system: NetworkSystem, state: () => ClockState | null) {
    this.#system = system;
    this.#state = state;
  }

  /** Serves exactly these links from now on. One that is not there yet is tried again the next time. */
  async follow(links: readonly string[]): Promise<void> {
    for (const [link, socket] of this.#sockets)
      if (!links.includes(link) || !socket.isBound()) {
        socket.close();
        this.#sockets.delete(link);
      }
    for (const link of links) {
      if (this.#sockets.has(link)) continue;
      try {
        const socket = await this.#system.openTimeSocket(link, (question, from) => {
          const answer = this.answer(question, from);
          if (answer !== null) this.#sockets.get(link)?.send(answer, from);
        });
        this.#sockets.set(link, socket);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#system.log('warning', `${link}: the time is not served: ${reason}`);
      }
    }
  }

  /** What goes back, null where nothing does: no question, or too many. */
  answer(question: Uint8Array, { address }: { readonly address: string }): Uint8Array | null {
    const { wallClock, monotonic } = this.#system;
    const now = monotonic();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#asked = new Map();
      this.#answers = 0;
    }
    const asked = this.#asked.get(address) ?? 0;
    if (asked >= limits.timeAnswersEach || this.#answers >= limits.timeAnswers) return null;
    const answer = timeAnswer(question, { wall: wallClock(), now, state: this.#state() });
    if (answer === null) return null;
    this.#answers++;
    this.#asked.set(address, asked + 1);
    return answer;
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

import { limits } from '../limits.ts';
import type { NetworkSystem } from '../system-port.ts';
import { correctionOf, type ServerSample } from './clock-correction.ts';
import { type ClockState, readTimeAnswer, timeQuestion } from './sntp-packet.ts';

/** Keeps the box's clock by NTP servers (RFC 5905 § 14), for as long as there are any. */
export class ClockKeeper {
  readonly #system: NetworkSystem;
  #servers: readonly string[] = [];
  #timer: { readonly close: () => void } | null = null;
  #round = 0;
  #told = '';
  #state: ClockState | null = null;

  constructor(system: NetworkSystem) {
    this.#system = system;
  }

  /** Asks exactly these servers from now on. */
  follow(servers: readonly string[]): void {
    if (servers.join(' ') === this.#servers.join(' ')) return;
    this.close();
    this.#servers = servers;
    if (servers.length > 0) void this.#ask(++this.#round, limits.clockFirstMs);
  }

  /** What the clock is kept by; null where nobody has told the time, or not for a long while. */
  state(): ClockState | null {
    const age = this.#system.monotonic() - (this.#state?.at ?? 0);
    return age > limits.clockHoldsMs ? null : this.#state;
  }

  close(): void {
    this.#state = null;
    this.#round++;
    this.#timer?.close();
    this.#servers = [];
  }

  /** @param waitMs until the next time: longer and longer, except after a time at which nobody answered */
  async #ask(round: number, waitMs: number): Promise<void> {
    const samples = await Promise.all(this.#servers.map((server) => this.#sample(server)));
    if (round !== this.#round) return;
    const answers = samples.filter((sample) => sample !== null);
    const kept = await this.#correct(answers);
    if (round !== this.#round) return;
    const next = kept ? Math.min(waitMs * 2, limits.clockLongestMs) : limits.clockFirstMs;
    this.#timer = this.#system.setTimer(waitMs, () => void this.#ask(round, next));
  }

  async #sample(server: string): Promise<ServerSample | null> {
    const { wallClock, monotonic, random, askByUdp } = this.#system;
    const nonce = random(8);
    const exchange = await askByUdp(server, ntpPort, timeQuestion(nonce), limits.clockAnswerMs);
    if (exchange === null) return null;
    const { sentAt, receivedAt, octets } = exchange;
    // By the clock that never jumps, read once together with the one that may.
    const wall = wallClock() - monotonic();
    const answer = readTimeAnswer(octets, nonce, Math.max(wallClock(), limits.clockEarliest));
    if (answer === null) return null;
    const [there, back] = [answer.receivedAt - (wall + sentAt), answer.sentAt - (wall + receivedAt)];
    const delay = receivedAt - sentAt - (answer.sentAt - answer.receivedAt);
    return { offset: (there + back) / 2, delay, stratum: answer.stratum };
  }

  /** Returns whether the clock is right now, as far as that can be known. */
  async #correct(samples: readonly ServerSample[]): Promise<boolean> {
    const correction = correctionOf(samples, this.#system.wallClock());
    if (correction.do === 'nothing') {
      const noAnswer = correction.because === 'no-answer';
      this.#tell('warning', noAnswer ? 'no time server answers' : 'time servers tell no plausible time');
      return false;
    }
    const failure = await this.#system.correctClock(correction.do, correction.offset);
    if (failure === null)
      this.#state = {
        at: this.#system.monotonic(),
        stratum: Math.min(Math.max(...samples.map(({ stratum }) => stratum)) + 1, 15),
        delay: Math.max(...samples.map(({ delay }) => delay)),
        error: correction.do === 'slew' ? Math.abs(correction.offset) : 0,
      };
    const seconds = (Math.abs(correction.offset) / 1000).toFixed(3);
    const side = correction.offset > 0 ? 'behind' : 'ahead';
    if (failure !== null) this.#tell('error', `the clock cannot be set: ${failure}`);
    else if (correction.do === 'slew') this.#tell('info', 'the clock is kept by time servers');
    else this.#system.log('warning', `the clock was ${seconds} s ${side} and has been set`);
    return failure === null && correction.do === 'slew';
  }

  /** The same every few seconds is one line. */
  #tell(level: 'info' | 'warning' | 'error', message: string): void {
    if (message !== this.#told) this.#system.log(level, message);
    this.#told = message;
  }
}

const ntpPort = 123;

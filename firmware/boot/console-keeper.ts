import type { ConsoleFacts } from '../console/console-facts.ts';
import { type ConsoleInput, type ConsoleState, type Job, transition } from '../console/console-machine.ts';
import { type DecoderState, decodeKeys, firstDecoderState } from '../console/keys.ts';
import { limits } from '../console/limits.ts';
import { drawScreen, paint } from '../console/screens.ts';
import type { AuditLog } from '../webui/ports.ts';
import type { BoardProfile } from './board-profile.ts';
import { type ConsoleJobPorts, runJob } from './console-jobs.ts';

/** One console as the operating system has it: a serial port, the screen with its keyboard. */
export interface Terminal {
  /** `ttyS0`, `tty1`. */
  readonly name: string;
  /** Opens it where it is not open. Resolves once the text has left, or with why it has not. Never rejects. */
  write(text: string): Promise<string | null>;
  /** Gives the terminal to a shell until that ends or is told to; resolves with what went wrong, or null. */
  runShell(end: AbortSignal): Promise<string | null>;
  close(): Promise<void>;
}

export interface TerminalSystem {
  /** What there is of these, and the screen. What is typed comes once something was written. */
  findTerminals(
    consoles: BoardProfile['consoles'],
    onOctets: (terminal: string, octets: Uint8Array) => void,
  ): readonly Terminal[];
  /** Calls whenever something else has written to the consoles, which the kernel does. */
  onDisturbed(listener: () => void): void;
}

export interface ConsoleKeeperPorts extends ConsoleJobPorts {
  readonly system: TerminalSystem;
  readonly consoles: BoardProfile['consoles'];
  readonly audit: Pick<AuditLog, 'add'>;
  facts(): ConsoleFacts;
  uptimeSeconds(): number;
  log(level: 'info' | 'warning', message: string): void;
}

/** A terminal and what is on it. */
type Seat = {
  readonly terminal: Terminal;
  state: ConsoleState;
  decoder: DecoderState;
  /** What was painted last; null where the terminal may show anything. */
  painted: string | null;
  painting: boolean;
  broken: boolean;
  lastKey: number;
  shell: AbortController | null;
};

/**
 * All consoles of the box at once, each with its own state. They redraw when what they show has changed, and after the
 * kernel wrote over it.
 */
export class ConsoleKeeper {
  readonly #ports: ConsoleKeeperPorts;
  #seats: readonly Seat[] = [];
  #closed = false;

  constructor(ports: ConsoleKeeperPorts) {
    this.#ports = ports;
  }

  open(): void {
    const { system, consoles, log, uptimeSeconds } = this.#ports;
    const terminals = system.findTerminals(consoles, (name, octets) => this.#typed(name, octets));
    if (terminals.length === 0) log('info', 'the machine has none of the consoles that its profile names');
    this.#seats = terminals.map((terminal) => ({
      ...{ terminal, state: { at: 'status' }, decoder: firstDecoderState, painted: null, painting: false },
      ...{ broken: false, lastKey: uptimeSeconds(), shell: null },
    }));
    // Drawn anew by the next update: the kernel seldom says one thing alone.
    system.onDisturbed(() => {
      for (const seat of this.#seats) seat.painted = null;
    });
    this.update();
  }

  /** To be called when something may have changed, and every few seconds. */
  update(): void {
    const facts = this.#ports.facts();
    for (const seat of this.#seats) {
      // What the settings do not allow any more ends.
      if (!facts.shellAllowed) seat.shell?.abort();
      const idle = this.#ports.uptimeSeconds() - seat.lastKey > limits.idleSeconds;
      if (idle) this.#take(seat, { kind: 'idle' }, facts);
      this.#draw(seat, facts);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { shell } of this.#seats) shell?.abort();
    await Promise.all(this.#seats.map(({ terminal }) => terminal.close()));
  }

  #typed(name: string, octets: Uint8Array): void {
    const seat = this.#seats.find(({ terminal }) => terminal.name === name);
    if (seat === undefined || seat.shell !== null || this.#closed) return;
    const { state, keys } = decodeKeys(seat.decoder, octets);
    seat.decoder = state;
    const facts = this.#ports.facts();
    for (const key of keys) {
      seat.lastKey = this.#ports.uptimeSeconds();
      // Whoever presses these may look at a screen that the kernel has written over.
      if (key.kind === 'enter' || key.kind === 'redraw') seat.painted = null;
      this.#take(seat, { kind: 'key', key }, facts);
    }
    this.#draw(seat, this.#ports.facts());
  }

  #take(seat: Seat, input: ConsoleInput, facts: ConsoleFacts): void {
    const { state, effects } = transition(seat.state, input, facts);
    seat.state = state;
    for (const job of effects) void this.#run(seat, job);
  }

  async #run(seat: Seat, job: Job): Promise<void> {
    const { log, audit } = this.#ports;
    log('warning', `${seat.terminal.name}: ${job.kind}`);
    const outcome =
      job.kind === 'shell' ? await this.#shell(seat) : await runJob(job, seat.terminal.name, this.#ports);
    audit.add({
      ...{ who: 'console', from: null, act: job.kind, what: seat.terminal.name },
      outcome: outcome.ok ? 'done' : 'failed',
    });
    if (!outcome.ok)
      log('info', `${seat.terminal.name}: ${job.kind} did not work: ${outcome.lines.join(' ')}`);
    seat.lastKey = this.#ports.uptimeSeconds();
    const facts = this.#ports.facts();
    this.#take(seat, { kind: 'done', job, ...outcome }, facts);
    if (!this.#closed) this.#draw(seat, facts);
  }

  /** The settings are asked once more: the menu may be older than they are. */
  async #shell(seat: Seat): Promise<{ readonly ok: boolean; readonly lines: readonly string[] }> {
    if (!this.#ports.facts().shellAllowed)
      return { ok: false, lines: ['The settings do not allow it (diagnostics.shell).'] };
    const end = new AbortController();
    seat.shell = end;
    const failure = await seat.terminal.runShell(end.signal);
    seat.shell = null;
    seat.painted = null;
    return failure === null ? { ok: true, lines: ['The shell has ended.'] } : { ok: false, lines: [failure] };
  }

  #draw(seat: Seat, facts: ConsoleFacts): void {
    if (seat.painting || seat.shell !== null) return;
    const lines = drawScreen(seat.state, facts);
    const text = lines.join('\n');
    if (text === seat.painted) return;
    const cleared = seat.painted === null;
    seat.painted = text;
    seat.painting = true;
    void this.#paint(seat, paint(lines, { cleared }));
  }

  /** A terminal that takes its time is painted again once it has: only the newest screen counts. */
  async #paint(seat: Seat, text: string): Promise<void> {
    const failure = await seat.terminal.write(text);
    seat.painting = false;
    if (failure !== null) {
      seat.painted = null;
      if (!seat.broken) this.#ports.log('info', `${seat.terminal.name}: ${failure}`);
      seat.broken = true;
      return;
    }
    seat.broken = false;
    if (!this.#closed) this.#draw(seat, this.#ports.facts());
  }
}

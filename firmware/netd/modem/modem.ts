import { limits } from '../limits.ts';
import type { NetworkSystem, SerialLine } from '../system-port.ts';
import { LineReader } from './at-answers.ts';
import {
  type ModemEffect,
  type ModemFacts,
  type ModemInput,
  type ModemOptions,
  type ModemState,
  noModem,
  transition,
} from './modem-machine.ts';
import type { SimPins } from './sim-pins.ts';

export type ModemSettings = ModemOptions & {
  /** The serial device below /dev that takes AT commands. */
  readonly device: string;
};

/** A modem that is kept connected for as long as it is wanted: looked for, opened, asked, and opened again when it goes. */
export class Modem {
  readonly settings: ModemSettings;
  readonly #system: NetworkSystem;
  readonly #pins: SimPins;
  readonly #onChange: () => void;
  #state: ModemState = noModem;
  #line: SerialLine | null = null;
  #timer: { readonly close: () => void } | null = null;
  #closed = false;

  /** @param onChange called when it is connected or not connected any more */
  constructor(system: NetworkSystem, pins: SimPins, settings: ModemSettings, onChange: () => void) {
    this.settings = settings;
    this.#system = system;
    this.#pins = pins;
    this.#onChange = onChange;
    void this.#open();
  }

  get facts(): ModemFacts {
    return this.#state.facts;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.close();
    await this.#line?.close();
  }

  async #open(): Promise<void> {
    const reader = new LineReader();
    const line = await this.#system.openSerialLine(this.settings.device, {
      onText: (text) => {
        for (const each of reader.take(text)) this.#input({ type: 'line', line: each });
      },
      onClose: () => this.#gone(),
    });
    if (this.#closed) return void line?.close();
    this.#line = line;
    if (line === null) this.#openLater();
    else this.#input({ type: 'opened' });
  }

  #openLater(): void {
    if (this.#closed) return;
    this.#timer?.close();
    this.#timer = this.#system.setTimer(limits.modemReopenMs, () => void this.#open());
  }

  /** It was pulled out, or another program took it. */
  #gone(): void {
    this.#line = null;
    this.#input({ type: 'closed' });
    this.#openLater();
  }

  #input(input: ModemInput): void {
    if (this.#closed) return;
    const before = this.#state.facts;
    const { state, effects } = transition(this.#state, input, this.#system.monotonic(), this.settings);
    this.#state = state;
    this.#timer?.close();
    this.#arm();
    for (const effect of effects) this.#perform(effect);
    this.#tell(before, state.facts);
  }

  #perform(effect: ModemEffect): void {
    const { device, pin = '' } = this.settings;
    switch (effect.type) {
      case 'write':
        this.#line?.write(`${effect.command}\r`);
        break;
      case 'ask-leave':
        void this.#pins.begin(device, pin).then((problem) => this.#input({ type: 'leave', problem }));
        break;
      case 'pin-ended':
        void this.#pins.end(device, effect.outcome).then((problem) => {
          if (problem !== null) this.#system.log('warning', `modem ${device}: ${problem}`);
        });
        break;
      case 'reopen':
        void this.#reopen();
        break;
    }
  }

  async #reopen(): Promise<void> {
    const line = this.#line;
    this.#line = null;
    await line?.close();
    this.#openLater();
  }

  #arm(): void {
    if (!Number.isFinite(this.#state.deadline)) return;
    const wait = Math.max(0, this.#state.deadline - this.#system.monotonic());
    this.#timer = this.#system.setTimer(wait, () => this.#input({ type: 'timeout' }));
  }

  #tell(before: ModemFacts, after: ModemFacts): void {
    const { device } = this.settings;
    if (after.problem !== null && after.problem !== before.problem)
      this.#system.log('warning', `modem ${device}: ${after.problem}`);
    if (before.connected === after.connected) return;
    const where = after.operator === null ? '' : ` by ${after.operator}`;
    this.#system.log(
      'info',
      `modem ${device}: ${after.connected ? `connected${where}` : 'not connected any more'}`,
    );
    this.#onChange();
  }
}

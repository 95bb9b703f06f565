import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/netd/limits.ts';
import { LineReader } from '../../../firmware/netd/modem/at-answers.ts';
import {
  type ModemInput,
  type ModemState,
  noModem,
  transition,
} from '../../../firmware/netd/modem/modem-machine.ts';
import { type SimPinFile, SimPins } from '../../../firmware/netd/modem/sim-pins.ts';
import { ModemEmulator } from '../../../qemu/modem-emulator.ts';

class MemoryFile implements SimPinFile {
  text: string | null = null;
  read = async () => this.text;
  write = async (text: string) => {
    this.text = text;
  };
}

/** A box whose SIM wants a PIN, in virtual time; `restart` is one of the box, the modem keeps its power. */
class Bench {
  readonly modem = new ModemEmulator({ sim: 'SIM PIN', pin: '4711' });
  readonly file = new MemoryFile();
  #pins = new SimPins(this.file);
  #state: ModemState = noModem;
  #now = 0;
  #reader = new LineReader();
  #pin: string | undefined;
  /** Whether answers to PINs get lost on their way. */
  deaf = false;

  get facts() {
    return this.#state.facts;
  }

  get sent(): readonly string[] {
    return this.modem.heard.filter((command) => command.startsWith('AT+CPIN="'));
  }

  async restart(pin: string | undefined): Promise<void> {
    this.#pins = new SimPins(this.file);
    this.#reader = new LineReader();
    this.#pin = pin;
    await this.feed({ type: 'opened' });
  }

  /** The modem loses its power: its SIM forgets that it had the PIN. */
  async plugAnew(): Promise<void> {
    if (this.modem.world.sim === 'READY') this.modem.world.sim = 'SIM PIN';
    await this.feed({ type: 'closed' });
    await this.feed({ type: 'opened' });
  }

  async feed(input: ModemInput): Promise<void> {
    const { state, effects } = transition(this.#state, input, this.#now, { apn: 'internet', pin: this.#pin });
    this.#state = state;
    for (const effect of effects) {
      if (effect.type === 'ask-leave')
        await this.feed({ type: 'leave', problem: await this.#pins.begin('ttyUSB2', this.#pin ?? '') });
      else if (effect.type === 'pin-ended') await this.#pins.end('ttyUSB2', effect.outcome);
      else if (effect.type === 'write') {
        const answer = this.modem.answer(effect.command);
        if (this.deaf && effect.command.startsWith('AT+CPIN="')) continue;
        for (const line of this.#reader.take(answer)) await this.feed({ type: 'line', line });
      }
    }
  }

  async pass(deadlines: number): Promise<void> {
    for (let count = 0; count < deadlines && Number.isFinite(this.#state.deadline); count++) {
      this.#now = this.#state.deadline;
      await this.feed({ type: 'timeout' });
    }
  }
}

const refused = 'the SIM refuses the PIN of the settings';

describe('the PIN of a SIM', () => {
  test('that is right is given, again whenever the SIM wants it, and not kept beside the settings', async () => {
    const bench = new Bench();
    await bench.restart('4711');
    expect(bench.facts).toMatchObject({ sim: 'ready', connected: true, problem: null });
    expect(bench.file.text).not.toContain('4711');
    await bench.restart('4711');
    expect(bench.sent).toHaveLength(1);
    for (let count = 0; count < 5; count++) await bench.plugAnew();
    expect([bench.facts.connected, bench.sent.length]).toEqual([true, 6]);
  });

  test('that is wrong is sent once, however often the box restarts; another one is tried', async () => {
    const bench = new Bench();
    for (let count = 0; count < 3; count++) {
      await bench.restart('0815');
      await bench.pass(5);
      await bench.plugAnew();
    }
    expect(bench.sent).toEqual(['AT+CPIN="0815"']);
    expect(bench.facts).toMatchObject({ sim: 'pin', connected: false, problem: refused });
    await bench.restart('4711');
    expect(bench.facts).toMatchObject({ connected: true, problem: null });
    expect(bench.sent).toHaveLength(2);
  });

  test('that is wrong is tried again once a person has given the right one', async () => {
    const bench = new Bench();
    await bench.restart('0815');
    bench.modem.world.sim = 'READY';
    await bench.pass(1);
    expect(bench.facts.connected).toBe(true);
    await bench.plugAnew();
    expect(bench.sent).toHaveLength(2);
  });

  test('whose answers are lost is sent so often that a try is left', async () => {
    const bench = new Bench();
    bench.deaf = true;
    for (let count = 0; count < 4; count++) {
      await bench.restart('0815');
      await bench.pass(20);
    }
    expect(bench.sent).toHaveLength(limits.simPinUnanswered);
    expect(bench.modem.world.sim).toBe('SIM PIN');
    expect(bench.facts.problem).toContain('give it to the SIM in a telephone once');
  });

  test('that is right, and whose answer is lost, works all the same and leaves no mark', async () => {
    const bench = new Bench();
    bench.deaf = true;
    await bench.restart('4711');
    await bench.pass(6);
    expect(bench.facts).toMatchObject({ sim: 'ready', connected: true });
    expect(bench.file.text).toBe('[]');
  });

  test.each<[string, Partial<SimPinFile>]>([
    ['cannot be written', { write: () => Promise.reject(new Error('no space left')) }],
    ['cannot be read', { read: () => Promise.reject(new Error('damaged')) }],
    ['is damaged', { read: async () => '[{}]' }],
    ['is no JSON', { read: async () => '[' }],
  ])('is not sent where the note of it %s', async (_, broken) => {
    const bench = new Bench();
    Object.assign(bench.file, broken);
    await bench.restart('4711');
    await bench.pass(3);
    expect(bench.sent).toEqual([]);
    expect(bench.facts.problem).toMatch(/^the PIN is not sent, since it cannot be remembered: /);
  });

  test('whose outcome cannot be written down says so, and counts as not heard', async () => {
    const file = new MemoryFile();
    const pins = new SimPins(file);
    expect(await pins.begin('a', '0815')).toBe(null);
    const { write } = file;
    file.write = () => Promise.reject(new Error('no space left'));
    expect(await pins.end('a', 'refused')).toContain('no space left');
    file.write = write;
    expect(await pins.begin('a', '0815')).toBe(null);
    expect(await pins.begin('a', '0815')).toContain('not known');
    expect(await pins.end('b', 'right')).toBe(null);
  });

  test('two modems keep their notes apart', async () => {
    const pins = new SimPins(new MemoryFile());
    expect(await Promise.all([pins.begin('a', '1111'), pins.begin('b', '2222')])).toEqual([null, null]);
    await pins.end('a', 'refused');
    expect(await pins.begin('a', '1111')).toBe(refused);
    expect(await pins.begin('b', '2222')).toBe(null);
    expect(await pins.begin('a', '3333')).toBe(null);
  });

  test('a wrong one never locks the SIM, whatever happens', async () => {
    const happening = fc.constantFrom('restart', 'plug', 'pass', 'deaf', 'hears');
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (happenings) => {
        const bench = new Bench();
        await bench.restart('0815');
        for (const each of happenings) {
          if (each === 'restart') await bench.restart('0815');
          else if (each === 'plug') await bench.plugAnew();
          else if (each === 'pass') await bench.pass(3);
          else bench.deaf = each === 'deaf';
        }
        expect(bench.modem.world.sim).toBe('SIM PIN');
      }),
    );
  });
});

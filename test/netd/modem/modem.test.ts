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
import { ModemEmulator } from '../../../qemu/modem-emulator.ts';

const options = { apn: 'internet' };

/** The machine at the line of an emulated modem, in virtual time. */
class Bench {
  readonly modem: ModemEmulator;
  state: ModemState = noModem;
  now = 0;
  reopened = 0;
  readonly #reader = new LineReader();

  constructor(world: ConstructorParameters<typeof ModemEmulator>[0] = {}) {
    this.modem = new ModemEmulator(world);
    this.feed({ type: 'opened' });
  }

  feed(input: ModemInput): void {
    const { state, effects } = transition(this.state, input, this.now, options);
    this.state = state;
    for (const effect of effects) {
      if (effect.type === 'reopen') this.reopened++;
      else if (effect.type === 'write')
        for (const line of this.#reader.take(this.modem.answer(effect.command)))
          this.feed({ type: 'line', line });
    }
  }

  /** Lets so many deadlines pass. */
  pass(deadlines: number): void {
    for (let count = 0; count < deadlines && Number.isFinite(this.state.deadline); count++) {
      this.now = this.state.deadline;
      this.feed({ type: 'timeout' });
    }
  }
}

describe('a modem', () => {
  test('is asked who is in it and connected, and its address is taken', () => {
    const { state, modem } = new Bench();
    expect(state.facts).toEqual({
      ...{ device: 'answers', sim: 'ready', registration: 'home', operator: 'Testnet', signalDbm: -73 },
      ...{ connected: true, problem: null },
      lease: {
        ...{ address: '10.64.1.2/30', dns: ['10.64.1.1'], mtu: null },
        routes: [{ destination: 'default', gateway: '10.64.1.1' }],
      },
    });
    expect(modem.heard).toEqual([
      ...['AT', 'ATE0+CMEE=1', 'AT+CPIN?', 'AT+CGDCONT=1,"IP","internet"', 'AT+CEREG?', 'AT+CSQ', 'AT+COPS?'],
      ...['AT+CGACT?', 'AT+CGACT=1,1', 'AT+CGCONTRDP=1'],
    ]);
  });

  test('is looked after: signal and operator stay current, a context that was lost is made again', () => {
    const bench = new Bench();
    bench.modem.world.signal = 5;
    bench.pass(1);
    expect(bench.state.facts).toMatchObject({ connected: true, signalDbm: -103 });
    const asked = bench.modem.heard.length;
    bench.modem.deactivate();
    bench.pass(1);
    expect(bench.modem.heard.slice(asked)).toContain('AT+CGACT=1,1');
    expect(bench.state.facts.connected).toBe(true);
  });

  test('out of reach it is not connected, and is again when it has come back', () => {
    const bench = new Bench();
    bench.modem.world.registration = 2;
    bench.modem.deactivate();
    bench.pass(1);
    expect(bench.state.facts).toMatchObject({
      ...{ connected: false, lease: null, registration: 'searching' },
      problem: 'no network takes the modem in',
    });
    bench.modem.world.registration = 5;
    bench.pass(1);
    expect(bench.state.facts).toMatchObject({ connected: true, registration: 'roaming', problem: null });
  });

  test.each([
    [null, 'unknown', 'there is no SIM that can be used'],
    ['SIM PIN', 'pin', 'the SIM wants a PIN: give it in the settings'],
    ['SIM PUK', 'puk', 'the SIM is locked and wants its PUK'],
  ] as const)('whose SIM says %s is asked nothing more until that changes', (sim, known, problem) => {
    const bench = new Bench({ sim });
    bench.pass(3);
    expect(bench.state.facts).toMatchObject({ sim: known, connected: false, problem });
    expect(bench.modem.heard.filter((command) => command !== 'AT+CPIN?')).toHaveLength(2);
    bench.modem.world.sim = 'READY';
    bench.pass(1);
    expect(bench.state.facts).toMatchObject({ connected: true, problem: null });
  });

  test('refused by the network it asks ever more slowly, up to a bound', () => {
    const bench = new Bench({ accessPoints: [] });
    expect(bench.state.facts.problem).toBe('the network refuses the access point internet');
    const waits: number[] = [];
    for (let round = 0; round <= limits.modemBackOff + 1; round++) {
      waits.push((bench.state.deadline - bench.now) / limits.modemRoundMs);
      bench.pass(1);
    }
    expect(waits).toEqual([
      ...Array.from({ length: limits.modemBackOff }, (_, power) => 2 ** power),
      ...[2 ** limits.modemBackOff, 2 ** limits.modemBackOff],
    ]);
  });

  test('that falls silent is asked some more times, then its device is opened anew', () => {
    const bench = new Bench();
    bench.modem.world.hung = true;
    // The first deadline begins a round, the others wait for answers in vain.
    bench.pass(limits.modemSilences);
    expect(bench.reopened).toBe(0);
    expect(bench.state.facts.connected).toBe(true);
    bench.pass(1);
    expect(bench.reopened).toBe(1);
    expect(bench.state.facts).toMatchObject({ device: 'silent', connected: false, lease: null });
  });

  test('whose answer comes late is not misunderstood: what it says until it falls quiet answers nothing', () => {
    const bench = new Bench();
    bench.modem.world.hung = true;
    bench.pass(2);
    expect(bench.modem.heard.at(-1)).toBe('AT');
    bench.modem.world.hung = false;
    // First the registration that was asked for too long ago, then the answer to AT.
    for (const line of ['+CEREG: 0,1', 'OK', 'OK']) bench.feed({ type: 'line', line });
    expect(bench.modem.heard.at(-1)).toBe('AT');
    bench.pass(1);
    expect(bench.state.facts).toMatchObject({ connected: true, sim: 'ready', problem: null });
    expect(bench.reopened).toBe(0);
  });

  test('whose answers belong to other commands is no modem without a SIM', () => {
    let { state } = transition(noModem, { type: 'opened' }, 0, options);
    for (const line of ['OK', 'OK', 'OK'])
      state = transition(state, { type: 'line', line }, 0, options).state;
    expect(state).toMatchObject({ step: 'settle', facts: { sim: 'unknown', problem: null } });
  });

  test('that is pulled out is gone with all that was known of it', () => {
    const bench = new Bench();
    bench.feed({ type: 'closed' });
    expect(bench.state).toEqual(noModem);
  });
});

test('no sequence of lines makes the machine hold more than an answer, or wait for ever while it is open', () => {
  const input = fc.oneof(
    fc.constantFrom<ModemInput>({ type: 'timeout' }),
    fc
      .oneof(fc.constantFrom('OK', 'ERROR', '+CPIN: READY', '+CEREG: 0,1', '+CGACT: 1,1'), fc.string())
      .map((line): ModemInput => ({ type: 'line', line })),
  );
  fc.assert(
    fc.property(fc.array(input, { maxLength: 200 }), (inputs) => {
      let [state, now] = [transition(noModem, { type: 'opened' }, 0, options).state, 0];
      for (const each of inputs) {
        if (each.type === 'timeout') now = state.deadline;
        const next = transition(state, each, now, options);
        state = next.state;
        expect(state.lines.length).toBeLessThanOrEqual(limits.modemLines);
        const reopens = next.effects.some(({ type }) => type === 'reopen');
        if (reopens) state = transition(state, { type: 'opened' }, now, options).state;
        expect(Number.isFinite(state.deadline)).toBe(true);
        if (state.facts.connected) expect(state.facts.device).toBe('answers');
      }
    }),
  );
});

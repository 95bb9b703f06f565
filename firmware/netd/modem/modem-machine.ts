import type { Lease } from '../lease.ts';
import { limits } from '../limits.ts';
import {
  finalResult,
  type Registration,
  readActive,
  readAddress,
  readOperator,
  readRegistration,
  readSignal,
  readSim,
  type SimState,
} from './at-answers.ts';
import { pinRefused } from './sim-pins.ts';

/** What is known of a modem. */
export type ModemFacts = {
  /** Whether there is such a device, and whether it answers as a modem does. */
  readonly device: 'absent' | 'silent' | 'answers';
  readonly sim: SimState | 'unknown';
  readonly registration: Registration;
  readonly operator: string | null;
  readonly signalDbm: number | null;
  /** Whether the packet network carries what its network interface sends. */
  readonly connected: boolean;
  /** The address that came with that, where the modem tells it. */
  readonly lease: Lease | null;
  /** Why it is not connected, for people. */
  readonly problem: string | null;
};

export type ModemOptions = {
  /** The access point's name; letters, digits, dots and hyphens. */
  readonly apn: string;
  /** Of its SIM, four to eight digits; undefined where the settings have none. */
  readonly pin?: string | undefined;
};

/** What it is being asked, in the order of a start; from `registration` on again and again. `leave` is to send the PIN. */
type Step =
  | 'hello'
  | 'settle'
  | 'plain'
  | 'sim'
  | 'leave'
  | 'pin'
  | 'context'
  | 'registration'
  | 'older-registration'
  | 'signal'
  | 'operator'
  | 'check'
  | 'activate'
  | 'address';

export type ModemState = {
  /** What is waited for an answer to, or null between two rounds. */
  readonly step: Step | null;
  /** When the answer is overdue, or the next round begins; infinite while there is no device. */
  readonly deadline: number;
  /** Of the answer, so far. */
  readonly lines: readonly string[];
  /** Answers in a row that did not come. */
  readonly silences: number;
  /** Activations in a row that were refused. */
  readonly refusals: number;
  /** Whether the SIM took the PIN since the device was opened. Some want a moment then. */
  readonly pinTaken: boolean;
  readonly facts: ModemFacts;
};

export type ModemInput =
  | { readonly type: 'opened' }
  | { readonly type: 'line'; readonly line: string }
  | { readonly type: 'timeout' }
  /** To `ask-leave`: the PIN may be sent, or why it must not be. */
  | { readonly type: 'leave'; readonly problem: string | null }
  | { readonly type: 'closed' };

export type ModemEffect =
  | { readonly type: 'write'; readonly command: string }
  /** Ask whether the PIN may be sent: a SIM takes only so many wrong ones. */
  | { readonly type: 'ask-leave' }
  | { readonly type: 'pin-ended'; readonly outcome: 'right' | 'refused' }
  /** Close the device and open it again: it has stopped to answer. */
  | { readonly type: 'reopen' };

export type ModemTransition = { readonly state: ModemState; readonly effects: readonly ModemEffect[] };

const unknown: ModemFacts = {
  ...{ device: 'absent', sim: 'unknown', registration: 'unknown', operator: null, signalDbm: null },
  ...{ connected: false, lease: null, problem: null },
};

export const noModem: ModemState = {
  ...{ step: null, deadline: Number.POSITIVE_INFINITY, lines: [] },
  ...{ silences: 0, refusals: 0, pinTaken: false, facts: unknown },
};

/** The first of the contexts that a device can have. */
const context = 1;

function commandOf(step: Exclude<Step, 'leave'>, { apn, pin = '' }: ModemOptions): string {
  switch (step) {
    case 'hello':
    case 'settle':
      return 'AT';
    case 'plain':
      // No echo, and errors as numbers (ITU-T V.250 § 6.2.4, 3GPP TS 27.007 § 9.1).
      return 'ATE0+CMEE=1';
    case 'sim':
      return 'AT+CPIN?';
    case 'pin':
      // 3GPP TS 27.007 § 8.3.
      return `AT+CPIN="${pin}"`;
    case 'context':
      return `AT+CGDCONT=${context},"IP","${apn}"`;
    case 'registration':
      return 'AT+CEREG?';
    case 'older-registration':
      return 'AT+CGREG?';
    case 'signal':
      return 'AT+CSQ';
    case 'operator':
      return 'AT+COPS?';
    case 'check':
      return 'AT+CGACT?';
    case 'activate':
      return `AT+CGACT=1,${context}`;
    case 'address':
      return `AT+CGCONTRDP=${context}`;
  }
}

/** Keeps a cellular modem connected to the packet network by AT commands (3GPP TS 27.007). Pure; times in milliseconds. */
export function transition(
  state: ModemState,
  input: ModemInput,
  now: number,
  options: ModemOptions,
): ModemTransition {
  switch (input.type) {
    case 'opened':
      return ask({ ...noModem, facts: { ...unknown, device: 'silent' } }, 'hello', now, options);
    case 'closed':
      return { state: noModem, effects: [] };
    case 'timeout':
      return now < state.deadline ? { state, effects: [] } : overdue(state, now, options);
    case 'line':
      return hear(state, input.line, now, options);
    case 'leave':
      if (state.step !== 'leave') return { state, effects: [] };
      return input.problem === null
        ? ask(state, 'pin', now, options)
        : pauseWithout(state, 'pin', input.problem, now);
  }
}

function ask(
  state: ModemState,
  step: Exclude<Step, 'leave'>,
  now: number,
  options: ModemOptions,
): ModemTransition {
  const patience = step === 'activate' ? limits.modemActivationMs : limits.modemAnswerMs;
  return {
    state: { ...state, step, lines: [], deadline: now + patience },
    effects: [{ type: 'write', command: commandOf(step, options) }],
  };
}

function pause(state: ModemState, now: number, milliseconds: number = limits.modemRoundMs): ModemTransition {
  return { state: { ...state, step: null, lines: [], deadline: now + milliseconds }, effects: [] };
}

const pinEnded = (outcome: 'right' | 'refused'): ModemEffect => ({ type: 'pin-ended', outcome });

/** Its SIM cannot be used yet. */
function pauseWithout(
  state: ModemState,
  sim: ModemFacts['sim'],
  problem: string,
  now: number,
): ModemTransition {
  return pause({ ...state, facts: { ...state.facts, sim, connected: false, lease: null, problem } }, now);
}

function overdue(state: ModemState, now: number, options: ModemOptions): ModemTransition {
  if (state.step === null)
    return ask(state, state.facts.sim === 'ready' ? 'registration' : 'sim', now, options);
  if (state.step === 'leave') return pause(state, now);
  // All that was late has come by now.
  if (state.step === 'settle' && state.lines.length > 0)
    return ask({ ...state, silences: 0 }, 'plain', now, options);
  return lostStep(state, now, options);
}

/** An answer is missing. It may still come, so that nothing is taken for an answer until the line has fallen quiet. */
function lostStep(state: ModemState, now: number, options: ModemOptions): ModemTransition {
  const silences = state.silences + 1;
  if (silences < limits.modemSilences) return ask({ ...state, silences }, 'settle', now, options);
  const facts: ModemFacts = { ...unknown, device: 'silent', problem: 'the modem does not answer' };
  return { state: { ...noModem, facts }, effects: [{ type: 'reopen' }] };
}

/** Lines that nobody asked for come at any time; they end no command, and an answer has only so many lines. */
function hear(state: ModemState, line: string, now: number, options: ModemOptions): ModemTransition {
  if (state.step === null || state.step === 'leave') return { state, effects: [] };
  const result = finalResult(line);
  if (state.step === 'settle') {
    const settling = { ...state, lines: [line], deadline: now + limits.modemQuietMs };
    return { state: result === null ? state : settling, effects: [] };
  }
  if (result === null) {
    const lines = state.lines.length < limits.modemLines ? [...state.lines, line] : state.lines;
    return { state: { ...state, lines }, effects: [] };
  }
  const facts: ModemFacts = { ...state.facts, device: 'answers' };
  const answered = { ...state, silences: 0, facts };
  return conclude(answered, state.step, result === 'ok' ? state.lines : null, now, options);
}

/** @param lines of the answer, or null where the command was refused */
function conclude(
  state: ModemState,
  step: Exclude<Step, 'settle' | 'leave'>,
  lines: readonly string[] | null,
  now: number,
  options: ModemOptions,
): ModemTransition {
  const { facts } = state;
  const withFacts = (change: Partial<ModemFacts>): ModemState => ({
    ...state,
    facts: { ...facts, ...change },
  });
  const next = (after: Exclude<Step, 'leave'>, change: Partial<ModemFacts> = {}) =>
    ask(withFacts(change), after, now, options);
  switch (step) {
    case 'hello':
      return next('plain');
    case 'plain':
      return next('sim');
    case 'sim': {
      const sim = lines === null ? null : readSim(lines);
      if (sim === 'ready') {
        const { state: after, effects } = ask(
          { ...withFacts({ sim, problem: null }), pinTaken: true },
          'context',
          now,
          options,
        );
        // Also where the answer to the PIN was not heard, or another gave it.
        return { state: after, effects: state.pinTaken ? effects : [pinEnded('right'), ...effects] };
      }
      // The answer of another command: a refusal would be none, and any SIM says what it is.
      if (lines !== null && sim === null) return lostStep(state, now, options);
      if (sim === 'pin' && options.pin !== undefined && !state.pinTaken)
        return {
          state: { ...withFacts({ sim }), step: 'leave', lines: [], deadline: now + limits.modemAnswerMs },
          effects: [{ type: 'ask-leave' }],
        };
      return pauseWithout(state, sim ?? 'unknown', simProblem(sim, options), now);
    }
    case 'pin': {
      const { state: after, effects } =
        lines === null
          ? pauseWithout(state, 'pin', pinRefused, now)
          : ask({ ...state, pinTaken: true }, 'sim', now, options);
      return { state: after, effects: [pinEnded(lines === null ? 'refused' : 'right'), ...effects] };
    }
    case 'context':
      return next('registration');
    case 'registration': {
      const registration = lines === null ? null : readRegistration(lines);
      return registration === null ? next('older-registration') : next('signal', { registration });
    }
    case 'older-registration':
      return next('signal', { registration: (lines && readRegistration(lines)) ?? 'unknown' });
    case 'signal':
      return next('operator', { signalDbm: lines && readSignal(lines) });
    case 'operator':
      return next('check', { operator: lines && readOperator(lines) });
    case 'check': {
      const active = lines !== null && readActive(lines, context);
      const registered = facts.registration === 'home' || facts.registration === 'roaming';
      if (active) return facts.connected ? pause(withFacts({ problem: null }), now) : next('address');
      const lost = { connected: false, lease: null };
      if (registered) return next('activate', lost);
      return pause(withFacts({ ...lost, problem: 'no network takes the modem in' }), now);
    }
    case 'activate': {
      if (lines !== null) return ask({ ...state, refusals: 0 }, 'address', now, options);
      const wait = limits.modemRoundMs * 2 ** Math.min(state.refusals, limits.modemBackOff);
      const refused = withFacts({ problem: `the network refuses the access point ${options.apn}` });
      return pause({ ...refused, refusals: state.refusals + 1 }, now, wait);
    }
    case 'address':
      return pause(withFacts({ connected: true, lease: lines && readAddress(lines), problem: null }), now);
  }
}

function simProblem(sim: SimState | null, { pin }: ModemOptions): string {
  switch (sim) {
    case 'pin':
      return pin === undefined ? 'the SIM wants a PIN: give it in the settings' : 'the SIM looks at its PIN';
    case 'puk':
      return 'the SIM is locked and wants its PUK';
    default:
      return 'there is no SIM that can be used';
  }
}

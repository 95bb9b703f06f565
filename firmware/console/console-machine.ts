import type { ConsoleFacts } from './console-facts.ts';
import type { Key } from './keys.ts';
import { limits } from './limits.ts';

/** A change of the network that the console can make. Addresses are as typed: the settings' schema judges them. */
export type NetworkChange =
  | { readonly kind: 'lan' | 'management'; readonly address: string }
  | { readonly kind: 'uplink-dhcp' }
  | { readonly kind: 'uplink-static'; readonly address: string; readonly gateway: string | null };

/** Whether a factory reset leaves the host identity: `new` for a box that goes to somebody else. */
export type ResetIdentity = 'kept' | 'new';

/** What the machine wants done; each is answered by one `done`. */
export type Job =
  | { readonly kind: 'try'; readonly change: NetworkChange }
  | { readonly kind: 'keep' }
  | { readonly kind: 'take-back' }
  | { readonly kind: 'recovery-code' }
  | { readonly kind: 'replace-identity'; readonly hit: string }
  | { readonly kind: 'factory-reset'; readonly identity: ResetIdentity }
  | { readonly kind: 'restart' }
  | { readonly kind: 'power-off' }
  | { readonly kind: 'shell' };

export type Form = 'lan' | 'management' | 'uplink-static';

/** What is done once its word was typed. */
export type Guarded = 'replace-identity' | 'reset-kept' | 'reset-new' | 'restart' | 'power-off';

export type ConsoleState =
  | { readonly at: 'status' | 'menu' | 'network' | 'reset' }
  | { readonly at: 'ask'; readonly form: Form; readonly given: readonly string[]; readonly typed: string }
  | { readonly at: 'guard'; readonly act: Guarded; readonly typed: string; readonly wrong: boolean }
  | { readonly at: 'working'; readonly job: Job }
  | { readonly at: 'told'; readonly ok: boolean; readonly lines: readonly string[]; readonly job: Job };

export type ConsoleInput =
  | { readonly kind: 'key'; readonly key: Key }
  /** Nobody has pressed a key for a while. */
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'done';
      readonly job: Job;
      readonly ok: boolean;
      readonly lines: readonly string[];
    };

export type Transition = { readonly state: ConsoleState; readonly effects: readonly Job[] };

/** Questions of a form, in turn. An answer may be left empty where `optional`. */
export const questions: Readonly<
  Record<Form, readonly { readonly asks: string; readonly optional?: true }[]>
> = {
  lan: [{ asks: 'New address of the LAN, with its length (192.168.1.1/24)' }],
  management: [{ asks: 'New address of the management network, with its length (192.168.254.1/24)' }],
  'uplink-static': [
    { asks: 'Address of the uplink, with its length (203.0.113.2/24)' },
    { asks: 'Its gateway (203.0.113.1); empty: none', optional: true },
  ],
};

/** The word that has to be typed, which nobody types by accident. */
export function guardWord(act: Guarded, { status }: Pick<ConsoleFacts, 'status'>): string {
  switch (act) {
    case 'replace-identity':
      return 'replace';
    case 'reset-kept':
    case 'reset-new':
      return status.hostname;
    case 'restart':
      return 'restart';
    case 'power-off':
      return 'off';
  }
}

const home: ConsoleState = { at: 'status' };
const stay = (state: ConsoleState): Transition => ({ state, effects: [] });
const start = (job: Job): Transition => ({ state: { at: 'working', job }, effects: [job] });

/**
 * The console of one terminal. Whoever stands there is taken for the owner: what it guards against is the slip, the line
 * that carries noise, and the menu that was left open.
 */
export function transition(state: ConsoleState, input: ConsoleInput, facts: ConsoleFacts): Transition {
  switch (input.kind) {
    case 'idle':
      // What is under way ends first: its outcome has to be seen.
      return stay(state.at === 'working' ? state : home);
    case 'done':
      if (state.at !== 'working' || state.job !== input.job) return stay(state);
      return stay({ at: 'told', ok: input.ok, lines: input.lines, job: input.job });
    case 'key':
      return press(state, input.key, facts);
  }
}

function press(state: ConsoleState, key: Key, facts: ConsoleFacts): Transition {
  if (key.kind === 'redraw') return stay(state);
  switch (state.at) {
    case 'status':
      return stay(key.kind === 'enter' ? { at: 'menu' } : state);
    case 'menu':
      return choose(state, key, home, menu, facts);
    case 'network':
      return choose(state, key, { at: 'menu' }, networkMenu, facts);
    case 'reset':
      return choose(state, key, { at: 'menu' }, resetMenu, facts);
    case 'ask':
      return answer(state, key);
    case 'guard':
      return guard(state, key, facts);
    case 'working':
      return stay(state);
    case 'told':
      if (key.kind !== 'enter' && key.kind !== 'cancel') return stay(state);
      return stay(isOfNetwork(state.job) ? { at: 'network' } : home);
  }
}

const isOfNetwork = ({ kind }: Job): boolean => kind === 'try' || kind === 'keep' || kind === 'take-back';

type Choice = {
  readonly digit: string;
  readonly tells: (facts: ConsoleFacts) => string | null;
  readonly leads: (facts: ConsoleFacts) => Transition;
};

const guarded = (act: Guarded): Transition => stay({ at: 'guard', act, typed: '', wrong: false });
const form = (name: Form): Transition => stay({ at: 'ask', form: name, given: [], typed: '' });

/** What a menu offers; a choice that tells null is neither shown nor taken. */
export const menu: readonly Choice[] = [
  { digit: '1', tells: () => 'Network', leads: () => stay({ at: 'network' }) },
  {
    digit: '2',
    tells: ({ claimCode }) => (claimCode === null ? 'New password: a code for the page' : null),
    leads: () => start({ kind: 'recovery-code' }),
  },
  {
    digit: '3',
    tells: () => 'Replace the identity (HIT)',
    leads: () => guarded('replace-identity'),
  },
  { digit: '4', tells: () => 'Factory reset', leads: () => stay({ at: 'reset' }) },
  { digit: '5', tells: () => 'Restart', leads: () => guarded('restart') },
  { digit: '6', tells: () => 'Shut down', leads: () => guarded('power-off') },
  {
    digit: '7',
    tells: ({ shellAllowed }) => (shellAllowed ? 'Failsafe shell' : null),
    leads: () => start({ kind: 'shell' }),
  },
];

export const networkMenu: readonly Choice[] = [
  { digit: '1', tells: () => 'LAN address', leads: () => form('lan') },
  { digit: '2', tells: () => 'Management address', leads: () => form('management') },
  {
    digit: '3',
    tells: () => 'Uplink: address by DHCP',
    leads: () => start({ kind: 'try', change: { kind: 'uplink-dhcp' } }),
  },
  { digit: '4', tells: () => 'Uplink: a fixed address', leads: () => form('uplink-static') },
  {
    digit: '5',
    tells: ({ status: { trial } }) =>
      trial && `KEEP the change on trial (it is taken back in ${trial.secondsLeft} s)`,
    leads: () => start({ kind: 'keep' }),
  },
  {
    digit: '6',
    tells: ({ status: { trial } }) => trial && 'Take the change on trial back now',
    leads: () => start({ kind: 'take-back' }),
  },
];

export const resetMenu: readonly Choice[] = [
  {
    digit: '1',
    tells: () => 'Keep the identity: peers still know the box',
    leads: () => guarded('reset-kept'),
  },
  {
    digit: '2',
    tells: () => 'Give the identity up too: the box goes to somebody else',
    leads: () => guarded('reset-new'),
  },
];

function choose(
  state: ConsoleState,
  key: Key,
  back: ConsoleState,
  choices: readonly Choice[],
  facts: ConsoleFacts,
): Transition {
  if (key.kind === 'cancel') return stay(back);
  if (key.kind !== 'character') return stay(state);
  if (key.character === '0') return stay(back);
  const chosen = choices.find(({ digit, tells }) => digit === key.character && tells(facts) !== null);
  return chosen === undefined ? stay(state) : chosen.leads(facts);
}

function typing(typed: string, key: Key): string {
  if (key.kind === 'erase') return typed.slice(0, -1);
  return key.kind === 'character' && typed.length < limits.answerLength ? typed + key.character : typed;
}

function answer(state: Extract<ConsoleState, { at: 'ask' }>, key: Key): Transition {
  if (key.kind === 'cancel') return stay({ at: 'network' });
  if (key.kind !== 'enter') return stay({ ...state, typed: typing(state.typed, key) });
  const asked = questions[state.form];
  const typed = state.typed.trim();
  if (typed === '' && asked[state.given.length]?.optional !== true) return stay({ at: 'network' });
  const given = [...state.given, typed];
  if (given.length < asked.length) return stay({ ...state, given, typed: '' });
  const [address = '', gateway = ''] = given;
  const change: NetworkChange =
    state.form === 'uplink-static'
      ? { kind: 'uplink-static', address, gateway: gateway === '' ? null : gateway }
      : { kind: state.form, address };
  return start({ kind: 'try', change });
}

function guard(state: Extract<ConsoleState, { at: 'guard' }>, key: Key, facts: ConsoleFacts): Transition {
  if (key.kind === 'cancel') return stay({ at: 'menu' });
  if (key.kind !== 'enter') return stay({ ...state, typed: typing(state.typed, key), wrong: false });
  const typed = state.typed.trim();
  if (typed === '') return stay({ at: 'menu' });
  if (typed !== guardWord(state.act, facts)) return stay({ ...state, typed: '', wrong: true });
  switch (state.act) {
    case 'replace-identity': {
      const { hit, formerHit } = facts.status.identity;
      return start({ kind: 'replace-identity', hit: hit ?? formerHit ?? 'none' });
    }
    case 'reset-kept':
      return start({ kind: 'factory-reset', identity: 'kept' });
    case 'reset-new':
      return start({ kind: 'factory-reset', identity: 'new' });
    case 'restart':
    case 'power-off':
      return start({ kind: state.act });
  }
}

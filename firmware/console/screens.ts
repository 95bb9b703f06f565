import type { Status } from '../webui/api/status-schema.ts';
import type { ConsoleFacts } from './console-facts.ts';
import {
  type ConsoleState,
  type Guarded,
  guardWord,
  type Job,
  menu,
  networkMenu,
  questions,
  resetMenu,
} from './console-machine.ts';
import { Screen } from './screen.ts';
import { statusScreen } from './status-screen.ts';

const choicesFoot = 'A number chooses; 0 or Ctrl-C: back';
const answerFoot = 'Enter: done; Ctrl-C: back';

/** The lines of a console's screen: at most 24 of 80 printable ASCII characters. */
export function drawScreen(state: ConsoleState, facts: ConsoleFacts): readonly string[] {
  switch (state.at) {
    case 'status':
      return statusScreen(facts);
    case 'menu':
      return choices('Menu', menu, facts);
    case 'network':
      return choices('Network', networkMenu, facts, portLines(facts.status.network));
    case 'reset':
      return choices('Factory reset', resetMenu, facts, resetLines);
    case 'ask':
      return form(state);
    case 'guard':
      return guard(state, facts);
    case 'working': {
      const screen = new Screen(titles[state.job.kind], 'One moment');
      screen.text('The box is at it ...');
      return screen.lines();
    }
    case 'told': {
      const screen = new Screen(titles[state.job.kind], 'Enter: go on');
      screen.text(state.ok ? 'Done.' : 'THIS DID NOT WORK:', '', ...state.lines);
      return screen.lines();
    }
  }
}

/**
 * What makes a terminal show these lines (ECMA-48: CUP, EL, ED). It is written over what is there, so that nothing
 * flickers, unless the screen is not known any more.
 */
export function paint(lines: readonly string[], { cleared }: { readonly cleared: boolean }): string {
  const begin = cleared ? '\x1b[2J\x1b[H' : '\x1b[H';
  return `${begin}${lines
    .map((line) => `${line}\x1b[K\r\n`)
    .join('')
    .replace(/\r\n$/, '')}\x1b[J`;
}

const titles: Readonly<Record<Job['kind'], string>> = {
  try: 'Change of the network',
  keep: 'Keep the change',
  'take-back': 'Take the change back',
  'recovery-code': 'New password',
  'replace-identity': 'Replace the identity',
  'factory-reset': 'Factory reset',
  restart: 'Restart',
  'power-off': 'Shut down',
  shell: 'Failsafe shell',
};

const resetLines = [
  'Deletes what is on the state partition: settings and their history, users,',
  'tokens, records of flows, audit, claim and certificate. The image stays.',
  'Afterwards the box starts as new, with a new claim code on this screen.',
  'A settings disc that is plugged in, or user-data of a cloud, is taken again.',
  '',
];

const guardLines: Readonly<Record<Guarded, readonly string[]>> = {
  'replace-identity': [
    'The box gets a new HIT. The old one is given up for ever, and every peer has',
    'to be told the new one before tunnels work again.',
  ],
  'reset-kept': ['Everything on the state partition is deleted; the HIT stays.'],
  'reset-new': [
    'Everything on the state partition is deleted, and the HIT is given up for',
    'ever: the box makes a new one.',
  ],
  restart: ['The box starts again. Tunnels are down until it is back.'],
  'power-off': ['The box switches itself off. Somebody has to switch it on again.'],
};

function choices(
  title: string,
  offered: typeof menu,
  facts: ConsoleFacts,
  before: readonly string[] = [],
): readonly string[] {
  const screen = new Screen(title, choicesFoot);
  screen.text(...before);
  for (const { digit, tells } of offered) {
    const text = tells(facts);
    if (text !== null) screen.text(`${digit}  ${text}`);
  }
  screen.text('0  Back');
  return screen.lines();
}

/** Ports and bridges; a machine with many of them must leave room for the menu. */
const shownPorts = 8;

function portLines({ interfaces, state, detail }: Status['network']): readonly string[] {
  const lines = interfaces
    .slice(0, shownPorts)
    .map(({ name, role, link, addresses }) =>
      `${name.padEnd(12)} ${role.padEnd(11)} ${link.padEnd(8)} ${addresses[0] ?? ''}`.trimEnd(),
    );
  const rest = interfaces.length - lines.length;
  return [
    ...lines,
    ...(rest > 0 ? [`... and ${rest} more: see the page`] : []),
    ...(state === 'failed' ? [`NOT APPLIED: ${detail ?? ''}`.slice(0, 200)] : []),
    '',
  ];
}

function form({ form: name, given, typed }: Extract<ConsoleState, { at: 'ask' }>): readonly string[] {
  const screen = new Screen(titles.try, answerFoot);
  for (const [index, { asks }] of questions[name].entries()) {
    const before = given[index];
    if (before !== undefined) screen.text(`${asks}:`, `> ${before}`);
    else if (index === given.length) screen.text(`${asks}:`, `> ${typed}_`);
  }
  screen.text(
    '',
    'The change is on trial: it takes itself back unless it is kept, from the',
    'menu "Network" here, on the page, or with "hithe config confirm".',
  );
  return screen.lines();
}

function guard(
  { act, typed, wrong }: Extract<ConsoleState, { at: 'guard' }>,
  facts: ConsoleFacts,
): readonly string[] {
  const kind = act === 'reset-kept' || act === 'reset-new' ? 'factory-reset' : act;
  const screen = new Screen(titles[kind], answerFoot);
  screen.text(...guardLines[act], '', `Type ${guardWord(act, facts)} to go on:`, `> ${typed}_`);
  if (wrong) screen.text('', 'That was another word. Nothing was changed.');
  return screen.lines();
}

import { localSocketPath } from '../system/local-api.ts';
import type { Status } from '../webui/api/status-schema.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';

type Identity = Status['identity'];
type Shown = Identity & { readonly advice: string | null };

type Asked = { readonly json?: boolean | undefined; readonly socket: string };

/** `show` prints the identity; `re-enrol` gives it up for a new one, and only where the old one is named. */
export async function identity(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    replaces: { type: 'string' },
    socket: { type: 'string', default: localSocketPath },
  });
  const [verb = 'show', ...others] = positionals;
  if ((verb !== 'show' && verb !== 're-enrol') || others.length > 0)
    throw new UsageError('identity takes: show, or re-enrol --replaces HIT|none');
  if (verb === 'show') return show(values);
  if (values.replaces === undefined) {
    throw new UsageError(
      'identity re-enrol takes --replaces HIT: the identity that is given up for ever, as "hithe identity" shows it, or none.',
    );
  }
  return reEnrol(values.replaces, values);
}

async function show(values: Asked): Promise<number> {
  const answer = await askBox<Status>(values, '/api/v1/status');
  if (answer === null) return notKnown;
  const { identity: found, warnings } = answer;
  const advice = warnings.find(({ code }) => code === found.problem)?.advice ?? null;
  const shown = { ...found, advice };
  if (values.json) printJson(shown);
  else say(identityText(shown));
  return found.hit === null ? 1 : 0;
}

async function reEnrol(hit: string, values: Asked): Promise<number> {
  const made = await askBox<Identity>(values, '/api/v1/identity/replace', { hit });
  if (made === null) return notKnown;
  if (values.json) printJson(made);
  else say(`${identityText({ ...made, advice: null })}Tell every peer the new HIT.\n`);
  return 0;
}

/** For people; also what a test reads. */
export function identityText({
  hit,
  keyStorage,
  detail,
  formerHit,
  problem,
  signing,
  advice,
}: Shown): string {
  const where = { tpm: 'in the TPM', software: 'SOFTWARE IDENTITY: a file, not in a TPM', none: 'nowhere' };
  const rows: [string, string | null][] = [
    ['HIT', hit ?? 'none'],
    ['Had before', formerHit],
    ['Key', where[keyStorage]],
    ['', detail],
    ['Problem', problem],
    ['Advice', advice],
    [
      'Signatures',
      signing &&
        `${signing.count}, median ${signing.p50Milliseconds} ms, last ${signing.lastMilliseconds} ms`,
    ],
  ];
  return rows
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.padEnd(12)} ${value}\n`)
    .join('');
}

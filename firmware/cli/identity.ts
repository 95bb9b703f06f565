import { callLocalApi } from '../system/local-api.ts';
import type { Status } from '../webui/api/status-schema.ts';
import { printJson, readArguments, UsageError } from './arguments.ts';

type Identity = Status['identity'];
type Shown = Identity & { readonly advice: string | null };

/** Making a key can take an old TPM half a minute. */
const makingMs = 120_000;

/** `show` prints the identity; `re-enrol` gives it up for a new one, and only where the old one is named. */
export async function identity(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    replaces: { type: 'string' },
  });
  const [verb = 'show', ...others] = positionals;
  if ((verb !== 'show' && verb !== 're-enrol') || others.length > 0)
    throw new UsageError('identity takes: show, or re-enrol --replaces HIT|none');
  if (verb === 'show') return show(values.json === true);
  if (values.replaces === undefined) {
    throw new UsageError(
      'identity re-enrol takes --replaces HIT: the identity that is given up for ever, as "hithe identity" shows it, or none.',
    );
  }
  return reEnrol(values.replaces, values.json === true);
}

async function show(json: boolean): Promise<number> {
  const answer = await callLocalApi({ path: '/api/v1/status' });
  if (!answer.ok || answer.status !== 200) return failed(answer);
  const { identity: found, warnings } = answer.body as Status;
  const advice = warnings.find(({ code }) => code === found.problem)?.advice ?? null;
  const shown = { ...found, advice };
  if (json) printJson(shown);
  else process.stdout.write(identityText(shown));
  return found.hit === null ? 1 : 0;
}

async function reEnrol(replaces: string, json: boolean): Promise<number> {
  const answer = await callLocalApi({
    method: 'POST',
    path: '/api/v1/identity/replace',
    body: { hit: replaces },
    timeoutMs: makingMs,
  });
  if (!answer.ok || answer.status !== 200) return failed(answer);
  const made = answer.body as Identity;
  if (json) printJson(made);
  else process.stdout.write(`${identityText({ ...made, advice: null })}Tell every peer the new HIT.\n`);
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

function failed(answer: Awaited<ReturnType<typeof callLocalApi>>): number {
  const reason = answer.ok ? detailOf(answer.body) : answer.reason;
  process.stderr.write(`hithe: ${reason}\n`);
  return 1;
}

function detailOf(body: unknown): string {
  const hasDetail = typeof body === 'object' && body !== null && 'detail' in body;
  return hasDetail && typeof body.detail === 'string' ? body.detail : 'the box did not say why';
}

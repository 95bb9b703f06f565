import { setTimeout as sleep } from 'node:timers/promises';
import { imageVersion, isDevelopmentImage } from '../system/image-version.ts';
import { localSocketPath } from '../system/local-api.ts';
import type { LogEntry, Status } from '../webui/api/status-schema.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { print, printJson, say } from './output.ts';
import { uplinkText } from './uplink-text.ts';

type LogAnswer = { readonly entries: readonly LogEntry[]; readonly newest: number };
/** The box keeps more lines than come in that time. */
const followEveryMs = 500;

const options = { json: { type: 'boolean' }, socket: { type: 'string', default: localSocketPath } } as const;

export async function status(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  if (positionals.length > 0) throw new UsageError('status takes: --json');
  const found = await askBox<Status>(values, '/api/v1/status');
  if (found === null) return notKnown;
  if (values.json) printJson(found);
  else say(statusText(found));
  return 0;
}

function statusText(found: Status): string {
  const { image, platform, identity, tpm, network, tunnels, warnings } = found;
  const uplinks = network.interfaces.filter(({ uplink }) => uplink !== null).length;
  const rows: [string, string][] = [
    [
      'Hithe',
      `${image.version}${image.development ? ' (development build)' : ''} on ${found.hostname}, ${found.claimed ? 'claimed' : 'not claimed yet'}`,
    ],
    ...(found.conductor === null ? [] : [['Conductor', found.conductor] as [string, string]]),
    ['Root hash', image.rootHash ?? 'not a verified root'],
    ['Platform', `${platform.platform} (${platform.boardProfile}), by ${platform.decidedBy}`],
    ['Identity', identityLine(identity)],
    ['TPM', tpm.state === 'present' ? `${tpm.manufacturer} ${tpm.firmwareVersion}` : tpm.state],
    ['Network', network.detail ?? network.state],
    ...network.interfaces.map(({ name, role, link, addresses, uplink }): [string, string] => [
      `  ${name}`,
      [role, link, ...addresses, uplink === null ? '' : uplinkText(uplink, uplinks)]
        .filter(Boolean)
        .join(', '),
    ]),
    ...mirrorRow(network.mirror),
    ...tunnels.map(({ peer, state, locator }): [string, string] => [
      `  to ${peer}`,
      `${state}${locator ? ` at ${locator}` : ''}`,
    ]),
    ...found.alarms.map(({ kind, raisedAt }): [string, string] => [
      'ALARM',
      `${kind} since ${new Date(raisedAt).toISOString()}; see hithe alarms`,
    ]),
    ...warnings.map(({ message, advice }): [string, string] => ['WARNING', `${message} ${advice}`]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join('');
}

function mirrorRow(mirror: Status['network']['mirror']): [string, string][] {
  if (mirror === undefined) return [];
  const problem = mirror.problem === null ? '' : `; ${mirror.problem}`;
  return [['Mirror', `${mirror.from.join(', ') || 'nothing'} to ${mirror.to}${problem}`]];
}

function identityLine({ hit, keyStorage, formerHit }: Status['identity']): string {
  const where = { tpm: 'key in the TPM', software: 'SOFTWARE IDENTITY', none: 'cannot be used' }[keyStorage];
  return `${hit ?? formerHit ?? 'none'} (${where})`;
}

export async function version(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  if (positionals.length > 0) throw new UsageError('version takes: --json');
  const [version, development] = [imageVersion(), isDevelopmentImage()];
  if (values.json) printJson({ version, development });
  else say(`${version}\n`);
  return 0;
}

export async function log(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    ...options,
    lines: { type: 'string', default: '100' },
    follow: { type: 'boolean', default: false },
  });
  if (positionals.length > 0) throw new UsageError('log takes: --lines, --follow, --json');
  const lines = readNumber('--lines', values.lines, { from: 1, to: limits.logLines });
  for (let query = `limit=${lines}`; ; ) {
    // A document a line: why none come is said beside them.
    const { socket, json } = values;
    const found = await askBox<LogAnswer>({ socket }, `/api/v1/log?${query}`);
    if (found === null) return notKnown;
    for (const entry of found.entries) await print(`${json ? JSON.stringify(entry) : lineOf(entry)}\n`);
    if (!values.follow) return 0;
    await sleep(followEveryMs);
    query = `after=${found.newest}`;
  }
}

function lineOf({ time, level, source, message }: LogEntry): string {
  return `${time} ${level.padEnd(7)} ${source}: ${message.replaceAll('\n', ' ')}`;
}

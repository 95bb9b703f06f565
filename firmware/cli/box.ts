import { imageVersion, isDevelopmentImage } from '../system/image-version.ts';
import { callLocalApi } from '../system/local-api.ts';
import type { LogEntry, Status } from '../webui/api/status-schema.ts';
import { limits } from '../webui/limits.ts';
import { printJson, readArguments, UsageError } from './arguments.ts';
import { uplinkText } from './uplink-text.ts';

/** Asks the running box; prints why where it does not answer. */
async function ask<T>(path: string): Promise<T | undefined> {
  const answer = await callLocalApi({ path });
  if (answer.ok && answer.status === 200) return answer.body as T;
  const reason = answer.ok ? `it answered with status ${answer.status}` : answer.reason;
  process.stderr.write(`hithe: the box cannot be asked: ${reason}\n`);
  return undefined;
}

export async function status(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const found = await ask<Status>('/api/v1/status');
  if (!found) return 1;
  if (values.json) printJson(found);
  else process.stdout.write(statusText(found));
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
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const [version, development] = [imageVersion(), isDevelopmentImage()];
  if (values.json) printJson({ version, development });
  else process.stdout.write(`${version}\n`);
  return 0;
}

export async function log(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, {
    json: { type: 'boolean' },
    lines: { type: 'string', default: '100' },
  });
  const lines = Number(values.lines);
  if (!Number.isInteger(lines) || lines < 1 || lines > limits.logLines) {
    throw new UsageError(`--lines takes 1 to ${limits.logLines}.`);
  }
  const found = await ask<{ entries: LogEntry[] }>(`/api/v1/log?limit=${lines}`);
  if (!found) return 1;
  for (const entry of found.entries) {
    if (values.json) process.stdout.write(`${JSON.stringify(entry)}\n`);
    else process.stdout.write(`${entry.time} ${entry.level.padEnd(7)} ${entry.source}: ${entry.message}\n`);
  }
  return 0;
}

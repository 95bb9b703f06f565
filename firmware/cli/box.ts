import { callLocalApi } from '../system/local-api.ts';
import type { LogEntry, Status } from '../webui/api/status-schema.ts';
import { limits } from '../webui/limits.ts';
import { printJson, readArguments, UsageError } from './arguments.ts';
import { formatTable } from './table.ts';
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

function identityLine({ hit, keyStorage, formerHit }: Status['identity']): string {
  const where = { tpm: 'key in the TPM', software: 'SOFTWARE IDENTITY', none: 'cannot be used' }[keyStorage];
  return `${hit ?? formerHit ?? 'none'} (${where})`;
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

export async function tunnel(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  if (positionals[0] !== 'list' || positionals.length > 1) throw new UsageError('tunnel takes: list');
  const found = await ask<Status>('/api/v1/status');
  if (!found) return 1;
  if (values.json) printJson(found.tunnels);
  else process.stdout.write(formatTable(tunnelColumns, found.tunnels.map(tunnelRow)) + strayLine(found));
  return 0;
}

/** The error comes last: it alone may hold spaces. */
/** A line where something came that was no peer's, else nothing. */
function strayLine({ strayDatagrams }: Status): string {
  if (strayDatagrams === null) return '';
  const { notHip, badChecksum } = strayDatagrams;
  if (notHip + badChecksum === 0) return '';
  return `Dropped unheard: ${notHip} datagrams that were no HIP, ${badChecksum} packets with a wrong checksum\n`;
}

const tunnelColumns = [
  ...['PEER', 'STATE', 'CONNECT', 'ROLE', 'HIT', 'LOCATOR', 'ESP', 'SINCE', 'REKEYS', 'RTT-MS', 'MTU'],
  ...['SENT-BYTES', 'RECEIVED-BYTES', 'DROPPED', 'PREFIXES', 'ERROR'],
];

function tunnelRow(tunnel: Status['tunnels'][number]): (string | number | null)[] {
  const { peer, state, role, hit, locator, espSuite, establishedAt, rekeys, roundTripMs } = tunnel;
  const { wrongSource, tooOld, replayed, forged } = tunnel.dropped;
  const { sentBytes, receivedBytes } = tunnel.traffic;
  return [
    ...[peer, state, tunnel.connect, role, hit, locator, espSuite, establishedAt, rekeys],
    ...[roundTripMs === null ? null : roundTripMs.toFixed(1), tunnel.pathMtu, sentBytes, receivedBytes],
    ...[wrongSource + tooOld + replayed + forged, tunnel.protectedPrefixes.join(',') || null],
    tunnel.lastError,
  ];
}

import { callLocalApi } from '../system/local-api.ts';
import type { LogEntry, Status } from '../webui/api/status-schema.ts';
import { limits } from '../webui/limits.ts';
import { printJson, readArguments, UsageError } from './arguments.ts';

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
  const rows: [string, string][] = [
    ['Hithe', `${image.version} on ${found.hostname}, ${found.claimed ? 'claimed' : 'not claimed yet'}`],
    ['Root hash', image.rootHash ?? 'not a verified root'],
    ['Platform', `${platform.platform} (${platform.boardProfile}), by ${platform.decidedBy}`],
    ['Identity', identityLine(identity)],
    ['TPM', tpm.state === 'present' ? `${tpm.manufacturer} ${tpm.firmwareVersion}` : tpm.state],
    ['Network', network.detail ?? network.state],
    ...network.interfaces.map(({ name, role, link, addresses }): [string, string] => [
      `  ${name}`,
      `${role}, ${link}${addresses.length > 0 ? `, ${addresses.join(', ')}` : ''}`,
    ]),
    ...tunnels.map(({ peer, state, locator }): [string, string] => [
      `  to ${peer}`,
      `${state}${locator ? ` at ${locator}` : ''}`,
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
  if (positionals[0] !== 'list') throw new UsageError('tunnel takes: list');
  const found = await ask<Status>('/api/v1/status');
  if (!found) return 1;
  if (values.json) {
    printJson(found.tunnels);
  } else if (found.tunnels.length === 0) {
    process.stdout.write('No peers are set up.\n');
  } else {
    for (const one of found.tunnels) process.stdout.write(tunnelLine(one));
  }
  return 0;
}

function tunnelLine({ peer, state, hit, ...tunnel }: Status['tunnels'][number]): string {
  const { locator, espSuite, protectedPrefixes, lastError, traffic, rekeys, pathMtu } = tunnel;
  const { wrongSource, tooOld, replayed, forged } = tunnel.dropped;
  const drops = wrongSource + tooOld + replayed + forged;
  const details = [
    tunnel.connect === 'on-demand' ? 'on demand' : null,
    ...[locator, espSuite, protectedPrefixes.join(', ')],
    `sent ${traffic.sentBytes} B, received ${traffic.receivedBytes} B`,
    rekeys === 0 ? null : `rekeyed ${rekeys} times`,
    pathMtu === null ? null : `path MTU ${pathMtu}`,
    drops === 0
      ? null
      : `dropped ${wrongSource} from wrong sources, ${tooOld} too old, ${replayed} replayed, ${forged} not authentic`,
    lastError,
  ].filter(Boolean);
  return `${peer.padEnd(20)} ${state.padEnd(12)} ${hit}  ${details.join('  ')}\n`;
}

import { createReadStream } from 'node:fs';
import { eventLogJson, eventLogLines, explainEventLog } from '../attestation/event-log-report.ts';
import { limits } from '../attestation/limits.ts';
import { concatBytes } from '../bytes/bytes.ts';
import { describeDecodeError } from '../bytes/decode.ts';
import { bootLogPath } from '../system/attestation-system.ts';
import { tpmCryptography } from '../system/tpm-cryptography.ts';
import { readArguments, UsageError } from './arguments.ts';
import { complain, print } from './output.ts';

export async function eventlog(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  const [path = bootLogPath, ...others] = positionals;
  if (others.length > 0) throw new UsageError('eventlog takes one file');
  const chunks: Uint8Array[] = [];
  try {
    // One octet more than is looked at, so that a longer log is known for one.
    for await (const chunk of createReadStream(path, { end: limits.logSize })) chunks.push(chunk);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    complain(`hithe: the event log cannot be read: ${reason}\n`);
    return 1;
  }
  const report = explainEventLog(concatBytes(...chunks), tpmCryptography.digest);
  for (const line of values.json ? eventLogJson(report) : eventLogLines(report)) await print(`${line}\n`);
  if (report.error === null) return 0;
  complain(`hithe: not a whole event log: ${describeDecodeError(report.error)}\n`);
  return 1;
}

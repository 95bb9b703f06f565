import { existsSync, readFileSync } from 'node:fs';
import { describeDecodeError } from '../bytes/decode.ts';
import { describePacket, formatDescription, packetOctets } from '../hip/describe.ts';
import { printJson, readArguments, UsageError } from './arguments.ts';

export async function hip(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  const [verb, input] = positionals;
  if (verb !== 'decode' || input === undefined) throw new UsageError('hip takes: decode FILE|HEX');
  const described = describePacket(packetOctets(existsSync(input) ? readFileSync(input) : input));
  if (!described.ok) {
    if (values.json) printJson({ ok: false, error: described.error });
    else process.stderr.write(`hithe: not a HIP packet: ${describeDecodeError(described.error)}\n`);
    return 1;
  }
  if (values.json) printJson({ ok: true, ...described.value });
  else process.stdout.write(formatDescription(described.value));
  return 0;
}

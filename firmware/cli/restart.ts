import { localSocketPath } from '../system/local-api.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';

export async function restart(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    socket: { type: 'string', default: localSocketPath },
  });
  if (positionals.length > 0) throw new UsageError('restart takes nothing');
  const answer = await askBox<{ restarting: true }>(values, '/api/v1/restart', {});
  if (answer === null) return notKnown;
  if (values.json) printJson(answer);
  else say('The box restarts now.\n');
  return 0;
}

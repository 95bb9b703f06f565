import { localSocketPath } from '../system/local-api.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';

export const factoryResetHelp = `Usage: hithe factory-reset --yes HOSTNAME [--new-identity] [--json]

Deletes what is on the state partition (settings and their history, users, tokens, records of flows, audit, claim and
certificate) and restarts the box, which then is as new, with a new claim code on its console. The image stays.

  --yes HOSTNAME   the box's own name: nothing is deleted for any other
  --new-identity   gives the host identity (HIT) up too; without it peers still know the box

What was deleted may be read from the disk by whoever has it: the partition is not overwritten.
`;

/** Forgets everything that the box was told, where its name is given. */
export async function factoryReset(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    yes: { type: 'string' },
    'new-identity': { type: 'boolean' },
    socket: { type: 'string', default: localSocketPath },
  });
  if (positionals.length > 0 || values.yes === undefined)
    throw new UsageError(
      'factory-reset takes --yes HOSTNAME: the name of the box that is to forget everything.',
    );
  const identity = values['new-identity'] ? 'new' : 'kept';
  const body = { hostname: values.yes, identity };
  const answer = await askBox<{ resetting: true }>(values, '/api/v1/factory-reset', body);
  if (answer === null) return notKnown;
  if (values.json) printJson(answer);
  else say('The box restarts now and forgets everything.\n');
  return 0;
}

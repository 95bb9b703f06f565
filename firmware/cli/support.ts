import { makeSupportBundle } from '../support/bundle.ts';
import { localSocketPath } from '../system/local-api.ts';
import { openSupportPorts } from '../system/support-system.ts';
import { readArguments, UsageError } from './arguments.ts';
import { refuse } from './ask-box.ts';
import { complain, printJson, say } from './output.ts';
import { writeNewFile } from './output-file.ts';

export const supportHelp = `Usage: hithe support [--out FILE] [--json]

Writes what somebody needs who helps from afar into one file (.tar.gz): status, log, settings, audit,
addresses, routes, the kernel's messages, associations and ruleset, versions, the firmware's event log.
Keys, passwords, tokens and the settings' secrets are left out; what it says of your network is not:
look into it before you send it. It is made even where the runtime does not answer, of what there is.

  --out FILE   a new file; unless given, one named by the time, here

JSON:
  { "file", "octets", "missing": { entry: why } }

Exit status: 0 when the file was written, 1 when not, 2 for wrong use.
`;

export async function support(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    out: { type: 'string' },
    json: { type: 'boolean' },
    secrets: { type: 'string', default: '/state/secrets' },
    socket: { type: 'string', default: localSocketPath },
  });
  if (positionals.length > 0) throw new UsageError('support takes only options');
  const ports = openSupportPorts({ secretsFolder: values.secrets, socketPath: values.socket });
  const { octets, fileName, missing } = await makeSupportBundle(ports);
  const file = values.out ?? fileName;
  const problem = writeNewFile(file, octets);
  if (problem !== null) return refuse(values, `${file} cannot be written: ${problem}`);
  if (values.json) printJson({ file, octets: octets.length, missing });
  else {
    for (const [name, why] of Object.entries(missing)) complain(`Without ${name}: ${why}\n`);
    say(`${file}: ${octets.length} octets. Look into it before you send it.\n`);
  }
  return 0;
}

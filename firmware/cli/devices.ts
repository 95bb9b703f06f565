import { localSocketPath } from '../system/local-api.ts';
import type { SettingsApplied } from '../webui/api/config-route.ts';
import type { AcceptedDevice } from '../webui/api/devices-route.ts';
import type { Devices } from '../webui/api/policy-route.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';
import { showApplied } from './show-applied.ts';
import { formatTable } from './table.ts';

export const devicesHelp = `Usage: hithe devices VERB

  list                              who is or was on the hosts' networks, and who is in quarantine
  accept NAME [--mac MAC] [--address ADDRESS]... [--label LABEL]...
                                    gives a device a name in the settings, by which rules know it;
                                    of one that is there already, what is given is changed
  label NAME [LABEL]...             gives a device these labels in place of those that it has
  forget NAME                       takes a device out of the settings

What is changed is a revision of the settings, which confirms itself once peers and page are
reachable as before. Every verb takes --json; those that change take --author NAME.

JSON of list:
  [ { "device", "address", "mac", "link", "hostName", "firstSeen", "lastSeen",
    "state": "accepted"|"quarantine"|"permitted"|"not seen" } ]

Exit status: 0 when it was listed or changed, 2 for wrong use, 3 where the box does not do it.
`;

const options = {
  json: { type: 'boolean' },
  mac: { type: 'string' },
  address: { type: 'string', multiple: true },
  label: { type: 'string', multiple: true },
  author: { type: 'string' },
  socket: { type: 'string', default: localSocketPath },
} as const;
type Values = ReturnType<typeof readArguments<typeof options>>['values'];

export async function devices(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [verb, name, ...labels] = positionals;
  if (verb === 'list' && name === undefined) return list(values);
  if (name === undefined || (labels.length > 0 && verb !== 'label'))
    throw new UsageError('devices takes: list, accept NAME, label NAME [LABEL]..., forget NAME');
  switch (verb) {
    case 'accept':
      return change(values, verb, { devices: [acceptedDevice(name, values)] });
    case 'label':
      return change(values, verb, { name, labels });
    case 'forget':
      return change(values, verb, { names: [name] });
    default:
      throw new UsageError('devices takes: list, accept, label or forget');
  }
}

async function list(values: Values): Promise<number> {
  const found = await askBox<Devices>(values, '/api/v1/devices');
  if (found === null) return notKnown;
  if (values.json) printJson(found.devices);
  else {
    const rows = found.devices.map((row) => [
      ...[row.device, row.address, row.mac, row.link, row.hostName, row.firstSeen, row.lastSeen],
      row.state,
    ]);
    const columns = ['DEVICE', 'ADDRESS', 'MAC', 'LINK', 'HOST-NAME', 'FIRST-SEEN', 'LAST-SEEN', 'STATE'];
    say(formatTable(columns, rows));
  }
  return 0;
}

async function change(values: Values, verb: string, body: object): Promise<number> {
  const author = values.author === undefined ? {} : { author: values.author };
  const path = `/api/v1/devices/${verb}`;
  return showApplied(values, await askBox<SettingsApplied>(values, path, { ...body, ...author }));
}

function acceptedDevice(name: string, { mac, address, label }: Values): AcceptedDevice {
  return {
    name,
    ...(mac === undefined ? {} : { mac }),
    ...(address === undefined ? {} : { addresses: address }),
    ...(label === undefined ? {} : { labels: label }),
  };
}

import { type PolicySettings, policySettings } from '../store/policy-schema.ts';
import { writeAtPath } from '../store/settings-path.ts';
import { localSocketPath } from '../system/local-api.ts';
import type { SettingsApplied, SettingsView } from '../webui/api/config-route.ts';
import type { Devices } from '../webui/api/policy-route.ts';
import { printJson, readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
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
type Device = PolicySettings['devices'][number];

/** Until what was in force comes back by itself, where peers or page are not reachable any more. */
const trialSeconds = 60;

export async function devices(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [verb, name, ...labels] = positionals;
  if (verb === 'list' && name === undefined) return list(values);
  if (name === undefined || (labels.length > 0 && verb !== 'label'))
    throw new UsageError('devices takes: list, accept NAME, label NAME [LABEL]..., forget NAME');
  switch (verb) {
    case 'accept':
      return change(values, (known) => accepted(known, name, values));
    case 'label':
      return change(values, (known) => labelled(known, name, labels));
    case 'forget':
      return change(values, (known) => without(known, name));
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
    process.stdout.write(formatTable(columns, rows));
  }
  return 0;
}

/** Puts other devices into the settings. What does not fit there, the box says. */
async function change(
  values: Values,
  next: (known: readonly Device[]) => readonly Device[],
): Promise<number> {
  const view = await askBox<SettingsView>(values, '/api/v1/config?secrets=shown');
  if (view === null) return notKnown;
  if (view.draft !== null) return refuse(values, 'there is a draft, which would undo this later');
  const policy = policySettings.safeParse(view.inForce['policy']);
  if (!policy.success) return refuse(values, 'the box has devices that this version cannot read');
  const document = writeAtPath(view.saved, ['policy', 'devices'], next(policy.data.devices));
  if (!document.ok) return refuse(values, document.reason);
  const author = values.author === undefined ? {} : { author: values.author };
  return showApplied(
    values,
    await askBox<SettingsApplied>(values, '/api/v1/config/apply', {
      ...{ document: document.value, automatic: true, seconds: trialSeconds },
      ...author,
    }),
  );
}

function refuse({ json }: Values, reason: string): number {
  if (json) printJson({ error: reason });
  else process.stderr.write(`hithe: nothing is changed: ${reason}\n`);
  return notKnown;
}

function accepted(
  known: readonly Device[],
  name: string,
  { mac, address, label }: Values,
): readonly Device[] {
  const before = known.find((device) => device.name === name);
  if (before === undefined && mac === undefined && address === undefined)
    throw new UsageError(`devices accept ${name} takes --mac or --address`);
  const device: Device = {
    ...before,
    name,
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
    ...(address === undefined ? {} : { addresses: address }),
    ...(label === undefined ? {} : { labels: label }),
  };
  return before === undefined
    ? [...known, device]
    : known.map((other) => (other === before ? device : other));
}

function labelled(known: readonly Device[], name: string, labels: readonly string[]): readonly Device[] {
  mustKnow(known, name);
  return known.map((device) => (device.name === name ? { ...device, labels: [...labels] } : device));
}

function without(known: readonly Device[], name: string): readonly Device[] {
  mustKnow(known, name);
  return known.filter((device) => device.name !== name);
}

function mustKnow(known: readonly Device[], name: string): void {
  if (!known.some((device) => device.name === name)) throw new UsageError(`there is no device ${name}`);
}

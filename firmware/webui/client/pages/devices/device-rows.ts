import type { Device, Policy, Rule, Selector } from '../../../../policy/policy.ts';
import type { Devices } from '../../../api/policy-route.ts';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { compareNames } from '../policy/sentence.ts';

type Seen = Devices['devices'][number];
export type DeviceState = Seen['state'];

/** A device as the page shows it: its addresses together. */
export type DeviceRow = {
  /** Stays the same while it is looked at, and stands in the page's address: its name, MAC or address. */
  readonly key: string;
  /** In the settings; null where they do not name it. */
  readonly name: string | null;
  readonly mac: string | null;
  readonly addresses: readonly string[];
  readonly links: readonly string[];
  /** As it calls itself. */
  readonly hostName: string | null;
  readonly firstSeen: string | null;
  readonly lastSeen: string | null;
  readonly state: DeviceState;
  readonly labels: readonly string[];
};

/** What needs somebody stands first. */
const order: readonly DeviceState[] = ['quarantine', 'permitted', 'accepted', 'not seen'];

/** Puts the addresses of a device together, by its name or else its MAC; those in quarantine first. */
export function deviceRows(seen: readonly Seen[], named: readonly Device[]): readonly DeviceRow[] {
  const rows = new Map<string, DeviceRow>();
  const settings = new Map(named.map((device) => [device.name, device]));
  for (const found of seen) {
    const key = found.device ?? found.mac ?? found.address ?? '';
    const before = rows.get(key);
    const device = found.device === null ? undefined : settings.get(found.device);
    rows.set(key, {
      key,
      name: found.device,
      mac: before?.mac ?? found.mac ?? device?.mac ?? null,
      addresses: together(before?.addresses, found.address, device?.addresses),
      links: together(before?.links, found.link),
      hostName: before?.hostName ?? found.hostName,
      firstSeen: first(before?.firstSeen, found.firstSeen),
      lastSeen: last(before?.lastSeen, found.lastSeen),
      state:
        before === undefined || order.indexOf(found.state) < order.indexOf(before.state)
          ? found.state
          : before.state,
      labels: device?.labels ?? [],
    });
  }
  return [...rows.values()].sort(
    (left, right) =>
      order.indexOf(left.state) - order.indexOf(right.state) ||
      // Named ones that are gone before strangers that are.
      Number(left.name === null) - Number(right.name === null) ||
      compareNames(titleOf(left), titleOf(right)) ||
      compareNames(left.key, right.key),
  );
}

/** What it is called: by the settings, by itself, or by where it is. */
export function titleOf({ name, hostName, addresses, mac, key }: DeviceRow): string {
  return name ?? hostName ?? addresses[0] ?? mac ?? key;
}

/** Whether all words that were searched for stand somewhere in a row. */
export function deviceMatches(row: DeviceRow, search: string): boolean {
  const { name, hostName, mac, addresses, links, labels } = row;
  const text = [name, hostName, mac, ...addresses, ...links, ...labels].join(' ').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** A name for a device as it would be accepted with: what it calls itself, where no other has that name. */
export function nameFor({ hostName }: DeviceRow, taken: readonly string[]): string {
  return hostName === null || taken.includes(hostName) ? '' : hostName;
}

/** Labels as people type them: with commas or spaces between. */
export function labelsOf(text: string): readonly string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((label) => label !== ''))];
}

function together(
  before: readonly string[] = [],
  found: string | null,
  further: readonly string[] = [],
): readonly string[] {
  return [...new Set([...before, ...(found === null ? [] : [found]), ...further])];
}

function first(before: string | null | undefined, found: string | null): string | null {
  return before == null ? found : found === null || before < found ? before : found;
}

function last(before: string | null | undefined, found: string | null): string | null {
  return before == null ? found : found === null || before > found ? before : found;
}

/** How the devices are, and the one thing to do about them. */
export function deviceAnswer(
  rows: readonly DeviceRow[],
  unknownDevices: Policy['unknownDevices'],
): { readonly mark: MarkName; readonly sentence: string; readonly advice: string | null } {
  const text = texts.devices.answer;
  const count = (state: DeviceState) => rows.filter((row) => row.state === state).length;
  const [waiting, permitted, present] = [count('quarantine'), count('permitted'), count('accepted')];
  if (waiting > 0)
    return { mark: 'attention', sentence: text.quarantine(waiting), advice: text.quarantineAdvice };
  if (permitted > 0)
    return { mark: 'degraded', sentence: text.permitted(permitted), advice: text.permittedAdvice };
  if (rows.length === 0) return { mark: 'off', sentence: text.none, advice: text.noneAdvice[unknownDevices] };
  return { mark: 'up', sentence: text.known(present), advice: null };
}

/** Rules that name a device, or a label that it has. */
export function rulesAbout(rules: readonly Rule[], name: string, labels: readonly string[]): readonly Rule[] {
  const speaks = (selector: Selector) =>
    selector.device === name || selector.labels?.every((label) => labels.includes(label));
  return rules.filter(({ subject, object }) =>
    [subject, object].some(
      (side) => side !== 'any' && [side].flat().some((each) => speaks(each as Selector)),
    ),
  );
}

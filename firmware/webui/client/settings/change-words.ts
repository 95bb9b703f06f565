import type { SettingsPlan } from '../../api/config-route.ts';
import { texts } from '../texts.ts';

type Change = SettingsPlan['changes'][number];

/** One change as a person reads it. Both null: it stands whole in `what`. */
export interface ChangeWords {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly what: string;
  readonly before: string | null;
  readonly after: string | null;
}

const text = texts.settings;

/** Groups of settings that have a name of their own; `*` is the name or place of one of several. Longest first. */
const groups: readonly (readonly [pattern: string, name: (which: string) => string])[] = [
  ['network.underlay.uplinks.*', text.uplink],
  ['network.networks.*', text.network],
  ['network.ports.*', text.port],
  ['network.routes.*', text.route],
  ['network.underlay', () => texts.network.role.underlay],
  ['network.management', () => texts.network.role.management],
  ['network.lan', () => texts.network.role.lan],
  ['network.dns', () => text.names],
  ['network.ntp', () => text.time],
  ['overlay.peers.*', text.peer],
  ['policy.rules.*', text.rule],
  ['policy.devices.*', text.device],
  ['policy.peerLabels.*', text.peerLabels],
  ['flows.export.*', text.receiver],
];

/** What the plan changes, a line each, in the words of the page. */
export function describeChanges(changes: readonly Change[]): readonly ChangeWords[] {
  return changes.flatMap(each).map(describe);
}

/** Groups of which each member is a thing of its own, also when all of them are new. */
const collections = /^network\.(networks|underlay\.uplinks|ports)$/;

function each(change: Change): readonly Change[] {
  const { path, before, after } = change;
  const json = before ?? after;
  if (!collections.test(path) || json === null || (before !== null && after !== null)) return [change];
  const members = parsed(json);
  if (typeof members !== 'object' || members === null) return [change];
  return Object.entries(members).map(([name, value]) => {
    const text = JSON.stringify(value);
    return {
      path: `${path}.${name}`,
      before: before === null ? null : text,
      after: after === null ? null : text,
    };
  });
}

function describe({ path, before, after }: Change): ChangeWords {
  const parts = partsOf(path);
  const group = groups.find(([pattern]) => begins(parts, pattern.split('.')));
  const depth = group?.[0].split('.').length ?? 0;
  const rest = parts.slice(depth).map((part) => text.members[part] ?? part);
  const which = parts[depth - 1] ?? '';
  const named =
    group === undefined ? [] : [group[1](/^\d+$/.test(which) ? String(Number(which) + 1) : which)];
  const what = [...named, ...(rest.length === 0 ? [] : [rest.join(', ')])].join(': ') || text.everything;
  const kind = before === null ? 'added' : after === null ? 'removed' : 'changed';
  const key = parts.at(-1) ?? '';
  return { kind, what, before: readable(before, key), after: readable(after, key) };
}

/** Members and places of `overlay.peers["plant 2"].uri`, as the API writes paths. */
function partsOf(path: string): readonly string[] {
  const found = path.matchAll(/\.?([A-Za-z][A-Za-z0-9-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g);
  return [...found].map(([, word, place, quoted]) => word ?? place ?? String(JSON.parse(quoted ?? '""')));
}

function begins(parts: readonly string[], pattern: readonly string[]): boolean {
  return pattern.every(
    (part, index) => parts[index] !== undefined && (part === '*' || part === parts[index]),
  );
}

/** The API's JSON, which may be cut short: then it stays as it is. */
function readable(json: string | null, key: string): string | null {
  if (json === null) return null;
  const value = parsed(json);
  return value === undefined ? json : valueWords(value, key);
}

/** Undefined where it was cut short. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A value of a setting in words; `key`: the setting's own name, which says how it is meant. */
export function valueWords(value: unknown, key = ''): string {
  if (value === undefined || value === null) return text.notSet;
  if (typeof value === 'boolean') return value ? text.on : text.off;
  if (typeof value === 'string') return text.values[`${key}=${value}`] ?? text.values[value] ?? value;
  if (Array.isArray(value)) {
    if (value.length === 0) return texts.none;
    const range = key === 'dhcpRange' && value.length === 2;
    return value.map((item) => valueWords(item, key)).join(range ? ' – ' : ', ');
  }
  if (typeof value !== 'object') return String(value);
  const members = Object.entries(value).map(([name, member]) =>
    // A name, an address and a port speak for themselves.
    ['name', 'id', 'address', 'uri', 'role'].includes(name)
      ? valueWords(member, name)
      : `${text.members[name] ?? name} ${valueWords(member, name)}`,
  );
  return members.length === 0 ? text.asBefore : members.join(', ');
}

/**
 * What a person should know before such changes are made: that this page moves, who is cut off, what becomes less safe.
 *
 * @param host where the page was opened: `192.168.1.1`
 */
export function consequencesOf(changes: readonly Change[], host: string): readonly string[] {
  return changes
    .flatMap(({ path, before, after }) => {
      const [was, is] = [plain(before), plain(after)];
      const port = /^network\.ports\.([a-z0-9-]+)(\.role)?$/.exec(path)?.[1];
      if (port !== undefined && is === 'underlay') return [text.consequence.toUnderlay(port)];
      if (port !== undefined) return [text.consequence.moved(port)];
      if (/^network\.(lan|management|networks\.[a-z0-9-]+)\.address$/.test(path)) {
        const [to = ''] = is.split('/');
        return was.split('/')[0] === host
          ? [text.consequence.pageMoves(`https://${to}`)]
          : [text.consequence.renew];
      }
      if (path.endsWith('.dhcpServer') && is === 'false') return [text.consequence.noDhcp];
      if (path.endsWith('.internet') && is === 'true') return [text.consequence.internet];
      if (path.startsWith('network.dns') && (is === 'true' || is.includes('"forward":true')))
        return [text.consequence.forward];
      if (/^network\.underlay(\.uplinks\..*)?\.ipv4/.test(path)) return [text.consequence.uplink];
      return [];
    })
    .filter((line, index, all) => all.indexOf(line) === index);
}

function plain(json: string | null): string {
  return json === null ? '' : json.replace(/^"(.*)"$/, '$1');
}

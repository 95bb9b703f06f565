import type { NetworkSettings, PortRole } from '../store/network-schema.ts';
import { limits } from './limits.ts';

/** One physical NIC as sysfs describes it. */
export type Nic = {
  readonly kernelName: string;
  /** Where the device hangs: the target of /sys/class/net/NAME, below /sys. */
  readonly devicePath: string | null;
  /** Which port of the device, for chips with more than one behind one PCI function. */
  readonly devicePort: number;
  readonly mac: string | null;
  readonly driver: string | null;
};

/** What a board profile knows of one NIC. All facts that it gives must fit; the first rule that fits a NIC names it. */
export type NicRule = {
  /** The name on the case, `port1` and so on. */
  readonly name: string;
  readonly role?: PortRole | undefined;
  /** What is printed on the case. */
  readonly label?: string | undefined;
  /** A whole segment or a run of segments of the device path, such as `0000:02:00.0` or `fe300000.ethernet`. */
  readonly path?: string | undefined;
  readonly kernelName?: string | undefined;
};

/** A board profile's `ports`: how NICs without a rule of their own are counted, and the rules. */
export type PortRules = { readonly order: 'bus' | 'kernel-name'; readonly named: readonly NicRule[] };

/** A NIC with the name that people use for it and its job. */
export type Port = {
  readonly name: string;
  readonly role: PortRole;
  /** What is printed beside it on the case, where the board profile knows. */
  readonly label: string | null;
  /** null: what its driver has, or a lease says. */
  readonly mtu: number | null;
  readonly nic: Nic;
  /** The kernel's name of the NIC itself, where `nic` is a VLAN on it. */
  readonly carriedBy?: string;
};

function isUsb(path: string): boolean {
  return /\/usb\d+\//.test(path);
}

/** `net/eth0` and the virtio number say in which order drivers came up, not where the device is. */
function stableSegments(path: string): string[] {
  const segments = path.replace(/\/net\/[^/]+$/, '').split('/');
  return segments.filter((segment) => segment !== '' && !/^virtio\d+$/.test(segment));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Numbers at the end count as numbers where the rest is equal: `vif-2` before `vif-10`, `1-1.2` before `1-1.10`. */
function compareSegment(a: string, b: string): number {
  const [, stemA, numberA] = /^(.*?)(\d+)$/.exec(a) ?? [];
  const [, stemB, numberB] = /^(.*?)(\d+)$/.exec(b) ?? [];
  if (stemA !== undefined && stemA === stemB && numberA !== numberB) return Number(numberA) - Number(numberB);
  return compareText(a, b);
}

function comparePath(a: string, b: string): number {
  const [left, right] = [stableSegments(a), stableSegments(b)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const order = compareSegment(left[at] ?? '', right[at] ?? '');
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/**
 * The order in which NICs are numbered: by where they are in the machine, so that a reboot, another driver or another
 * kernel keeps the numbers. USB NICs come last: plugging one in must not make another port the underlay.
 */
export function compareNics(a: Nic, b: Nic): number {
  const [pathA, pathB] = [a.devicePath ?? '', b.devicePath ?? ''];
  return (
    Number(pathA === '') - Number(pathB === '') ||
    Number(isUsb(pathA)) - Number(isUsb(pathB)) ||
    comparePath(pathA, pathB) ||
    a.devicePort - b.devicePort ||
    compareText(a.mac ?? '', b.mac ?? '') ||
    compareSegment(a.kernelName, b.kernelName)
  );
}

function pathHolds(path: string, wanted: string): boolean {
  return `${path}/`.includes(`/${wanted.replace(/^\/|\/$/g, '')}/`);
}

function fits(rule: NicRule, nic: Nic): boolean {
  if (rule.path === undefined && rule.kernelName === undefined) return false;
  if (rule.path !== undefined && !pathHolds(nic.devicePath ?? '', rule.path)) return false;
  return rule.kernelName === undefined || rule.kernelName === nic.kernelName;
}

/**
 * Hyper-V's accelerated networking shows one port twice: a virtual function under the synthetic NIC, with the same
 * address. The kernel's hv_netvsc joins them; to us the synthetic one is the port.
 */
function isShadowed(nic: Nic, all: readonly Nic[]): boolean {
  return (
    nic.driver !== 'hv_netvsc' &&
    nic.mac !== null &&
    all.some((other) => other.driver === 'hv_netvsc' && other.mac === nic.mac)
  );
}

const kernelName = new RegExp(`^[A-Za-z0-9_.:-]{1,${limits.interfaceNameLength}}$`);

/** Whether a name may stand in a batch for ip, a ruleset or a path. The kernel allows more; no driver makes such names. */
export function isInterfaceName(name: string): boolean {
  return kernelName.test(name) && name !== '.' && name !== '..';
}

/**
 * Names every NIC and gives it a role: profile, then `settings.network.ports`. Without either the first port is the
 * underlay and the others are LAN; where the profile names an underlay, all that it does not speak of are LAN.
 */
export function assignPorts(
  nics: readonly Nic[],
  rules: PortRules,
  settings: NetworkSettings['ports'],
): readonly Port[] {
  const left = nics.filter((nic) => isInterfaceName(nic.kernelName) && !isShadowed(nic, nics));
  left.sort(rules.order === 'bus' ? compareNics : (a, b) => compareSegment(a.kernelName, b.kernelName));
  const named: { name: string; rule: NicRule | null; nic: Nic }[] = [];
  for (const rule of rules.named) {
    const at = named.some(({ name }) => name === rule.name) ? -1 : left.findIndex((nic) => fits(rule, nic));
    const [nic] = at < 0 ? [] : left.splice(at, 1);
    if (nic !== undefined) named.push({ name: rule.name, rule, nic });
  }
  const taken = new Set([...named.map(({ name }) => name), ...rules.named.map(({ name }) => name)]);
  let number = 1;
  for (const nic of left) {
    while (taken.has(`port${number}`)) number++;
    named.push({ name: `port${number}`, rule: null, nic });
    number++;
  }
  const wanted = (name: string) => {
    const own = Object.hasOwn(settings, name) ? settings[name] : undefined;
    return typeof own === 'string' ? { role: own, mtu: undefined } : own;
  };
  const profileHasUnderlay = named.some(({ rule }) => rule?.role === 'underlay');
  return named.map(({ name, rule, nic }, index) => ({
    name,
    label: rule?.label ?? null,
    role: wanted(name)?.role ?? rule?.role ?? (index === 0 && !profileHasUnderlay ? 'underlay' : 'lan'),
    mtu: wanted(name)?.mtu ?? null,
    nic,
  }));
}

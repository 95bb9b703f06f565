import type { DmiField, PlatformFacts } from './facts.ts';

export const platformNames = [
  'aws',
  'azure',
  'gcp',
  'alibaba',
  'oracle',
  'openstack',
  'vmware',
  'hyper-v',
  'virtualbox',
  'xen',
  'nutanix',
  'qemu',
  'board',
  'generic',
] as const;
export type PlatformName = (typeof platformNames)[number];

export type PlatformKind = 'cloud' | 'hypervisor' | 'board' | 'unknown';

/** Where a box finds what its owner wants of it. `imds` is the metadata service of the platform it stands beside. */
export type DataSource = 'imds' | 'opc' | 'openstack' | 'configdrive' | 'nocloud' | 'guestinfo';

/**
 * A fact that speaks for a platform. `stated`: firmware that the platform wrote says its name. `hinted`: something
 * that the platform leaves behind under another name; a board profile that matches is believed before it.
 */
export type PlatformMatch = { readonly strength: 'stated' | 'hinted'; readonly decidedBy: string };

export type Platform = {
  readonly name: PlatformName;
  readonly kind: PlatformKind;
  readonly dataSource: DataSource;
  /** Pure; null where nothing speaks for this platform. */
  readonly parse: (facts: PlatformFacts) => PlatformMatch | null;
};

/** The match that a DMI field gives if it satisfies `test`. */
export function dmiMatch(
  facts: PlatformFacts,
  field: DmiField,
  test: (value: string) => boolean,
  strength: PlatformMatch['strength'] = 'stated',
): PlatformMatch | null {
  const value = facts.dmi[field];
  return value !== undefined && test(value) ? { strength, decidedBy: `dmi/${field} = ${value}` } : null;
}

/** The match that a clock source's name gives: the kernel registers it after it saw the hypervisor's CPUID leaf. */
export function clockMatch(facts: PlatformFacts, prefix: string): PlatformMatch | null {
  const clock = facts.clockSources.find((name) => name.startsWith(prefix));
  return clock === undefined ? null : { strength: 'hinted', decidedBy: `clocksource = ${clock}` };
}

export const is =
  (...names: readonly string[]) =>
  (value: string): boolean =>
    names.includes(value);

export const startsWith =
  (prefix: string) =>
  (value: string): boolean =>
    value.startsWith(prefix);

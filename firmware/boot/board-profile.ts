import type { BoardProfile, MatchRule, WrittenBoardProfile } from './board-profile-schema.ts';
import type { DmiField, PlatformFacts } from './platform/facts.ts';

export type { BoardProfile, MatchRule };

/** Fills in what a profile leaves out, as the schema's defaults do. */
export function completeProfile(written: WrittenBoardProfile): BoardProfile {
  const { leds = [], buttons = [], watchdog = null, frontPanel = null, drivers = [], ports } = written;
  return {
    ...written,
    leds,
    buttons,
    watchdog,
    frontPanel,
    drivers,
    ports: { ...ports, named: ports.named ?? [] },
  };
}

function fits(patterns: readonly string[], value: string | undefined): boolean {
  if (value === undefined) return false;
  return patterns.some((one) => (one.endsWith('*') ? value.startsWith(one.slice(0, -1)) : value === one));
}

/**
 * Whether the rule's DMI and device tree parts hold.
 *
 * @returns the fact that holds, as `decidedBy` shows it, or null. A rule without such parts holds with an empty fact.
 */
export function matchesFacts(rule: MatchRule, facts: PlatformFacts): string | null {
  let decidedBy = '';
  for (const [name, patterns] of Object.entries(rule.dmi ?? {})) {
    const field = name as DmiField;
    const value = facts.dmi[field];
    if (!fits(patterns, value)) return null;
    decidedBy = `dmi/${field} = ${value}`;
  }
  if (rule.deviceTree) {
    const compatible = facts.deviceTree.compatible.find((name) => rule.deviceTree?.includes(name));
    if (compatible === undefined) return null;
    decidedBy = `device-tree/compatible = ${compatible}`;
  }
  return decidedBy;
}

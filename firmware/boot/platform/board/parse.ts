import type { BoardProfile } from '../../board-profile.ts';
import { matchesFacts } from '../../board-profile.ts';
import type { PlatformFacts } from '../facts.ts';
import type { Platform, PlatformMatch } from '../platform.ts';

/** A physical box that a board profile knows by its DMI or its device tree. */
export function boardPlatform(profiles: readonly BoardProfile[]): Platform {
  return {
    name: 'board',
    kind: 'board',
    dataSource: 'nocloud',
    parse: (facts) => findBoard(profiles, facts)?.match ?? null,
  };
}

/** The profile of a physical board that matches, with the fact that decided it. */
export function findBoard(
  profiles: readonly BoardProfile[],
  facts: PlatformFacts,
): { readonly profile: BoardProfile; readonly match: PlatformMatch } | null {
  for (const profile of profiles) {
    for (const rule of profile.match) {
      if (rule.platform !== undefined) continue;
      const decidedBy = matchesFacts(rule, facts);
      if (decidedBy) return { profile, match: { strength: 'stated', decidedBy } };
    }
  }
  return null;
}

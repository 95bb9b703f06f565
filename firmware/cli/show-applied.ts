import type { SettingsApplied } from '../webui/api/config-route.ts';
import { notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';

/** Says that changed settings are in force, and confirm themselves. Returns the exit status. */
export function showApplied(
  { json }: { readonly json?: boolean | undefined },
  applied: SettingsApplied | null,
): number {
  if (applied === null) return notKnown;
  if (json) printJson(applied);
  else {
    const { revision, trial } = applied;
    const when =
      trial === null ? 'in force' : 'in force, and stays once peers and page are reachable as before';
    say(`Revision ${revision.id} is ${when}.\n`);
  }
  return 0;
}

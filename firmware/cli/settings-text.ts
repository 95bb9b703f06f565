import { describeChange } from '../store/settings-diff.ts';
import type { SettingsApplied, SettingsPlan } from '../webui/api/config-route.ts';

/** What a change would do, a line each. */
export function planText({ changes, more, network }: SettingsPlan): readonly string[] {
  if (changes.length === 0) return ['Nothing changes.'];
  return [...changes.map(describeChange), ...moreLine(more), ...network.map((line) => `  network: ${line}`)];
}

/** Changes beyond those that are listed. */
export function moreLine(more: number): readonly string[] {
  return more === 0 ? [] : [`and ${more} changes more`];
}

/** That a change is on trial, and what to do. */
export function appliedText({ revision, trial }: SettingsApplied, automatic: boolean): string {
  const how = automatic
    ? 'It confirms itself once page and peers are reachable as before.'
    : 'Keep it with "hithe config confirm".';
  const end = trial === null ? 'it is over' : `it is taken back in ${trial.secondsLeft} s`;
  return `Revision ${revision.id} is in force on trial; ${end}. ${how}\n`;
}

import type { Settings, SettingsLayer } from '../../../store/settings-schema.ts';
import type {
  Revision,
  RevisionDetail,
  SettingsApplied,
  SettingsPlan,
  SettingsView,
} from '../../api/config-route.ts';
import { call, type Problem } from '../api.ts';
import { type ChangeWords, describeChanges } from './change-words.ts';
import { tellTrial } from './trial-watch.ts';

/** The settings of the box as they are edited: what is saved, and what the box works by. */
export interface EditedSettings {
  readonly saved: SettingsLayer;
  readonly inForce: Settings;
}

/** What `/api/v1/config` answers: the API's schema leaves open what the settings' own schema says. */
export interface ReadSettings extends EditedSettings, Omit<SettingsView, keyof EditedSettings | 'draft'> {}

/** What the box would do, and for which settings it says so. */
export interface PlannedChange {
  readonly etag: string | null;
  /** The newest revision when it was planned. */
  readonly revision: number;
  readonly document: SettingsLayer;
  readonly plan: SettingsPlan;
}

/** What somebody else changed while a change was being made. */
export interface MovedOn {
  readonly revision: number;
  readonly author: string;
  readonly changes: readonly ChangeWords[];
}

export type Planning =
  | { readonly ok: true; readonly planned: PlannedChange }
  | { readonly ok: false; readonly problem: Problem };
export type Applying =
  | { readonly outcome: 'on-trial'; readonly revision: number | null }
  | { readonly outcome: 'moved-on'; readonly moved: readonly MovedOn[]; readonly next: Planning }
  | { readonly outcome: 'refused'; readonly problem: Problem };

export type Edit = (settings: EditedSettings) => SettingsLayer;

const conflict = 'settings-moved-on';
/** Revisions of others that are told one by one. */
const toldRevisions = 3;

/** Reads the settings, edits them, and asks the box what that would do. Nothing is done. */
export async function planChange(edit: Edit): Promise<Planning> {
  for (let tries = 2; ; tries--) {
    const read = await call<ReadSettings>('GET', '/api/v1/config');
    if (!read.ok) return read;
    const { value, etag } = read;
    const document = edit(value);
    const planned = await call<SettingsPlan>('POST', '/api/v1/config/plan', { document }, { etag });
    if (planned.ok)
      return {
        ok: true,
        planned: { etag, document, plan: planned.value, revision: value.revision?.id ?? 0 },
      };
    if (planned.problem.code !== conflict || tries === 0) return planned;
  }
}

/**
 * Puts what was planned in force on trial. Where the settings are not those any more that it was planned for, the edit is
 * planned for the newer ones, and nothing is done.
 */
export async function applyChange(
  edit: Edit,
  { etag, revision, document }: PlannedChange,
  seconds: number,
): Promise<Applying> {
  tellTrial({ kind: 'asked', after: revision, endsAt: performance.now() + seconds * 1000 });
  const body = { document, seconds };
  const answer = await call<SettingsApplied>('POST', '/api/v1/config/apply', body, { etag });
  if (answer.ok) {
    tellTrial({ kind: 'heard', trial: answer.value.trial, at: performance.now() });
    return { outcome: 'on-trial', revision: answer.value.revision.id };
  }
  const { problem } = answer;
  if (problem.code === 'unreachable') {
    // The change itself may have cut the answer off; the bar says what comes of it.
    tellTrial({ kind: 'unanswered' });
    return { outcome: 'on-trial', revision: null };
  }
  tellTrial({ kind: 'refused' });
  if (problem.code !== conflict) return { outcome: 'refused', problem };
  const [moved, next] = await Promise.all([movedSince(revision), planChange(edit)]);
  return { outcome: 'moved-on', moved, next };
}

/** What was changed since a revision, newest first. */
async function movedSince(revision: number): Promise<readonly MovedOn[]> {
  const history = await call<{ revisions: readonly Revision[] }>('GET', '/api/v1/config/history');
  if (!history.ok) return [];
  const newer = history.value.revisions.filter(({ id, outcome }) => id > revision && outcome === 'confirmed');
  return Promise.all(
    newer.slice(0, toldRevisions).map(async ({ id, author }) => {
      const detail = await call<RevisionDetail>('GET', `/api/v1/config/history/${id}`);
      return {
        revision: id,
        author,
        changes: describeChanges((detail.ok ? detail.value.changes : null) ?? []),
      };
    }),
  );
}

import type { SettingsApplied, SettingsView } from '../../../api/config-route.ts';
import { type Answer, call } from '../../api.ts';
import { texts } from '../../texts.ts';

/**
 * Takes back one change of the settings: by ending its trial, or once it is confirmed by trying again what was in force
 * before. Not where something else was changed since, which would go with it.
 */
export async function undoChange({ revision }: SettingsApplied): Promise<Answer<unknown>> {
  const view = await call<SettingsView>('GET', '/api/v1/config');
  if (!view.ok) return view;
  const { trial, revision: current } = view.value;
  if (trial?.revision === revision.id) return call('POST', '/api/v1/config/revert', {});
  if (trial !== null || current?.id !== revision.id)
    return {
      ok: false,
      problem: { title: 'Conflict', status: 409, code: 'settings-moved-on', detail: texts.policy.movedOn },
    };
  // The first revision of all has nothing before it but the box as it was delivered.
  return revision.base === null
    ? call('POST', '/api/v1/config/apply', { document: { version: 1 }, automatic: true })
    : call('POST', '/api/v1/config/revert', { revision: revision.base, automatic: true });
}

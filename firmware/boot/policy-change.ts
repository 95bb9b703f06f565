import { writeAtPath } from '../store/settings-path.ts';
import type {
  Configuration,
  ConfigurationProblem,
  ConfigurationResult,
  SettingsApplied,
} from '../webui/api/config-route.ts';
import { limits } from './limits.ts';

/** What of the settings' changes a change of the policy needs. */
export type PolicyConfiguration = Pick<Configuration, 'read' | 'apply'>;

/**
 * Puts another list into the section `policy` of the settings: a revision that confirms itself once peers and page are
 * reachable as before.
 */
export async function changePolicy(
  configuration: PolicyConfiguration,
  part: 'rules' | 'devices',
  list: readonly object[],
  author: string,
): Promise<ConfigurationResult<SettingsApplied>> {
  const view = configuration.read({ secrets: true });
  if (!view.ok) return view;
  if (view.value.draft !== null)
    return refuse(
      'settings-draft',
      'There is a draft, which would undo this later. Apply or discard it first.',
    );
  const document = writeAtPath(view.value.saved, ['policy', part], list);
  if (!document.ok) return refuse('settings-invalid', document.reason);
  const seconds = limits.policyTrialSeconds;
  return configuration.apply(document.value, { author, seconds, automatic: true });
}

export function refuse(code: ConfigurationProblem, detail: string): ConfigurationResult<never> {
  return { ok: false, code, detail };
}

import type { FlowFilter } from '../flows/flow-filter.ts';
import type { FlowRecord } from '../flows/flow-record.ts';
import { Learner } from '../flows/learn/learn.ts';
import type { PolicyInput, Rule, RuleMode } from '../policy/policy.ts';
import type { StoreResult } from '../store/store-error.ts';
import type { ConfigurationResult, SettingsApplied } from '../webui/api/config-route.ts';
import type {
  LearnQuery,
  PolicyLearning as PolicyLearningApi,
  PolicyProposals,
} from '../webui/api/learn-route.ts';
import { limits } from './limits.ts';
import { changePolicy, type PolicyConfiguration, refuse } from './policy-change.ts';

export type LearningPorts = {
  /** Some flows, newest first; `before` of one answer asks for those that come next. */
  readonly query: (
    filter: FlowFilter,
    options: { readonly before: number; readonly limit: number },
  ) => Promise<StoreResult<{ readonly flows: readonly FlowRecord[]; readonly before: number | null }>>;
  /** What the policy in force was made of; null before the first. */
  readonly policy: () => PolicyInput | null;
  readonly configuration: PolicyConfiguration;
  /** The rules in force. */
  readonly rules: () => readonly Rule[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

const hourMs = 3_600_000;

/**
 * Proposes rules for flows of the past, and puts those that a person accepts into the settings: staged first, then
 * enforced, each time as a revision that confirms itself once peers and page are reachable as before.
 */
export class PolicyLearning implements PolicyLearningApi {
  readonly #ports: LearningPorts;
  /** The proposals that were shown last, since only what was seen can be accepted. */
  #shown: ReadonlyMap<string, Rule> = new Map();

  constructor(ports: LearningPorts) {
    this.#ports = ports;
  }

  async propose({ since, until, from, exact }: LearnQuery): Promise<ConfigurationResult<PolicyProposals>> {
    const now = this.#ports.now();
    const window = { since: since ?? now - hourMs, until: until ?? now };
    const policy = this.#ports.policy();
    if (policy === null) return refuse('settings-not-applied', 'No policy is in force yet.');
    const learner = new Learner(policy, { from, exact: exact === 'true' });
    let before: number | null = Number.MAX_SAFE_INTEGER;
    let read = 0;
    do {
      const limit = Math.min(limits.learnPage, limits.learnFlows - read);
      const page = await this.#ports.query(window, { before, limit });
      if (!page.ok)
        return refuse('settings-not-kept', `The records of flows cannot be read: ${page.error.message}`);
      for (const flow of page.value.flows) learner.add(flow);
      read += page.value.flows.length;
      before = page.value.before;
    } while (before !== null && read < limits.learnFlows);
    const learned = learner.propose();
    this.#shown = new Map(learned.proposals.map(({ rule }) => [rule.id, rule]));
    const proposals = learned.proposals.map(({ rule, ...found }) => ({
      ...found,
      rule: { ...rule, services: rule.services },
    }));
    return { ok: true, value: { ...window, ...learned, proposals, complete: before === null } };
  }

  async accept(ids: readonly string[], author: string): Promise<ConfigurationResult<SettingsApplied>> {
    const rules = this.#ports.rules();
    const known = new Set(rules.map(({ id }) => id));
    const added: Rule[] = [];
    for (const id of new Set(ids)) {
      const rule = this.#shown.get(id);
      if (rule === undefined)
        return refuse(
          'settings-not-there',
          `${id} is none of the proposals that were shown last. Look again.`,
        );
      // Accepted twice is accepted.
      if (!known.has(id)) added.push(rule);
    }
    return this.#apply([...rules, ...added], author);
  }

  async setMode(
    ids: readonly string[],
    mode: RuleMode,
    author: string,
  ): Promise<ConfigurationResult<SettingsApplied>> {
    const rules = this.#ports.rules();
    const unknown = ids.find((id) => !rules.some((rule) => rule.id === id));
    if (unknown !== undefined) return refuse('settings-not-there', `There is no rule ${unknown}.`);
    return this.#apply(
      rules.map((rule) => (ids.includes(rule.id) ? { ...rule, mode } : rule)),
      author,
    );
  }

  #apply(rules: readonly Rule[], author: string): Promise<ConfigurationResult<SettingsApplied>> {
    return changePolicy(this.#ports.configuration, 'rules', rules, author);
  }
}

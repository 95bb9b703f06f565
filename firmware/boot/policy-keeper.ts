import { DeviceDiscovery, type ListedDevice } from '../netd/policy/discovery.ts';
import {
  type Explained,
  PolicyEnforcement,
  type PolicyPorts,
  type PolicyReport,
} from '../netd/policy/enforcement.ts';
import { lanLinks, linksKeptApart } from '../netd/policy/links.ts';
import type { ExplainQuery } from '../policy/explain.ts';
import type { PolicyInput } from '../policy/policy.ts';
import type { Settings } from '../store/settings-schema.ts';

type Warning = { readonly code: string; readonly message: string; readonly advice: string };

const warningCode = 'POLICY_NOT_IN_FORCE';

/** Keeps the policy of the settings in the kernel, and says on the page where that fails. */
export class PolicyKeeper {
  readonly #enforcement: PolicyEnforcement;
  readonly #discovery: DeviceDiscovery;
  readonly #platform: string;
  readonly #warn: (warning: Warning) => void;
  readonly #clearWarning: (code: string) => void;

  constructor(
    ports: PolicyPorts,
    {
      platform,
      warn,
      clearWarning,
      seenDevicesFile = null,
    }: {
      readonly platform: string;
      readonly warn: (warning: Warning) => void;
      readonly clearWarning: (code: string) => void;
      /** Where it is kept who was seen; not at all unless given. */
      readonly seenDevicesFile?: string | null;
    },
  ) {
    this.#enforcement = new PolicyEnforcement(ports);
    this.#discovery = new DeviceDiscovery(ports, seenDevicesFile);
    this.#platform = platform;
    this.#warn = warn;
    this.#clearWarning = clearWarning;
  }

  /** Resolves with what keeps the policy from being in force, or null. */
  async apply(settings: Settings): Promise<string | null> {
    const own = { platform: this.#platform };
    const links = { lan: lanLinks(settings.network), apart: linksKeptApart(settings.network) };
    this.#discovery.follow(links.lan);
    const problem = await this.#enforcement.apply({ settings, own, ...links });
    if (problem === null) {
      this.#clearWarning(warningCode);
      return null;
    }
    const message = `The policy is not in force: ${problem}.`;
    this.#warn({
      code: warningCode,
      message,
      advice: 'What was allowed before still is, and nothing else. Correct the rules.',
    });
    return message;
  }

  report(): Promise<PolicyReport> {
    return this.#enforcement.report();
  }

  /** Who is on the hosts' networks or was, and who of the devices that the settings name was never seen. */
  async devices(): Promise<readonly ListedDevice[]> {
    return this.#discovery.describe(await this.#enforcement.devices());
  }

  /** What the policy in force was made of; null before the first. */
  input(): PolicyInput | null {
    return this.#enforcement.input();
  }

  explain(query: ExplainQuery): { ok: true; value: Explained } | { ok: false; problem: string } {
    return this.#enforcement.explain(query);
  }

  async close(): Promise<void> {
    await Promise.all([this.#enforcement.close(), this.#discovery.close()]);
  }
}

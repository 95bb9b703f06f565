// Runs in a network namespace: observes, plans, applies, and plans again. Input is a JSON document on standard input.
import { readFileSync } from 'node:fs';
import { applyFirewall, applyPlan, observeNetwork } from '../../firmware/netd/apply.ts';
import { desiredNetwork } from '../../firmware/netd/desired.ts';
import { planNetwork } from '../../firmware/netd/diff.ts';
import type { Lease } from '../../firmware/netd/lease.ts';
import { describePlan } from '../../firmware/netd/plan-text.ts';
import { PolicyEnforcement } from '../../firmware/netd/policy/enforcement.ts';
import { lanLinks, linksKeptApart } from '../../firmware/netd/policy/links.ts';
import type { Port } from '../../firmware/netd/ports.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import type { PolicySettings } from '../../firmware/store/policy-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { createNetworkSystem } from '../../firmware/system/network-system.ts';

export type ApplyRequest = {
  settings: NetworkSettings;
  ports: Port[];
  leases?: Record<string, Lease>;
  claimed?: boolean;
  /** In force where it is given. */
  policy?: PolicySettings;
  overlay?: boolean;
};
export type ApplyAnswer = { first: string[]; second: string[]; failures: string[] };

const { settings, ports, leases, claimed, policy } = JSON.parse(readFileSync(0, 'utf8')) as ApplyRequest;
const system = createNetworkSystem({ log: () => {} });
const desired = desiredNetwork({
  settings,
  ports,
  leases: new Map(Object.entries(leases ?? {})),
  claimed: claimed ?? true,
  firewallInForce: true,
  cpus: system.cpus,
});

async function plan() {
  const observed = await observeNetwork(system, desired);
  if (!observed.ok) throw new Error(observed.reason);
  return planNetwork(desired, observed.value);
}

const failures = [...(await applyFirewall(system, desired.firewall))];
if (policy !== undefined) {
  const enforcement = new PolicyEnforcement({
    ...system,
    now: () => 0,
    // A first start each time; the folder is not the namespace's.
    readText: () => null,
    replaceText: () => null,
  });
  const problem = await enforcement.apply({
    settings: { ...defaultSettings, policy },
    own: {},
    lan: lanLinks(settings),
    apart: linksKeptApart(settings),
  });
  if (problem !== null) failures.push(problem);
}
const first = await plan();
failures.push(...(await applyPlan(system, first)));
const answer: ApplyAnswer = {
  first: [...describePlan(first)],
  second: [...describePlan(await plan())],
  failures,
};
process.stdout.write(JSON.stringify(answer));

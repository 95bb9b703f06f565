import { DeviceSettings } from '../../firmware/boot/device-settings.ts';
import { PolicyLearning } from '../../firmware/boot/policy-learning.ts';
import type { FlowRecord } from '../../firmware/flows/flow-record.ts';
import type { PolicyInput } from '../../firmware/policy/policy.ts';
import type { Configuration } from '../../firmware/webui/api/config-route.ts';

/** Learning over settings that are really kept, from given flows. */
export function openTestLearning(
  configuration: Configuration,
  {
    flows = [],
    now = () => 10_000_000,
  }: { readonly flows?: readonly FlowRecord[]; readonly now?: () => number } = {},
): PolicyLearning {
  const policy = () => policyInForce(configuration);
  return new PolicyLearning({
    configuration,
    now,
    policy: () => ({ policy: policy(), own: {}, peers: [] }),
    rules: () => policy().rules,
    // Two at a time, newest first, as the store gives pages.
    query: async ({ since = 0, until = Number.MAX_SAFE_INTEGER }, { before: wanted, limit }) => {
      const before = Math.min(wanted, flows.length);
      const from = Math.max(0, before - Math.min(limit, 2));
      const page = flows
        .slice(from, before)
        .filter(({ start, end }) => start <= until && (end ?? start) >= since);
      return { ok: true, value: { flows: page.toReversed(), before: from === 0 ? null : from } };
    },
  });
}

/** Devices in settings that are really kept. */
export function openTestDevices(configuration: Configuration): DeviceSettings {
  return new DeviceSettings({ configuration, devices: () => policyInForce(configuration).devices });
}

function policyInForce(configuration: Configuration): PolicyInput['policy'] {
  const view = configuration.read();
  if (!view.ok) throw new Error(view.detail);
  return view.value.inForce['policy'] as PolicyInput['policy'];
}

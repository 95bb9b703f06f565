import { useEffect, useMemo } from 'preact/hooks';
import type { Device, Policy } from '../../../../policy/policy.ts';
import type { PolicyReport } from '../../../api/policy-route.ts';
import type { Problem } from '../../api.ts';
import type { ReadSettings } from '../../settings/change-flow.ts';
import { followTrial } from '../../settings/trial-watch.ts';
import { useQuery } from '../../use-query.ts';

/** A network of the hosts, as far as the policy is concerned. */
export type HostNetwork = {
  readonly segmentation?: 'none' | 'ports' | undefined;
};

/** What of the settings in force the page of the policy speaks of; the box has checked that it is so. */
export type PolicyDocument = {
  readonly policy: Policy;
  readonly overlay: { readonly peers: readonly { readonly name: string }[] };
  readonly network: {
    readonly lan: HostNetwork;
    readonly networks?: Readonly<Record<string, HostNetwork>> | undefined;
  };
};

export interface KnownPolicy {
  readonly document: PolicyDocument;
  readonly report: PolicyReport | null;
}

export interface PolicyQuery {
  readonly known: KnownPolicy | null;
  readonly problem: Problem | null;
  readonly refresh: () => void;
}

const reportMs = 5000;

export function usePolicy(): PolicyQuery {
  const settings = useQuery<ReadSettings>('/api/v1/config');
  const report = useQuery<PolicyReport>('/api/v1/policy', { every: reportMs });
  const known = useMemo(
    () =>
      settings.value === null
        ? null
        : {
            document: settings.value.inForce,
            report: report.value,
          },
    [settings.value, report.value],
  );
  const refresh = () => {
    settings.refresh();
    report.refresh();
  };
  useTrialEnds(refresh);
  return { known, problem: settings.problem ?? report.problem, refresh };
}

/** Looks again when a change begins or ends its trial: then other settings are in force. */
export function useTrialEnds(refresh: () => void): void {
  useEffect(() => {
    let before: string | null = null;
    return followTrial(({ kind }) => {
      if (kind !== before) refresh();
      before = kind;
    });
  }, []);
}

/** What ends of connections and sides of rules may be called. */
export type Names = {
  readonly devices: readonly string[];
  readonly gateways: readonly string[];
  readonly labels: readonly string[];
};

export function namesOf({ policy, overlay }: PolicyDocument): Names {
  const labelsOf = ({ labels = [] }: Device) => labels;
  return {
    devices: policy.devices.map(({ name }) => name),
    gateways: ['this', ...overlay.peers.map(({ name }) => name)],
    labels: [
      ...new Set([
        ...policy.devices.flatMap(labelsOf),
        ...policy.labels,
        ...Object.values(policy.peerLabels).flat(),
      ]),
    ],
  };
}

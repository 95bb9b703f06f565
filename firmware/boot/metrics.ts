import type { AlarmKind } from '../flows/alarms.ts';
import type { PolicyReport } from '../netd/policy/enforcement.ts';
import type { ExportStatus } from './flow-export.ts';
import type { FlowStatus } from './flow-keeper.ts';
import { limits } from './limits.ts';
import type { StatusFacts } from './status-board.ts';

export type MetricFacts = {
  readonly status: StatusFacts;
  readonly policy: PolicyReport;
  readonly flows: FlowStatus;
  readonly receivers: readonly ExportStatus[];
  readonly alarms: readonly { readonly kind: AlarmKind }[];
};

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };
type Family = {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
};

const one = (value: number): readonly Sample[] => [{ labels: {}, value }];

/**
 * What the box knows in numbers, in Prometheus' text format 0.0.4. Series are bounded: of peers and rules as many as
 * `limits.metricSeries` of a family, and `hithe_metrics_left_out` says how many there would be besides. Devices have no
 * series of their own, since there may be ten thousand.
 */
export function metricsText(facts: MetricFacts): string {
  const families = familiesOf(facts);
  const bounded = families.map((family) => ({
    ...family,
    samples: family.samples.slice(0, limits.metricSeries),
  }));
  const count = (list: readonly Family[]) => list.reduce((sum, { samples }) => sum + samples.length, 0);
  const leftOut: Family = {
    ...{ name: 'hithe_metrics_left_out', type: 'gauge', help: 'Series beyond the bound of their family' },
    samples: one(count(families) - count(bounded)),
  };
  return [...bounded, leftOut].map(familyText).join('');
}

function familiesOf({ status, policy, flows, receivers, alarms }: MetricFacts): readonly Family[] {
  const { tunnels, memory, image, network } = status;
  const ofTunnels = (value: (tunnel: StatusFacts['tunnels'][number]) => number | null) =>
    tunnels.flatMap((tunnel): Sample[] => {
      const found = value(tunnel);
      return found === null ? [] : [{ labels: { peer: tunnel.peer }, value: found }];
    });
  const ofInterfaces = (value: (port: StatusFacts['network']['interfaces'][number]) => number) =>
    network.interfaces.map(
      (port): Sample => ({ labels: { name: port.name, role: port.role }, value: value(port) }),
    );
  const ofReceivers = (value: (receiver: ExportStatus) => number) =>
    receivers.map((receiver): Sample => ({ labels: { receiver: receiver.name }, value: value(receiver) }));
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
    ...{ name: `hithe_${name}`, type: 'gauge', help, samples },
  });
  const counter = (name: string, help: string, samples: readonly Sample[]): Family => ({
    ...{ name: `hithe_${name}_total`, type: 'counter', help, samples },
  });
  const { kernel, tracker, unwritten } = flows.lost;
  const lost = {
    'kernel-connections': kernel.connections,
    'kernel-packets': kernel.packets,
    'denied-kinds': tracker.denied,
    ...{ waiting: tracker.records, unwritten },
  };
  const kinds = [...new Set(alarms.map(({ kind }) => kind))].toSorted();
  return [
    gauge('info', 'The image that runs', [{ labels: { version: image.version }, value: 1 }]),
    gauge('uptime_seconds', 'Seconds since the kernel started', one(status.uptimeSeconds)),
    gauge('memory_total_bytes', 'Memory', one(memory.totalBytes)),
    gauge('memory_available_bytes', 'Memory that programs could still get', one(memory.availableBytes)),
    gauge('warnings', 'Warnings in the status', one(status.warnings.length)),
    gauge(
      'tunnel_up',
      'Whether there is an association with the peer',
      ofTunnels((tunnel) => (tunnel.establishedAt === null ? 0 : 1)),
    ),
    counter(
      'tunnel_sent_bytes',
      'Octets to the peer, before encryption',
      ofTunnels(({ traffic }) => traffic.sentBytes),
    ),
    counter(
      'tunnel_sent_packets',
      'Packets to the peer',
      ofTunnels(({ traffic }) => traffic.sentPackets),
    ),
    counter(
      'tunnel_received_bytes',
      'Octets from the peer, after decryption',
      ofTunnels(({ traffic }) => traffic.receivedBytes),
    ),
    counter(
      'tunnel_received_packets',
      'Packets from the peer',
      ofTunnels(({ traffic }) => traffic.receivedPackets),
    ),
    counter(
      'tunnel_dropped_packets',
      'Packets of the peer that were not taken',
      ofTunnels(({ dropped }) => dropped.wrongSource + dropped.tooOld + dropped.replayed + dropped.forged),
    ),
    gauge(
      'tunnel_rekeys',
      'Changes of ESP keys of the association',
      ofTunnels(({ rekeys }) => rekeys),
    ),
    gauge(
      'tunnel_round_trip_seconds',
      'Of the base exchange',
      ofTunnels(({ roundTripMs }) => (roundTripMs === null ? null : roundTripMs / 1000)),
    ),
    gauge(
      'interface_up',
      'Whether the link is up',
      ofInterfaces(({ link }) => (link === 'up' ? 1 : 0)),
    ),
    counter(
      'interface_sent_bytes',
      'Octets sent',
      ofInterfaces(({ sentBytes }) => sentBytes),
    ),
    counter(
      'interface_received_bytes',
      'Octets received',
      ofInterfaces(({ receivedBytes }) => receivedBytes),
    ),
    gauge('policy_in_force', 'Whether the newest policy is in force', one(policy.problem === null ? 1 : 0)),
    counter(
      'policy_rule_connections',
      'Connections that a rule decided, or would where it is staged',
      policy.rules.map(({ id, connections }) => ({ labels: { rule: id }, value: connections })),
    ),
    counter(
      'policy_decisions',
      'Connections allowed, packets denied by reason',
      Object.entries(policy.counters)
        .toSorted()
        .map(([decision, value]) => ({ labels: { decision }, value })),
    ),
    counter('flows_recorded', 'Flows recorded since records began', one(flows.newest)),
    gauge('flows_kept', 'Flows in the records', one(flows.records)),
    gauge('flows_bytes', 'Octets of the records', one(flows.octets)),
    counter(
      'flows_lost',
      'Flows and denied packets that were not recorded, by where they were lost',
      Object.entries(lost).map(([where, value]) => ({ labels: { where }, value })),
    ),
    counter(
      'export_taken_records',
      'Records that a receiver took',
      ofReceivers(({ taken }) => taken),
    ),
    counter(
      'export_refused_records',
      'Records that it refused',
      ofReceivers(({ refused }) => refused),
    ),
    counter(
      'export_missed_records',
      'Records deleted before they were sent',
      ofReceivers(({ missed }) => missed),
    ),
    gauge(
      'export_up',
      'Whether a receiver takes records',
      ofReceivers(({ problem }) => (problem === null ? 1 : 0)),
    ),
    gauge(
      'export_behind_records',
      'Records that a receiver has not been sent',
      ofReceivers(({ cursor }) => Math.max(0, flows.newest - cursor)),
    ),
    gauge(
      'alarms',
      'Alarms by kind',
      kinds.map((kind) => ({
        labels: { kind },
        value: alarms.filter((alarm) => alarm.kind === kind).length,
      })),
    ),
  ];
}

/** A family without series is left out. */
function familyText({ name, type, help, samples }: Family): string {
  if (samples.length === 0) return '';
  const lines = samples.map(({ labels, value }) => `${name}${labelsText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Of a label's value three characters are escaped. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

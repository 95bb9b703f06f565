import { describe, expect, test } from 'vitest';
import { mayReadMetrics } from '../../firmware/boot/flow-services.ts';
import { limits } from '../../firmware/boot/limits.ts';
import { type MetricFacts, metricsText } from '../../firmware/boot/metrics.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { normalStatus } from '../webui/status-fixtures.ts';

const status = normalStatus(1_000_000);
const facts: MetricFacts = {
  status,
  policy: {
    problem: null,
    generation: 1,
    rules: [{ id: 'press', number: 1, active: true, connections: 3 }],
    counters: { allowed: 9, denied_default: 2 },
  },
  flows: {
    ...{ recording: true, persistent: true, records: 40, octets: 8_192, newest: 50 },
    lost: { kernel: { connections: 1, packets: 2 }, tracker: { denied: 3, records: 4 }, unwritten: 5 },
  },
  receivers: [
    { name: 'siem', type: 'syslog', cursor: 45, taken: 44, refused: 1, missed: 2, problem: null },
    { name: 'spare', type: 'otlp', cursor: 60, taken: 0, refused: 0, missed: 0, problem: 'down' },
  ],
  alarms: [{ kind: 'denied' }, { kind: 'denied' }, { kind: 'tunnel-down' }],
};

type Read = { readonly type: string; readonly samples: ReadonlyMap<string, number> };

/** Reads the text format 0.0.4 and takes nothing that the format's description does not have. */
function readStrictly(text: string): ReadonlyMap<string, Read> {
  expect(text.endsWith('\n')).toBe(true);
  const families = new Map<string, Read>();
  let current = '';
  let helped = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\]|\\\\|\\n)+)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"(?:,(?=[a-zA-Z_])|(?=\})))+)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]Inf)$/.exec(
        line,
      );
    if (help !== null) helped = help[1] ?? '';
    else if (type !== null) {
      const [, name = '', kind = ''] = type;
      // Once, after its help and before its samples, which stand together.
      expect([name, families.has(name)]).toEqual([helped, false]);
      families.set(name, { type: kind, samples: new Map() });
      current = name;
    } else {
      expect(sample, line).not.toBeNull();
      const [, name = '', labels = '', value] = sample ?? [];
      expect(name).toBe(current);
      const samples = families.get(name)?.samples as Map<string, number>;
      expect(samples.has(labels), line).toBe(false);
      samples.set(labels, Number(value));
    }
  }
  return families;
}

const valuesOf = (text: string, name: string) =>
  Object.fromEntries(readStrictly(text).get(name)?.samples ?? []);

describe('metrics in the text format 0.0.4', () => {
  const text = metricsText(facts);

  test('are read by a strict reader, and counters are called so', () => {
    const families = readStrictly(text);
    expect(families.size).toBeGreaterThan(20);
    for (const [name, { type, samples }] of families) {
      expect([name, type]).toEqual([name, name.endsWith('_total') ? 'counter' : 'gauge']);
      expect(samples.size).toBeGreaterThan(0);
      for (const value of samples.values()) expect(value).toBeGreaterThanOrEqual(0);
    }
  });

  test('of tunnels', () => {
    const [tunnel] = status.tunnels;
    const label = `peer="${tunnel?.peer}"`;
    expect(valuesOf(text, 'hithe_tunnel_up')[label]).toBe(tunnel?.establishedAt === null ? 0 : 1);
    expect(valuesOf(text, 'hithe_tunnel_sent_bytes_total')[label]).toBe(tunnel?.traffic.sentBytes);
    expect(valuesOf(text, 'hithe_tunnel_received_packets_total')[label]).toBe(
      tunnel?.traffic.receivedPackets,
    );
    const timed = status.tunnels.filter(({ roundTripMs }) => roundTripMs !== null);
    expect(Object.keys(valuesOf(text, 'hithe_tunnel_round_trip_seconds'))).toHaveLength(timed.length);
  });

  test('of policy, flows, receivers and alarms', () => {
    expect(valuesOf(text, 'hithe_policy_rule_connections_total')).toEqual({ 'rule="press"': 3 });
    expect(valuesOf(text, 'hithe_policy_decisions_total')).toEqual({
      'decision="allowed"': 9,
      'decision="denied_default"': 2,
    });
    expect(valuesOf(text, 'hithe_policy_in_force')).toEqual({ '': 1 });
    expect(valuesOf(text, 'hithe_flows_recorded_total')).toEqual({ '': 50 });
    expect(Object.values(valuesOf(text, 'hithe_flows_lost_total')).toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(valuesOf(text, 'hithe_export_up')).toEqual({ 'receiver="siem"': 1, 'receiver="spare"': 0 });
    expect(valuesOf(text, 'hithe_export_behind_records')).toEqual({
      'receiver="siem"': 5,
      'receiver="spare"': 0,
    });
    expect(valuesOf(text, 'hithe_alarms')).toEqual({ 'kind="denied"': 2, 'kind="tunnel-down"': 1 });
    expect(valuesOf(text, 'hithe_uptime_seconds')).toEqual({ '': status.uptimeSeconds });
  });

  test('a peer’s name is quoted, whatever it is', () => {
    const [tunnel] = status.tunnels;
    if (tunnel === undefined) throw new Error('the fixture has a tunnel');
    const named = { ...status, tunnels: [{ ...tunnel, peer: 'a"b\\c\nd{e="f"}' }] };
    expect(Object.keys(valuesOf(metricsText({ ...facts, status: named }), 'hithe_tunnel_up'))).toEqual([
      String.raw`peer="a\"b\\c\nd{e=\"f\"}"`,
    ]);
  });

  test('as many series as limits say, and how many are left out', () => {
    const [rule] = facts.policy.rules;
    const rules = Array.from({ length: limits.metricSeries + 2 }, (_, index) => ({
      ...{ number: 1, active: true, connections: 0, ...rule },
      id: `r${index}`,
    }));
    const many = metricsText({ ...facts, policy: { ...facts.policy, rules } });
    expect(Object.keys(valuesOf(many, 'hithe_policy_rule_connections_total'))).toHaveLength(
      limits.metricSeries,
    );
    expect(valuesOf(many, 'hithe_metrics_left_out')).toEqual({ '': 2 });
    expect(valuesOf(text, 'hithe_metrics_left_out')).toEqual({ '': 0 });
  });
});

describe('who may read them', () => {
  const settings = (listen: 'off' | 'management') => ({ ...defaultSettings, metrics: { listen } });

  test('nobody, unless the settings say so', () => {
    expect(mayReadMetrics(defaultSettings, '192.168.254.7')).toBe(false);
  });

  test.each([
    ['192.168.254.7', true],
    ['::ffff:192.168.254.7', true],
    ['192.168.1.7', false],
    ['192.168.255.7', false],
    ['fe80::7', false],
    ['', false],
  ])('%s: %s', (address, may) => {
    expect(mayReadMetrics(settings('management'), address)).toBe(may);
  });
});

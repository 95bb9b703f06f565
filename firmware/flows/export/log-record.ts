import type { FlowEnd, FlowRecord } from '../flow-record.ts';

/** By rising weight. */
export type LogSeverity = 'informational' | 'notice' | 'warning' | 'error';

export type LogValue = string | number | readonly string[];

/** What receivers of logs are told, before it has their form. */
export type LogRecord = {
  readonly kind: 'flow' | 'alarm';
  /** Milliseconds since 1970: when it happened, and when it was known. */
  readonly time: number;
  readonly observed: number;
  readonly severity: LogSeverity;
  /** One sentence for a person. */
  readonly text: string;
  /** By rising dispensability. Names of at most 32 characters (RFC 5424 § 6.3.3). */
  readonly attributes: readonly (readonly [string, LogValue])[];
};

const whys = {
  rule: 'a rule says so',
  observed: 'only a rule that observes lets it through',
  default: 'no rule lets it through',
  quarantine: 'its device is not accepted',
  spoofed: 'it comes from a device’s address, and not from its MAC',
  replaced: 'a new policy cut it',
  firewall: 'the firewall decides, rules are not asked',
} as const;

/** A flow as a log record. Names of what OpenTelemetry has names for are its (semantic conventions 1.38: source, destination, network). */
export function flowLogRecord(flow: FlowRecord): LogRecord {
  const { start, end, from, to, protocol, port, verdict, rule, reason, staged, sent, received } = flow;
  const service = protocol === 'tcp' || protocol === 'udp' ? `${protocol} ${port}` : protocol;
  const done = verdict === 'allow' ? 'allowed' : 'denied';
  const why = rule === null ? whys[reason] : `by rule ${rule}`;
  return {
    ...{ kind: 'flow', time: start, observed: end ?? start },
    severity: verdict === 'allow' ? 'informational' : 'notice',
    text: `${endText(from)} to ${endText(to)}, ${service}: ${done}, ${why}`,
    attributes: [
      ['flow.verdict', verdict],
      ['flow.reason', reason],
      ...some('flow.rule', rule),
      ['source.address', from.address],
      ['destination.address', to.address],
      ...(protocol === 'tcp' || protocol === 'udp'
        ? ([
            ['destination.port', port],
            ['network.transport', protocol],
          ] as const)
        : []),
      ['network.type', from.address.includes(':') ? 'ipv6' : 'ipv4'],
      ['flow.protocol', protocol],
      ['flow.direction', flow.direction],
      ['flow.start', start],
      ...some('flow.end', end),
      ['flow.sent.packets', sent.packets],
      ['flow.sent.bytes', sent.bytes],
      ['flow.received.packets', received.packets],
      ['flow.received.bytes', received.bytes],
      ...some('flow.staged.rule', staged?.rule ?? null),
      ...some('flow.staged.verdict', staged?.verdict ?? null),
      ...some('source.gateway', from.gateway),
      ...some('destination.gateway', to.gateway),
      ...several('source.devices', from.devices),
      ...several('destination.devices', to.devices),
      ...several('source.labels', from.labels),
      ...several('destination.labels', to.labels),
    ],
  };
}

function endText({ address, devices }: FlowEnd): string {
  return devices.length === 0 ? address : `${address} (${devices.join(', ')})`;
}

function some<Value extends LogValue>(name: string, value: Value | null): readonly [string, Value][] {
  return value === null ? [] : [[name, value]];
}

function several(name: string, values: readonly string[]): readonly [string, readonly string[]][] {
  return values.length === 0 ? [] : [[name, values]];
}

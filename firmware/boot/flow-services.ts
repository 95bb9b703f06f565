import { contains, parseIpv4, parseIpv4Prefix } from '../netd/ipv4-prefix.ts';
import type { Settings } from '../store/settings-schema.ts';
import type { MetricsView } from '../webui/api/metrics-route.ts';
import { AlarmKeeper } from './alarm-keeper.ts';
import type { Configuration } from './configuration.ts';
import { DeviceSettings } from './device-settings.ts';
import { FlowExport } from './flow-export.ts';
import type { FlowKeeper } from './flow-keeper.ts';
import { metricsText } from './metrics.ts';
import type { PolicyKeeper } from './policy-keeper.ts';
import { PolicyLearning } from './policy-learning.ts';
import type { BootPorts } from './ports.ts';
import type { StatusBoard } from './status-board.ts';

type Parts = {
  readonly ports: Pick<
    BootPorts,
    'logTransport' | 'timestamp' | 'wait' | 'wallClock' | 'uptimeSeconds' | 'log'
  >;
  readonly board: StatusBoard;
  readonly flows: FlowKeeper;
  readonly policy: PolicyKeeper;
  readonly configuration: Configuration;
  /** Those in force. */
  readonly settings: () => Settings;
  readonly signal: AbortSignal;
};

/** Milliseconds between two looks for alarms. */
const alarmsEveryMs = 5_000;

/** What becomes of records of flows: they are sent, looked through for alarms, learned from and counted. */
export class FlowServices {
  readonly learning: PolicyLearning;
  readonly devices: DeviceSettings;
  readonly alarms: AlarmKeeper;
  readonly metrics: MetricsView;
  readonly #exporting: FlowExport;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    const { ports, board, flows, policy, configuration, settings, signal } = parts;
    this.#parts = parts;
    this.#exporting = new FlowExport({
      transport: ports.logTransport,
      since: (cursor, limit) => flows.since(cursor, limit),
      newest: () => flows.newest(),
      readCursor: (name) => flows.readCursor(name),
      writeCursor: (name, cursor) => flows.writeCursor(name, cursor),
      keepCursors: (names) => flows.keepCursors(names),
      source: () => {
        const { identity, image } = board.read();
        return { host: settings().hostname, hit: identity.hit, version: image.version };
      },
      timestamp: ports.timestamp,
      wait: ports.wait,
      log: (level, message) => ports.log(level, 'flows', message),
    });
    this.alarms = new AlarmKeeper({
      settings: () => settings().alarms,
      since: (cursor, limit) => flows.since(cursor, limit),
      newest: () => flows.newest(),
      meet: (pairs) => flows.meet(pairs),
      lostFlows: () => flows.lostFlows(),
      tunnels: () => board.read().tunnels,
      receivers: () => this.#exporting.status(),
      verdicts: () => policy.input()?.peers ?? [],
      tell: (record) => this.#exporting.tell(record),
      log: (level, message) => ports.log(level, 'alarms', message),
      wall: ports.wallClock,
      steady: () => ports.uptimeSeconds() * 1000,
      pause: () => ports.wait(0, signal),
    });
    this.learning = new PolicyLearning({
      query: (filter, options) => flows.query(filter, options),
      policy: () => policy.input(),
      rules: () => settings().policy.rules,
      now: ports.wallClock,
      configuration,
    });
    this.devices = new DeviceSettings({ configuration, devices: () => settings().policy.devices });
    this.metrics = {
      mayRead: ({ remoteAddress }) => mayReadMetrics(settings(), remoteAddress),
      text: async () =>
        metricsText({
          status: board.read(),
          policy: await policy.report(),
          flows: flows.status(),
          receivers: this.#exporting.status(),
          alarms: this.alarms.active(),
        }),
    };
  }

  /** Follows the settings, once the records are open. */
  apply({ flows }: Settings): Promise<void> {
    return this.#exporting.apply(flows.export);
  }

  /** Looks for alarms until the gateway closes. */
  async watch(): Promise<void> {
    const { ports, signal } = this.#parts;
    while (!signal.aborted) {
      await this.alarms.look();
      await ports.wait(alarmsEveryMs, signal);
    }
  }

  close(): Promise<void> {
    return this.#exporting.close();
  }
}

/**
 * Who is in the management network, if the settings serve metrics there. By the asker's address, since hosts of the LAN
 * can open connections to the management address too; answers to a forged one go out on the management side.
 */
export function mayReadMetrics(
  { metrics, network }: Pick<Settings, 'metrics' | 'network'>,
  remoteAddress: string,
): boolean {
  const asker = parseIpv4(remoteAddress.replace(/^::ffff:/i, ''));
  return (
    metrics.listen === 'management' &&
    asker !== null &&
    contains(parseIpv4Prefix(network.management.address), asker)
  );
}

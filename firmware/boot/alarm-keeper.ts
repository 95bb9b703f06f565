import {
  type Alarm,
  type AlarmChange,
  type AlarmDelays,
  type AlarmKind,
  type AlarmState,
  activeAlarms,
  alarmLogRecord,
  type Observation,
  observeAlarms,
} from '../flows/alarms.ts';
import { DeniedRates, senderName } from '../flows/denied-rates.ts';
import type { LogRecord } from '../flows/export/log-record.ts';
import type { FlowRecord } from '../flows/flow-record.ts';
import { limits as flowLimits } from '../flows/limits.ts';
import type { AttestationVerdict } from '../policy/policy.ts';
import type { AlarmsSettings } from '../store/alarms-schema.ts';
import type { StoreResult } from '../store/store-error.ts';

export type AlarmPorts = {
  readonly settings: () => AlarmsSettings;
  readonly since: (
    cursor: number,
    limit: number,
  ) => StoreResult<{ readonly flows: readonly FlowRecord[]; readonly cursor: number }>;
  readonly newest: () => StoreResult<number>;
  readonly meet: (
    pairs: readonly string[],
  ) => StoreResult<{ readonly fresh: readonly string[]; readonly since: number }>;
  /** Of all kinds together, since recording began. */
  readonly lostFlows: () => number;
  readonly tunnels: () => readonly {
    readonly peer: string;
    readonly connect: string;
    readonly establishedAt: string | null;
    readonly lastError: string | null;
  }[];
  readonly receivers: () => readonly { readonly name: string; readonly problem: string | null }[];
  /** What verifiers say of peers; without `attestation` there is nothing that counts now. */
  readonly verdicts: () => readonly {
    readonly name: string;
    readonly attestation?: AttestationVerdict | undefined;
  }[];
  readonly tell: (record: LogRecord) => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
  /** Milliseconds since 1970, and since the start. */
  readonly wall: () => number;
  readonly steady: () => number;
  readonly pause: () => Promise<void>;
};

const minute = 60_000;
const hour = 60 * minute;
/** Records looked through at one go. */
const page = 500;

/** Looks for what the settings want to be told of, each time that it is asked to. */
export class AlarmKeeper {
  readonly #ports: AlarmPorts;
  readonly #denied = new DeniedRates();
  #state: AlarmState = new Map();
  #history: readonly Alarm[] = [];
  /** Of the records; null before the first look, which is when alarms begin. */
  #cursor: number | null = null;
  #minuteEnds: number;
  #lost = 0;
  /** Peers that verifiers have affirmed since the start. */
  #affirmed: ReadonlySet<string> = new Set();

  constructor(ports: AlarmPorts) {
    this.#ports = ports;
    this.#minuteEnds = ports.steady() + minute;
  }

  /** Alarms that are not over, newest first. */
  active(): readonly Alarm[] {
    return activeAlarms(this.#state);
  }

  /** Alarms that are over, newest first. */
  over(): readonly Alarm[] {
    return this.#history;
  }

  async look(): Promise<void> {
    const { settings, steady, tunnels, receivers, verdicts } = this.#ports;
    const wanted = settings();
    const talkers = await this.#readFlows(wanted);
    this.#observe('new-talker', { raiseMs: 0, clearMs: hour }, talkers);
    if (steady() >= this.#minuteEnds) {
      this.#minuteEnds = steady() + minute;
      const minutes = this.#denied.take(wanted.deniedPerMinute || Number.POSITIVE_INFINITY);
      this.#observe('denied', { raiseMs: 0, clearMs: 2 * minute }, minutes);
    }
    this.#observe('flows-lost', { raiseMs: 0, clearMs: 10 * minute }, this.#losses(wanted));
    this.#observe('attestation', { raiseMs: 0, clearMs: 0 }, this.#badVerdicts(verdicts(), wanted));
    const tunnelDelays = { raiseMs: wanted.tunnelDownMinutes * minute, clearMs: minute };
    this.#observe('tunnel-down', tunnelDelays, wanted.tunnelDownMinutes === 0 ? [] : tunnelsDown(tunnels()));
    const receiverDelays = { raiseMs: wanted.receiverDownMinutes * minute, clearMs: minute };
    this.#observe(
      'receiver-down',
      receiverDelays,
      wanted.receiverDownMinutes === 0 ? [] : receiversDown(receivers()),
    );
  }

  async #readFlows(wanted: AlarmsSettings): Promise<readonly Observation[]> {
    const { since, newest, meet, pause, wall } = this.#ports;
    if (this.#cursor === null) {
      const start = newest();
      if (!start.ok) return [];
      this.#cursor = start.value;
    }
    const observations: Observation[] = [];
    for (;;) {
      const found = since(this.#cursor, page);
      if (!found.ok || found.value.flows.length === 0) return observations;
      this.#cursor = found.value.cursor;
      for (const flow of found.value.flows) this.#denied.add(flow);
      const pairs = new Map(found.value.flows.map(pairOf).filter((pair) => pair !== null));
      const met = meet([...pairs.keys()]);
      if (met.ok && wanted.newTalkers && wall() - met.value.since >= wanted.newTalkersAfterHours * hour)
        observations.push(...met.value.fresh.flatMap((pair) => pairs.get(pair) ?? []));
      await pause();
    }
  }

  #losses({ lostFlows }: AlarmsSettings): readonly Observation[] {
    const lost = this.#ports.lostFlows();
    const more = lost - this.#lost;
    this.#lost = lost;
    if (!lostFlows || more <= 0) return [];
    return [
      {
        ...{ subject: 'records', state: 'bad', reason: `${more} flows or denied packets were not recorded` },
        advice: 'See hithe flows --status: they come faster than this box can record, or its disk is full.',
      },
    ];
  }

  #badVerdicts(
    verdicts: ReturnType<AlarmPorts['verdicts']>,
    { failedVerdicts }: AlarmsSettings,
  ): readonly Observation[] {
    const affirmed = this.#affirmed;
    this.#affirmed = new Set(
      verdicts.flatMap(({ name, attestation }) =>
        attestation === 'passed' || affirmed.has(name) ? [name] : [],
      ),
    );
    if (!failedVerdicts) return [];
    return verdicts.flatMap(({ name: subject, attestation }): Observation[] => {
      if (attestation === 'failed') {
        const reason = `A verifier says that ${subject} is not as it should be`;
        const advice =
          'See what differs with hithe attest appraise; rules that ask for passed do not match it.';
        return [{ subject, state: 'bad', reason, advice }];
      }
      if (attestation === 'passed' || !affirmed.has(subject)) return [];
      const reason = `What verifiers said of ${subject} has lapsed`;
      const advice = 'Have it appraised again and put the new token into policy.verdicts.';
      return [{ subject, state: 'bad', reason, advice }];
    });
  }

  #observe(kind: AlarmKind, delays: AlarmDelays, observations: readonly Observation[]): void {
    const { wall, steady } = this.#ports;
    const time = { wall: wall(), steady: steady() };
    const { state, changes } = observeAlarms(this.#state, { kind, delays, observations }, time);
    this.#state = state;
    for (const change of changes) this.#announce(change);
  }

  #announce(change: AlarmChange): void {
    const { alarm } = change;
    if (change.change === 'cleared') this.#history = [alarm, ...this.#history].slice(0, flowLimits.alarms);
    const level = change.change === 'raised' ? 'warning' : 'info';
    this.#ports.log(level, `Alarm ${alarm.kind} ${change.change}: ${alarm.reason}`);
    this.#ports.tell(alarmLogRecord(change));
  }
}

/** The name of a pair that a rule let speak, and what is new about it. To and from the internet everybody is new. */
function pairOf({
  from,
  to,
  verdict,
  direction,
  protocol,
  port,
}: FlowRecord): readonly [string, Observation] | null {
  if (verdict !== 'allow' || direction === 'internet') return null;
  const [one, other] = [senderName(from), senderName(to)];
  const subject = `${one} > ${other}`;
  const service = protocol === 'tcp' || protocol === 'udp' ? `${protocol} ${port}` : protocol;
  return [
    JSON.stringify([one, other]),
    {
      ...{ subject, state: 'bad', reason: `${one} spoke with ${other} (${service}) for the first time` },
      advice: 'If this is not wanted, add a rule that denies it, or narrow the one that allows it.',
    },
  ];
}

function tunnelsDown(tunnels: ReturnType<AlarmPorts['tunnels']>): readonly Observation[] {
  return tunnels
    .filter(({ connect }) => connect === 'always')
    .map(
      ({ peer, establishedAt, lastError }): Observation => ({
        subject: peer,
        state: establishedAt === null ? 'bad' : 'good',
        reason: `The tunnel to ${peer} is down${lastError === null ? '' : `: ${lastError}`}`,
        advice: 'See hithe tunnel list, and whether the peer has power and its uplink works.',
      }),
    );
}

function receiversDown(receivers: ReturnType<AlarmPorts['receivers']>): readonly Observation[] {
  return receivers.map(
    ({ name, problem }): Observation => ({
      subject: name,
      state: problem === null ? 'good' : 'bad',
      reason: `The receiver ${name} takes no records: ${problem ?? ''}`,
      advice: 'Check its address, certificate and token in flows.export, and whether it runs.',
    }),
  );
}

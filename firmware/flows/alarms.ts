import type { LogRecord } from './export/log-record.ts';
import { limits } from './limits.ts';

/**
 * - `denied`: more of a device's packets are denied than the settings have it.
 * - `tunnel-down`: a tunnel that is always wanted has been down for too long.
 * - `flows-lost`: flows are not recorded, since they come too fast or cannot be written.
 * - `receiver-down`: a receiver of flows has not taken any for too long.
 * - `attestation`: a verifier says that a peer is not as it should be, or has not said for too long that it is.
 * - `new-talker`: two ends spoke with one another that never did before.
 */
export const alarmKinds = [
  'denied',
  'tunnel-down',
  'flows-lost',
  'receiver-down',
  'attestation',
  'new-talker',
] as const;
export type AlarmKind = (typeof alarmKinds)[number];

/** How it is with a subject: `between` is no reason to raise an alarm, and none to clear it. */
export type Observation = {
  readonly subject: string;
  readonly state: 'bad' | 'between' | 'good';
  readonly reason: string;
  readonly advice: string;
};

export type Alarm = {
  readonly kind: AlarmKind;
  readonly subject: string;
  readonly reason: string;
  readonly advice: string;
  /** Milliseconds since 1970. */
  readonly raisedAt: number;
  readonly clearedAt: number | null;
};

/** Milliseconds that it must be bad before an alarm, and good before its end. */
export type AlarmDelays = { readonly raiseMs: number; readonly clearMs: number };

/** The clock for people, which may jump, and seconds since the start, which do not; both in milliseconds. */
export type AlarmTime = { readonly wall: number; readonly steady: number };

type Watched =
  | { readonly state: 'suspected'; readonly since: number }
  | { readonly state: 'raised'; readonly alarm: Alarm }
  | { readonly state: 'calming'; readonly alarm: Alarm; readonly since: number };

/** By kind and subject; what is not there is well. */
export type AlarmState = ReadonlyMap<string, Watched>;
export type AlarmChange = { readonly change: 'raised' | 'cleared'; readonly alarm: Alarm };

/**
 * Follows all subjects of one kind: those that are not observed are good. More subjects than `limits.alarms` are not
 * looked after, of all kinds together.
 */
export function observeAlarms(
  before: AlarmState,
  {
    kind,
    delays,
    observations,
  }: {
    readonly kind: AlarmKind;
    readonly delays: AlarmDelays;
    readonly observations: readonly Observation[];
  },
  now: AlarmTime,
): { readonly state: AlarmState; readonly changes: readonly AlarmChange[] } {
  const state = new Map(before);
  const changes: AlarmChange[] = [];
  const observed = new Map(
    observations.map((observation) => [`${kind} ${observation.subject}`, observation]),
  );
  const known = [...before.keys()].filter((key) => key.startsWith(`${kind} `));
  for (const key of new Set([...known, ...observed.keys()])) {
    const watched = before.get(key);
    if (watched === undefined && state.size >= limits.alarms) continue;
    const next = follow(watched, { kind, delays, observation: observed.get(key) }, now);
    if (next.watched === null) state.delete(key);
    else state.set(key, next.watched);
    if (next.change !== null) changes.push(next.change);
  }
  return { state, changes };
}

/** Alarms that were raised and not cleared, newest first. */
export function activeAlarms(state: AlarmState): readonly Alarm[] {
  return [...state.values()]
    .flatMap((watched) => (watched.state === 'suspected' ? [] : [watched.alarm]))
    .toSorted((one, other) => other.raisedAt - one.raisedAt);
}

/** An alarm as receivers of logs are told of it. */
export function alarmLogRecord({ change, alarm }: AlarmChange): LogRecord {
  const { kind, subject, reason, advice, raisedAt, clearedAt } = alarm;
  const time = clearedAt ?? raisedAt;
  return {
    ...{ kind: 'alarm', time, observed: time },
    severity: change === 'raised' ? 'warning' : 'notice',
    text: change === 'raised' ? `${reason}. ${advice}` : `Over: ${reason}.`,
    attributes: [
      ['alarm.kind', kind],
      ['alarm.subject', subject],
      ['alarm.change', change],
      ['alarm.raised', raisedAt],
      ...(clearedAt === null ? [] : ([['alarm.cleared', clearedAt]] as const)),
      ['alarm.reason', reason],
    ],
  };
}

function follow(
  watched: Watched | undefined,
  {
    kind,
    delays,
    observation,
  }: {
    readonly kind: AlarmKind;
    readonly delays: AlarmDelays;
    readonly observation: Observation | undefined;
  },
  { wall, steady }: AlarmTime,
): { readonly watched: Watched | null; readonly change: AlarmChange | null } {
  const seen = observation?.state ?? 'good';
  if (watched === undefined || watched.state === 'suspected') {
    if (observation === undefined || seen !== 'bad') return { watched: null, change: null };
    const since = watched?.since ?? steady;
    if (steady - since < delays.raiseMs) return { watched: { state: 'suspected', since }, change: null };
    const { subject, reason, advice } = observation;
    const alarm = { kind, subject, reason, advice, raisedAt: wall, clearedAt: null };
    return { watched: { state: 'raised', alarm }, change: { change: 'raised', alarm } };
  }
  const { alarm } = watched;
  if (seen !== 'good') return { watched: { state: 'raised', alarm }, change: null };
  const since = watched.state === 'calming' ? watched.since : steady;
  if (steady - since < delays.clearMs) return { watched: { state: 'calming', alarm, since }, change: null };
  return { watched: null, change: { change: 'cleared', alarm: { ...alarm, clearedAt: wall } } };
}

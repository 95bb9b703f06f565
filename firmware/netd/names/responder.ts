import { limits } from '../limits.ts';
import {
  type DnsMessage,
  internet,
  type Question,
  type ResourceRecord,
  readMessage,
  recordTypes,
  writeMessage,
  writeName,
} from './dns-message.ts';

/** Times of RFC 6762, in milliseconds: § 8.1 between probes, § 8.3 between announcements, § 6 between the same answers. */
const times = { probe: 250, beaten: 1000, announce: 1000, repeat: 1000, afterConflicts: 5000 } as const;
const probes = 3;
const announcements = 2;
/** Seconds: § 10 for host names; § 6.7 for who asks as plain DNS does. */
const ttl = { usual: 120, legacy: 10 } as const;
const mdnsPort = 5353;

/** Where a message is from, or goes to; null: everybody on the link. */
export type Asker = { readonly address: string; readonly port: number };
export type Sent = { readonly octets: Uint8Array; readonly to: Asker | null };

/** What a link is told of: names without `.local`, and the octets of the addresses that the box has there. */
export interface OwnNames {
  readonly names: readonly string[];
  readonly addresses: readonly Uint8Array[];
  /** Those that it has on other links: where two are one network, the box is no other box. */
  readonly elsewhere: readonly Uint8Array[];
}

type Phase =
  | { readonly kind: 'probing'; readonly sent: number }
  | { readonly kind: 'announcing'; readonly sent: number }
  | { readonly kind: 'known' }
  /** There are as many of this name as there may be. */
  | { readonly kind: 'given-up' };

interface HeldName {
  /** As it was asked for. */
  readonly wanted: string;
  /** 1, or the number that it got after conflicts. */
  readonly number: number;
  readonly conflicts: number;
  readonly phase: Phase;
  /** When something is due; null where nothing is. */
  readonly dueAt: number | null;
  /** When its records were last told to everybody. */
  readonly toldAt: number;
}

/** A link's names (RFC 6762); data, which `transition` alone makes anew. */
export interface ResponderState {
  readonly own: OwnNames;
  readonly held: readonly HeldName[];
  /** Answers to single askers that may still be sent, and when that was counted. */
  readonly answers: { readonly left: number; readonly at: number };
}

export type ResponderInput =
  /** `delay`: milliseconds, 0 to 250, chosen at random: boxes that start together do not probe together (§ 8.1). */
  | { readonly kind: 'own'; readonly own: OwnNames; readonly delay: number }
  | { readonly kind: 'message'; readonly octets: Uint8Array; readonly from: Asker }
  | { readonly kind: 'time' }
  | { readonly kind: 'stop' };

export interface ResponderStep {
  readonly state: ResponderState;
  readonly send: readonly Sent[];
}

export const initialResponder: ResponderState = {
  own: { names: [], addresses: [], elsewhere: [] },
  held: [],
  answers: { left: limits.nameAnswers, at: 0 },
};

/** The names of this link that are the box's now. */
export function namesOf({ held }: ResponderState): string[] {
  return held.filter(({ phase }) => isOurs(phase)).map(fullName);
}

/** When `time` is to be said; null: never. */
export function dueAt({ held }: ResponderState): number | null {
  const times = held.flatMap((name) => (name.dueAt === null ? [] : [name.dueAt]));
  return times.length === 0 ? null : Math.min(...times);
}

/** @param now milliseconds of a clock that only goes on */
export function transition(state: ResponderState, input: ResponderInput, now: number): ResponderStep {
  switch (input.kind) {
    case 'own':
      return become(state, input.own, now + input.delay, now);
    case 'message': {
      const message = readMessage(input.octets);
      if (message === null || state.own.addresses.length === 0) return { state, send: [] };
      return message.isResponse
        ? hear(state, message, input.from, now)
        : answer(state, message, input.from, now);
    }
    case 'time':
      return proceed(state, now);
    case 'stop':
      return { state: initialResponder, send: farewell(state, state.held) };
  }
}

const isOurs = ({ kind }: Phase) => kind === 'announcing' || kind === 'known';

function fullName({ wanted, number }: HeldName): string {
  const end = number === 1 ? '' : `-${number}`;
  return `${wanted.slice(0, 63 - end.length)}${end}.local`;
}

/** Other names are probed for, other addresses of a name that is ours are announced (§ 8.4). */
function become(state: ResponderState, own: OwnNames, at: number, now: number): ResponderStep {
  const names = [...new Set(own.names.map((name) => name.toLowerCase()))];
  const gone = state.held.filter(({ wanted }) => !names.includes(wanted) || own.addresses.length === 0);
  const isSame = sameAddresses(state.own.addresses, own.addresses);
  const held = own.addresses.length === 0 ? [] : names.map((wanted) => keep(state, wanted, isSame, at, now));
  return { state: { ...state, own, held }, send: farewell(state, gone) };
}

function keep(state: ResponderState, wanted: string, isSame: boolean, at: number, now: number): HeldName {
  const before = state.held.find((name) => name.wanted === wanted);
  if (before === undefined) return probing({ wanted, number: 1, conflicts: 0 }, at);
  if (isSame || !isOurs(before.phase)) return before;
  return { ...before, phase: { kind: 'announcing', sent: 0 }, dueAt: now };
}

const probing = (name: Pick<HeldName, 'wanted' | 'number' | 'conflicts'>, at: number): HeldName => ({
  ...name,
  ...{ phase: { kind: 'probing', sent: 0 }, dueAt: at, toldAt: Number.NEGATIVE_INFINITY },
});

function proceed(state: ResponderState, now: number): ResponderStep {
  const send: Sent[] = [];
  const held = state.held.map((name): HeldName => {
    if (name.dueAt === null || name.dueAt > now) return name;
    const { phase } = name;
    if (phase.kind === 'probing' && phase.sent < probes) {
      send.push(toAll(probeOf(state.own, name)));
      return { ...name, phase: { kind: 'probing', sent: phase.sent + 1 }, dueAt: now + times.probe };
    }
    if (phase.kind === 'probing' || phase.kind === 'announcing') return announce(name);
    return { ...name, dueAt: null };
  });
  function announce(name: HeldName): HeldName {
    const sent = name.phase.kind === 'announcing' ? name.phase.sent + 1 : 1;
    send.push(toAll(response(recordsOf(state.own, name, ttl.usual))));
    return sent < announcements
      ? { ...name, phase: { kind: 'announcing', sent }, dueAt: now + times.announce, toldAt: now }
      : { ...name, phase: { kind: 'known' }, dueAt: null, toldAt: now };
  }
  return { state: { ...state, held }, send };
}

/** Somebody else's answer: whether it says something else of our names (§ 9), or takes back what we said (§ 6.6). */
function hear(state: ResponderState, message: DnsMessage, { port }: Asker, now: number): ResponderStep {
  // § 11: an answer comes from the port; what does not is made up.
  if (port !== mdnsPort) return { state, send: [] };
  const records = [...message.answers, ...message.additional];
  const held = state.held.map((name): HeldName => {
    const said = records.filter(
      ({ name: other, class: kind, type }) =>
        other === fullName(name) && kind === internet && isAddress(type),
    );
    if (said.length === 0 || name.phase.kind === 'given-up') return name;
    const isOneOf = (addresses: readonly Uint8Array[], { data }: ResourceRecord) =>
      addresses.some((address) => sameOctets(address, data));
    const isOwn = (record: ResourceRecord) => isOneOf(state.own.addresses, record);
    // What is taken back was not claimed: only what is said with a time to live is.
    const isClaimed = (record: ResourceRecord) =>
      record.ttl > 0 && !isOwn(record) && !isOneOf(state.own.elsewhere, record);
    if (said.some(isClaimed)) return conflict(name, now);
    if (isOurs(name.phase) && said.some((record) => isOwn(record) && record.ttl < ttl.usual / 2))
      return {
        ...name,
        phase: { kind: 'announcing', sent: announcements - 1 },
        dueAt: Math.max(now, name.toldAt + times.repeat),
      };
    return name;
  });
  return { state: { ...state, held }, send: [] };
}

/** A name that is ours is probed for again: whoever has it still says so. One that is probed for gives way (§ 8.1, § 9). */
function conflict(name: HeldName, now: number): HeldName {
  if (isOurs(name.phase)) return probing({ ...name, conflicts: name.conflicts + 1 }, now);
  if (name.number >= limits.namesOfAKind) return { ...name, phase: { kind: 'given-up' }, dueAt: null };
  const conflicts = name.conflicts + 1;
  const wait = conflicts > limits.nameConflicts ? times.afterConflicts : 0;
  return probing({ wanted: name.wanted, number: name.number + 1, conflicts }, now + wait);
}

function answer(state: ResponderState, message: DnsMessage, from: Asker, now: number): ResponderStep {
  const { authorities, answers: known } = message;
  const send: Sent[] = [];
  let answers = refilled(state.answers, now);
  const isLegacy = from.port !== mdnsPort;
  const held = state.held.map((name): HeldName => {
    const asked = message.questions.filter((question) => isAsked(question, name));
    if (asked.length === 0) return name;
    if (!isOurs(name.phase)) return tieBreak(state, name, authorities, now);
    const records = asked.flatMap((question) => answersTo(state.own, name, question));
    const wanted = unique(records).filter(
      (record) => isLegacy || !known.some((other) => isKnown(other, record)),
    );
    if (wanted.length === 0) return name;
    const isProbe = authorities.some((record) => record.name === fullName(name));
    const since = now - name.toldAt;
    // § 5.4: who asks for an answer of its own gets one, unless everybody has not heard it for long.
    const toOne = isLegacy || (asked.every(({ unicast }) => unicast) && since < (ttl.usual * 1000) / 4);
    if (toOne) {
      if (answers.left < 1) return name;
      answers = { ...answers, left: answers.left - 1 };
      send.push({ octets: isLegacy ? legacy(message, asked, wanted) : response(wanted), to: from });
      return name;
    }
    // § 6: everybody has just heard it; a probe is answered all the same, at most four times a second.
    if (since < (isProbe ? times.probe : times.repeat)) return name;
    send.push(toAll(response(wanted)));
    return { ...name, toldAt: now };
  });
  return { state: { ...state, held, answers }, send };
}

const isAddress = (type: number) => type === recordTypes.a || type === recordTypes.aaaa;

function isAsked({ name: asked, type, class: kind }: Question, name: HeldName): boolean {
  const isClass = kind === internet || kind === recordTypes.any;
  return isClass && asked === fullName(name) && (isAddress(type) || type === recordTypes.any);
}

/** § 8.2: of two that probe at once the one with the greater records wins, the other waits and looks again. */
function tieBreak(
  state: ResponderState,
  name: HeldName,
  authorities: readonly ResourceRecord[],
  now: number,
): HeldName {
  const theirs = authorities.filter((record) => record.name === fullName(name) && isAddress(record.type));
  if (name.phase.kind !== 'probing' || theirs.length === 0) return name;
  const ours = recordsOf(state.own, name, ttl.usual);
  if (compareRecords(ours, theirs) >= 0) return name;
  return { ...name, phase: { kind: 'probing', sent: 0 }, dueAt: now + times.beaten };
}

function compareRecords(left: readonly ResourceRecord[], right: readonly ResourceRecord[]): number {
  const sorted = (records: readonly ResourceRecord[]) =>
    records.map(({ class: kind, type, data }) => [kind, type, ...data]).toSorted(compareNumbers);
  const [ours, theirs] = [sorted(left), sorted(right)];
  for (let index = 0; index < Math.min(ours.length, theirs.length); index++) {
    const order = compareNumbers(ours[index] ?? [], theirs[index] ?? []);
    if (order !== 0) return order;
  }
  return ours.length - theirs.length;
}

function compareNumbers(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = (left[index] ?? 0) - (right[index] ?? 0);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** The address records of a name, with its cache-flush bit (§ 10.2). */
function recordsOf(own: OwnNames, name: HeldName, seconds: number): ResourceRecord[] {
  return own.addresses.map((data) => ({
    ...{ name: fullName(name), class: internet, isOnly: true, ttl: seconds, data },
    type: data.length === 4 ? recordTypes.a : recordTypes.aaaa,
  }));
}

/** What is asked for, or that there is none of it (§ 6.1): then nobody waits for what does not come. */
function answersTo(own: OwnNames, name: HeldName, { type }: Question): ResourceRecord[] {
  const all = recordsOf(own, name, ttl.usual);
  const fitting = all.filter((record) => type === recordTypes.any || record.type === type);
  return fitting.length > 0 ? fitting : [nothingElse(own, name)];
}

/** An NSEC record with the types that there are; its bitmap is that of the first 256 types (RFC 4034 § 4.1.2). */
function nothingElse(own: OwnNames, name: HeldName): ResourceRecord {
  const has = (length: number) => own.addresses.some((address) => address.length === length);
  const bitmap = [has(4) ? 0x40 : 0, ...(has(16) ? [0, 0, 0x08] : [])];
  const data = Uint8Array.of(...writeName(fullName(name)), 0, bitmap.length, ...bitmap);
  return {
    name: fullName(name),
    type: recordTypes.nsec,
    class: internet,
    isOnly: true,
    ttl: ttl.usual,
    data,
  };
}

/** § 7.1: who asks knows it already, for at least half of its time. */
function isKnown(known: ResourceRecord, ours: ResourceRecord): boolean {
  const isSame = known.name === ours.name && known.type === ours.type && sameOctets(known.data, ours.data);
  return isSame && known.ttl >= ours.ttl / 2;
}

const response = (answers: readonly ResourceRecord[]): Uint8Array =>
  writeMessage({ id: 0, isResponse: true, questions: [], answers, authorities: [], additional: [] });

/** § 6.7: as a plain resolver expects it, with its question and its number, and not to be kept long. */
function legacy(
  { id }: DnsMessage,
  asked: readonly Question[],
  records: readonly ResourceRecord[],
): Uint8Array {
  const questions = asked.map((question) => ({ ...question, unicast: false }));
  const answers = records.map((record) => ({ ...record, isOnly: false, ttl: ttl.legacy }));
  return writeMessage({ id, isResponse: true, questions, answers, authorities: [], additional: [] });
}

function probeOf(own: OwnNames, name: HeldName): Uint8Array {
  const question = { name: fullName(name), type: recordTypes.any, class: internet, unicast: true };
  const authorities = recordsOf(own, name, ttl.usual).map((record) => ({ ...record, isOnly: false }));
  return writeMessage({
    ...{ id: 0, isResponse: false, questions: [question], answers: [], authorities, additional: [] },
  });
}

/** § 10.1: what was said holds no longer. */
function farewell({ own }: ResponderState, names: readonly HeldName[]): Sent[] {
  return names.filter(({ phase }) => isOurs(phase)).map((name) => toAll(response(recordsOf(own, name, 0))));
}

const toAll = (octets: Uint8Array): Sent => ({ octets, to: null });

function refilled({ left, at }: ResponderState['answers'], now: number): ResponderState['answers'] {
  const more = ((now - at) / 1000) * limits.nameAnswers;
  return { left: Math.min(limits.nameAnswers, left + Math.max(0, more)), at: now };
}

function unique(records: readonly ResourceRecord[]): ResourceRecord[] {
  return records.filter(
    (record, index) =>
      records.findIndex((other) => other.type === record.type && sameOctets(other.data, record.data)) ===
      index,
  );
}

const sameOctets = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((octet, index) => octet === right[index]);

const sameAddresses = (left: readonly Uint8Array[], right: readonly Uint8Array[]): boolean =>
  left.length === right.length &&
  left.every((one, index) => sameOctets(one, right[index] ?? new Uint8Array()));

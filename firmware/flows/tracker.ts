import { flowMarks } from '../policy/flow-marks.ts';
import { Attribution, type Ends, type KnownPolicy } from './attribution.ts';
import type { Connection } from './conntrack-messages.ts';
import type { LoggedPacket } from './denied-packets.ts';
import type { FlowCount, FlowReason, FlowRecord } from './flow-record.ts';
import { limits } from './limits.ts';

/** Milliseconds over which denied packets of one kind are one record. */
export const deniedWindowMs = 15_000;
/** A connection that lasts is recorded at least so often. */
export const pieceMs = 900_000;

/** What was not recorded, since the tracker was made. */
export type TrackerLosses = {
  /** Denied packets, more kinds of which were under way than are counted. */
  readonly denied: number;
  /** Records, more of which waited to be written than may. */
  readonly records: number;
};

type Denied = { record: FlowRecord; packets: number; bytes: number };
/** What has been recorded of a connection that lasts. */
type Piece = {
  readonly at: number;
  readonly sent: FlowCount;
  readonly received: FlowCount;
  readonly sweep: number;
};

/**
 * Turns what the kernel tells of connections and of denied packets into records. Times are milliseconds since 1970.
 * Connections are heard of when they end, with their counts; between, a sweep over those that live makes pieces of the
 * ones that last. Their ends are told by the policy that was in force when they began, their rule by the mark, which
 * holds the last one that let them through.
 */
export class FlowTracker {
  /** Newest first. */
  readonly #policies: Attribution[] = [];
  readonly #denied = new Map<string, Denied>();
  readonly #pieces = new Map<string, Piece>();
  #waiting: FlowRecord[] = [];
  #sweep = 0;
  #lost = { denied: 0, records: 0 };

  get lost(): TrackerLosses {
    return { ...this.#lost };
  }

  /** What of the tracker's own memory is in use. */
  get held(): { readonly deniedKinds: number; readonly pieces: number; readonly waiting: number } {
    return { deniedKinds: this.#denied.size, pieces: this.#pieces.size, waiting: this.#waiting.length };
  }

  /** A policy came in force. */
  setPolicy(known: KnownPolicy): void {
    this.#policies.unshift(new Attribution(known));
    this.#policies.length = Math.min(this.#policies.length, limits.policies);
  }

  /** A connection has ended. */
  ended(connection: Connection, now: number): void {
    const key = keyOf(connection);
    const piece = this.#pieces.get(key);
    this.#pieces.delete(key);
    const end = connection.end ?? now;
    const record = this.#recordOf(connection, piece, end);
    if (record !== null) this.#give(record);
  }

  /** What is to be said of a connection that lives, as a whole; null where it is not recorded. */
  living(connection: Connection, now: number): FlowRecord | null {
    const record = this.#recordOf(connection, undefined, now);
    return record === null ? null : { ...record, end: null };
  }

  /** Begins a look at all connections that live, each of which is given to `passed`. */
  beginSweep(): void {
    this.#sweep++;
  }

  passed(connection: Connection, now: number): void {
    const key = keyOf(connection);
    const piece = this.#pieces.get(key);
    const began = piece?.at ?? connection.start;
    if (began === null) return;
    if (piece !== undefined) this.#pieces.set(key, { ...piece, sweep: this.#sweep });
    const grown =
      less(connection.sent, piece?.sent).packets + less(connection.received, piece?.received).packets;
    if (now - began < pieceMs || grown === 0) return;
    // Without a place to note it in, it is recorded as a whole when it ends.
    if (piece === undefined && this.#pieces.size >= limits.pieces) return;
    const record = this.#recordOf(connection, piece, now);
    if (record === null) return;
    this.#give(record);
    const { sent, received } = connection;
    this.#pieces.set(key, { at: now, sent, received, sweep: this.#sweep });
  }

  /** All have passed: those that have not are gone, and their end was not heard. */
  endSweep(): void {
    for (const [key, { sweep }] of this.#pieces) if (sweep !== this.#sweep) this.#pieces.delete(key);
  }

  /** The policy has logged a packet. What staged rules say is part of every record, so theirs make none. */
  logged(packet: LoggedPacket, now: number): void {
    if (packet.reason === 'staged') return;
    const { from, to, protocol, port, mark, octets } = packet;
    const reason: FlowReason = packet.established ? 'replaced' : packet.reason;
    const key = `${from} ${to} ${protocol} ${port} ${reason} ${mark}`;
    const known = this.#denied.get(key);
    if (known !== undefined) {
      known.record = { ...known.record, end: now };
      known.packets++;
      known.bytes += octets;
      return;
    }
    if (this.#denied.size >= limits.deniedKinds) {
      this.#lost.denied++;
      return;
    }
    const described = this.#describe({ from, to, protocol, port }, now);
    if (described === null) return;
    const { isOwn: _, ...ends } = described;
    const rule = this.#ruleOf(mark)?.id ?? null;
    const record: FlowRecord = {
      ...{ start: now, end: now, ...ends, verdict: 'deny', rule, reason },
      ...{ sent: { packets: 0, bytes: 0 }, received: { packets: 0, bytes: 0 } },
    };
    this.#denied.set(key, { record, packets: 1, bytes: octets });
  }

  /** The records that are complete by now. `all`: also of denied packets of which more may come. */
  take(now: number, all = false): readonly FlowRecord[] {
    for (const [key, { record, packets, bytes }] of this.#denied) {
      // A clock that was set back is no reason to wait.
      if (!all && Math.abs(now - record.start) < deniedWindowMs) continue;
      this.#denied.delete(key);
      this.#give({ ...record, sent: { packets, bytes } });
    }
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  #give(record: FlowRecord): void {
    if (this.#waiting.length >= limits.waiting) this.#lost.records++;
    else this.#waiting.push(record);
  }

  #recordOf(connection: Connection, piece: Piece | undefined, end: number): FlowRecord | null {
    const began = connection.start ?? end;
    const described = this.#describe(connection, began);
    if (described === null) return null;
    const { isOwn, ...ends } = described;
    return {
      ...{ start: piece?.at ?? began, end, ...ends },
      ...this.#verdictOf(connection.mark, isOwn || ends.direction === 'internet'),
      sent: less(connection.sent, piece?.sent),
      received: less(connection.received, piece?.received),
    };
  }

  #describe(ends: Ends, began: number): ReturnType<Attribution['describe']> | null {
    if (isOfNoHost(ends.from) || isOfNoHost(ends.to)) return null;
    const by = this.#policies.find(({ since }) => since <= began) ?? this.#policies.at(-1);
    return by?.describe(ends) ?? null;
  }

  /** Numbers stay those of their rules, so the newest policy knows the most of them. */
  #ruleOf(mark: number) {
    return this.#policies[0]?.ruleOf(mark);
  }

  /** A connection without a mark that the policy is asked about had one, and lost it to a policy that denies it. */
  #verdictOf(mark: number, isFirewalls: boolean): Pick<FlowRecord, 'verdict' | 'rule' | 'reason'> {
    const rule = this.#ruleOf(mark);
    if (rule !== undefined)
      return { verdict: 'allow', rule: rule.id, reason: rule.observes ? 'observed' : 'rule' };
    // A number that is not known any more, since too many rules had come and gone.
    if ((mark & flowMarks.ruleMask) !== 0) return { verdict: 'allow', rule: null, reason: 'rule' };
    if (isFirewalls) return { verdict: 'allow', rule: null, reason: 'firewall' };
    return { verdict: 'deny', rule: null, reason: 'replaced' };
  }
}

function keyOf({ id, start }: Connection): string {
  return `${id} ${start}`;
}

function less(count: FlowCount, before: FlowCount = { packets: 0, bytes: 0 }): FlowCount {
  return {
    packets: Math.max(0, count.packets - before.packets),
    bytes: Math.max(0, count.bytes - before.bytes),
  };
}

/** The box with itself, hosts that have no address yet, and what is for all on a link. */
function isOfNoHost(address: string): boolean {
  return /^(127\.|0\.0\.0\.0$|22[4-9]\.|23\d\.|255\.255\.255\.255$|::1?$|fe[89ab]|ff)/.test(address);
}

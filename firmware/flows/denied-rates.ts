import type { Observation } from './alarms.ts';
import type { FlowEnd, FlowRecord } from './flow-record.ts';
import { limits } from './limits.ts';

/** Who is meant where more senders are denied than are counted one by one: addresses are easily made up. */
const others = 'others';

/** Counts denied packets by who sent them, a minute at a time. */
export class DeniedRates {
  readonly #packets = new Map<string, number>();

  add({ from, verdict, sent }: FlowRecord): void {
    if (verdict !== 'deny') return;
    const name = senderName(from);
    const who = this.#packets.has(name) || this.#packets.size < limits.deniedSenders ? name : others;
    this.#packets.set(who, (this.#packets.get(who) ?? 0) + sent.packets);
  }

  /** What the minute was like, which is over; from half of the threshold on it is not well. */
  take(threshold: number): readonly Observation[] {
    const observations = [...this.#packets].map(
      ([subject, packets]): Observation => ({
        subject,
        state: packets >= threshold ? 'bad' : packets * 2 >= threshold ? 'between' : 'good',
        reason: `${packets} packets of ${subject} were denied in a minute`,
        advice: `See what it wants with hithe flows --from ${JSON.stringify(subject)} --verdict deny.`,
      }),
    );
    this.#packets.clear();
    return observations;
  }
}

/** A device by its name, anything else by its address. */
export function senderName({ devices, address }: FlowEnd): string {
  return devices[0] ?? address;
}

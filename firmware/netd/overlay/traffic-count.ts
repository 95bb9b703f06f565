import type { EspCounters } from './esp-listing.ts';

/** What the kernel tells of one peer, read from time to time. */
export type PeerReading = {
  readonly associations: readonly EspCounters[];
  /** Packets with a source that is not the peer's, since the reading before. */
  readonly wrongSource: number;
  readonly pathMtu: number | null;
};

/** What one peer's security associations carried and dropped since the overlay knows the peer. Octets before ESP. */
export type TrafficTotals = {
  sentBytes: number;
  sentPackets: number;
  receivedBytes: number;
  receivedPackets: number;
  /** ESP of the peer's that was older than the replay window, had come before, or was not authentic. */
  tooOld: number;
  replayed: number;
  forged: number;
};

/** Adds up counters that start over with every security association. */
export class TrafficCount {
  readonly totals: TrafficTotals = {
    ...{ sentBytes: 0, sentPackets: 0, receivedBytes: 0, receivedPackets: 0 },
    ...{ tooOld: 0, replayed: 0, forged: 0 },
  };
  #last: ReadonlyMap<string, EspCounters> = new Map();

  /**
   * Takes a new reading of the peer's security associations. Returns whether there was traffic in either direction since
   * the one before.
   */
  add(
    reading: readonly EspCounters[],
    isInbound: (counters: EspCounters) => boolean,
  ): { readonly sent: boolean; readonly received: boolean } {
    const before = { ...this.totals };
    const last = new Map<string, EspCounters>();
    for (const counters of reading) {
      const key = `${counters.destination} ${counters.spi}`;
      last.set(key, counters);
      this.#add(counters, this.#last.get(key), isInbound(counters));
    }
    this.#last = last;
    return {
      sent: this.totals.sentPackets > before.sentPackets,
      received: this.totals.receivedPackets > before.receivedPackets,
    };
  }

  #add(now: EspCounters, before: EspCounters | undefined, inbound: boolean): void {
    // A counter that went back is another security association's.
    const known = before !== undefined && before.packets <= now.packets ? before : undefined;
    const grown = (field: 'bytes' | 'packets' | 'tooOld' | 'replayed' | 'forged') =>
      Math.max(0, now[field] - (known?.[field] ?? 0));
    if (inbound) {
      this.totals.receivedBytes += grown('bytes');
      this.totals.receivedPackets += grown('packets');
      this.totals.tooOld += grown('tooOld');
      this.totals.replayed += grown('replayed');
      this.totals.forged += grown('forged');
    } else {
      this.totals.sentBytes += grown('bytes');
      this.totals.sentPackets += grown('packets');
    }
  }
}

import type { Datagram } from './datagram.ts';
import type { SeededRandom } from './random.ts';
import type { LinkConditions } from './scenario.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A machine with a link to the underlay. */
export type Attachment = {
  readonly name: string;
  receive(datagram: Datagram): void;
};

/** Shorter than a packet can be delayed by any path between two continents. */
const leastLatencyMs = 0.1;

/** The network between gateways and NATs: a link each, and between the links a core that loses nothing. */
export class Underlay {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #links = new Map<string, LinkConditions>();
  readonly #owners = new Map<string, Attachment>();
  readonly #hijacked = new Map<string, Attachment>();
  readonly #partitions = new Set<ReadonlySet<string>>();
  readonly #taps: ((datagram: Datagram) => void)[] = [];
  datagrams = 0;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
  }

  setLink(name: string, conditions: LinkConditions): void {
    this.#links.set(name, conditions);
  }

  /** Gives an attachment exactly these addresses. */
  setAddresses(attachment: Attachment, addresses: readonly string[]): void {
    for (const [address, owner] of this.#owners) if (owner === attachment) this.#owners.delete(address);
    for (const address of addresses) this.#owners.set(address, attachment);
  }

  /** Leads what is meant for an address elsewhere, until the returned function is called. */
  hijack(address: string, to: Attachment): () => void {
    this.#hijacked.set(address, to);
    return () => {
      if (this.#hijacked.get(address) === to) this.#hijacked.delete(address);
    };
  }

  /** Cuts these links from all the others, until the returned function is called. */
  partition(names: readonly string[]): () => void {
    const cut = new Set(names);
    this.#partitions.add(cut);
    return () => void this.#partitions.delete(cut);
  }

  /** Sees everything that enters the core. */
  tap(listener: (datagram: Datagram) => void): void {
    this.#taps.push(listener);
  }

  send(from: Attachment, datagram: Datagram): void {
    this.datagrams++;
    const link = this.#linkOf(from);
    for (let copy = this.#copies(link); copy > 0; copy--) {
      const delay = this.#delay(link);
      this.#time.after(delay, () => this.#cross(from, datagram));
    }
  }

  #cross(from: Attachment, datagram: Datagram): void {
    for (const listener of this.#taps) listener(datagram);
    const { address } = datagram.to;
    const to = this.#hijacked.get(address) ?? this.#owners.get(address);
    if (to === undefined) return;
    for (const side of this.#partitions) if (side.has(from.name) !== side.has(to.name)) return;
    const link = this.#linkOf(to);
    for (let copy = this.#copies(link); copy > 0; copy--) {
      this.#time.after(this.#delay(link), () => {
        // Its address may have gone while the packet was on its way.
        if (to === (this.#hijacked.get(address) ?? this.#owners.get(address))) to.receive(datagram);
      });
    }
  }

  #linkOf({ name }: Attachment): LinkConditions {
    return this.#links.get(name) ?? { loss: 0, duplication: 0, latencyMs: 5, jitterMs: 0 };
  }

  #copies({ loss, duplication }: LinkConditions): number {
    if (loss > 0 && this.#random.chance(loss)) return 0;
    return duplication > 0 && this.#random.chance(duplication) ? 2 : 1;
  }

  #delay({ latencyMs, jitterMs }: LinkConditions): number {
    return leastLatencyMs + latencyMs + (jitterMs > 0 ? this.#random.next() * jitterMs : 0);
  }
}

import type { Locator } from '../../firmware/hip/locator.ts';
import { formatLocator } from '../../firmware/hip/locator.ts';
import type { Datagram } from './datagram.ts';
import type { SeededRandom } from './random.ts';
import type { NatPlan } from './scenario.ts';
import type { Attachment, Underlay } from './underlay.ts';
import type { VirtualTime } from './virtual-time.ts';

type Mapping = {
  readonly inner: Locator;
  readonly outerPort: number;
  readonly attachment: Attachment;
  /** Destinations that were sent to: who may answer where filtering is endpoint-dependent. */
  readonly contacted: Set<string>;
  usedAt: number;
};

/** A NAT in the terms of RFC 4787, for IPv4 and UDP; it knows no other protocol. */
export class Nat implements Attachment {
  readonly name: string;
  readonly #plan: NatPlan;
  readonly #underlay: Underlay;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  #address: string;
  #mappings: Mapping[] = [];
  #forward: { readonly inner: Locator; readonly attachment: Attachment } | undefined;

  constructor(plan: NatPlan, underlay: Underlay, time: VirtualTime, random: SeededRandom) {
    this.name = plan.name;
    this.#plan = plan;
    this.#underlay = underlay;
    this.#time = time;
    this.#random = random;
    this.#address = plan.address;
    underlay.setAddresses(this, [plan.address]);
  }

  /** The port of the settings that leads inwards whoever asks. */
  forward(inner: Locator, attachment: Attachment): void {
    this.#forward = { inner, attachment };
  }

  /** Forgets all mappings, as a restart does, and takes another outer address if one is given. */
  rebind(address = this.#address): void {
    this.#mappings = [];
    this.#address = address;
    this.#underlay.setAddresses(this, [address]);
  }

  /** A datagram from within goes out under an outer port. */
  send(attachment: Attachment, datagram: Datagram): void {
    if (datagram.from.port === null || datagram.to.port === null) return;
    const destination = formatLocator(datagram.to);
    const isMine = (mapping: Mapping) =>
      isSame(mapping.inner, datagram.from) &&
      (this.#plan.mapping === 'endpoint-independent' || mapping.contacted.has(destination));
    const mapping = this.#alive().find(isMine) ?? this.#map(attachment, datagram.from);
    mapping.contacted.add(destination);
    mapping.usedAt = this.#time.now;
    const from = { address: this.#address, port: mapping.outerPort };
    this.#underlay.send(this, { ...datagram, from });
  }

  receive(datagram: Datagram): void {
    const { port } = datagram.to;
    if (port === null) return;
    const source = formatLocator(datagram.from);
    const mapping = this.#alive().find(
      ({ outerPort, contacted }) =>
        outerPort === port && (this.#plan.filtering === 'endpoint-independent' || contacted.has(source)),
    );
    if (mapping !== undefined) {
      // RFC 4787 §6: inbound packets may refresh a mapping; here they do, as with Linux.
      mapping.usedAt = this.#time.now;
      mapping.attachment.receive({ ...datagram, to: mapping.inner });
    } else if (this.#forward !== undefined && port === this.#forward.inner.port) {
      this.#forward.attachment.receive({ ...datagram, to: this.#forward.inner });
    }
  }

  #alive(): Mapping[] {
    const oldest = this.#time.now - this.#plan.timeoutMs;
    if (this.#mappings.some(({ usedAt }) => usedAt < oldest))
      this.#mappings = this.#mappings.filter(({ usedAt }) => usedAt >= oldest);
    return this.#mappings;
  }

  /** A forwarded port stays its host's; any other is a new one. */
  #map(attachment: Attachment, inner: Locator): Mapping {
    const isForwarded = this.#forward !== undefined && isSame(this.#forward.inner, inner);
    const outerPort = isForwarded && inner.port !== null ? inner.port : this.#freePort();
    const mapping = { inner, outerPort, attachment, contacted: new Set<string>(), usedAt: this.#time.now };
    this.#mappings.push(mapping);
    return mapping;
  }

  #freePort(): number {
    for (;;) {
      const port = this.#random.whole(1_024, 65_535);
      if (port !== this.#forward?.inner.port && !this.#mappings.some(({ outerPort }) => outerPort === port))
        return port;
    }
  }
}

function isSame(left: Locator, right: Locator): boolean {
  return left.address === right.address && left.port === right.port;
}

import { expect } from 'vitest';
import { toHex } from '../../firmware/bytes/bytes.ts';
import type { AssociationEffect, AssociationInput } from '../../firmware/hip/association.ts';
import type { Association } from '../../firmware/hip/association-contents.ts';
import { type Locator, sameLocator } from '../../firmware/hip/locator.ts';
import type { Packet } from '../../firmware/hip/packet.ts';
import { exchange, type Host, parsed, twoHosts } from './two-hosts.ts';

type InFlight = { readonly octets: Uint8Array; readonly from: Locator; readonly to: Locator };

/** One end of a wire: a host, where it is now, and the security associations that its kernel has. */
export class End {
  readonly host: Host;
  place: Locator;
  peer!: End;
  /** SPI → encryption key, and what it is sent with. */
  readonly inbound = new Map<number, string>();
  outbound: { spi: number; key: string; to: Locator } | undefined;
  readonly reports: string[] = [];
  readonly #sentUnder = new Set<string>();

  constructor(host: Host) {
    this.host = host;
    this.place = host.locator;
  }

  get association(): Association {
    const { state } = this.host;
    if (state.name !== 'ESTABLISHED' && state.name !== 'R2-SENT') throw new Error(state.name);
    return state.association;
  }

  /** Whether what this end sends now would be read. */
  get carries(): boolean {
    const { outbound, peer } = this;
    return (
      outbound !== undefined &&
      sameLocator(outbound.to, peer.place) &&
      peer.inbound.get(outbound.spi) === outbound.key
    );
  }

  install(effect: AssociationEffect): void {
    switch (effect.type) {
      case 'install-inbound': {
        const { spi, keys } = effect.association;
        expect(this.inbound.has(spi), 'an SPI is given once').toBe(false);
        this.inbound.set(spi, toHex(keys.encryption.reveal()));
        break;
      }
      case 'install-outbound': {
        const { spi, keys, to } = effect.association;
        const key = toHex(keys.encryption.reveal());
        expect(this.#sentUnder.has(key), 'nothing is sent under a key for the second time').toBe(false);
        expect(effect.replaces).toBe(this.outbound?.spi);
        this.#sentUnder.add(key);
        this.outbound = { spi, key, to };
        break;
      }
      case 'remove-inbound':
        expect(this.inbound.delete(effect.spi), 'what is removed is there').toBe(true);
        break;
      case 'move-outbound':
        if (this.outbound === undefined) throw new Error('nothing to move');
        expect([this.outbound.spi, this.inbound.has(effect.localSpi)]).toEqual([effect.spi, true]);
        this.outbound = { ...this.outbound, to: effect.to };
        break;
      case 'remove-esp':
        expect(this.inbound.delete(effect.localSpi), 'what is removed is there').toBe(true);
        expect(effect.peerSpi).toBe(this.outbound?.spi);
        this.outbound = undefined;
        break;
      case 'report':
        this.reports.push(effect.message);
        break;
      case 'send':
      case 'sign':
      case 'answer-i1':
      case 'accept-solution':
      case 'refuse-solution':
        break;
    }
  }
}

/**
 * Two hosts with a wire between them that loses nothing unless told to, and a clock. Packets reach who is at their
 * destination; with `isSteady`, both ends must be able to send after every single step.
 */
export class Wire {
  now = 0;
  readonly ends: readonly [End, End];
  /** Decides about every packet, by its place in the order of sending. */
  isLost: (packet: Packet, count: number) => boolean = () => false;
  /** What is between the hosts and changes addresses on the way. */
  translate: (packet: InFlight) => InFlight = (packet) => packet;
  isSteady = true;
  readonly log: string[] = [];
  readonly sent: InFlight[] = [];
  #inFlight: InFlight[] = [];

  constructor(hosts: readonly [Host, Host]) {
    this.ends = [new End(hosts[0]), new End(hosts[1])];
    const [left, right] = this.ends;
    left.peer = right;
    right.peer = left;
  }

  async input(end: End, input: AssociationInput): Promise<readonly AssociationEffect[]> {
    const effects = await end.host.settle(input, this.now);
    for (const effect of effects) {
      end.install(effect);
      if (effect.type === 'send') this.#send({ octets: effect.packet, from: end.place, to: effect.to });
      if (effect.type === 'answer-i1') {
        const octets = end.host.responder.answer(effect.i1, effect.to, this.now);
        if (octets !== undefined) this.#send({ octets, from: end.place, to: effect.to });
      }
      if (this.isSteady)
        expect([effect.type, ...this.ends.map(({ carries }) => carries)]).toEqual([effect.type, true, true]);
    }
    return effects;
  }

  /** An input, and all that follows from it without time passing. */
  async settle(end: End, input: AssociationInput): Promise<void> {
    await this.input(end, input);
    await this.deliver();
  }

  async deliver(): Promise<void> {
    for (let next = this.#inFlight.shift(); next !== undefined; next = this.#inFlight.shift())
      await this.arrive(next);
  }

  /** A packet reaches whoever is at its destination. */
  async arrive(packet: InFlight): Promise<void> {
    const { octets, from, to } = this.translate(packet);
    const end = this.ends.find(({ place }) => sameLocator(place, to));
    if (end !== undefined) await this.input(end, { type: 'packet', packet: parsed(octets), from });
  }

  /** Lets time pass, every deadline on the way in its turn. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    for (;;) {
      const [next] = this.ends
        .flatMap((end) => ('deadline' in end.host.state ? [{ end, at: end.host.state.deadline }] : []))
        .toSorted((left, right) => left.at - right.at);
      if (next === undefined || next.at > until) break;
      this.now = Math.max(this.now, next.at);
      await this.settle(next.end, { type: 'timeout' });
    }
    this.now = until;
  }

  #send(packet: InFlight): void {
    const decoded = parsed(packet.octets);
    const isLost = this.isLost(decoded, this.sent.length);
    this.sent.push(packet);
    const names = decoded.parameters.map((one) => one.name).filter((name) => !name.startsWith('HIP_'));
    this.log.push(`${decoded.packet}(${names.join(' ')})${isLost ? ' lost' : ''}`);
    if (!isLost) this.#inFlight.push(packet);
  }
}

/** Two hosts with an association between them, made by the first; the log is empty. */
export async function established(hosts?: readonly [Host, Host]): Promise<Wire> {
  const [left, right] = hosts ?? (await twoHosts());
  const wire = new Wire([left, right]);
  await exchange(left, right);
  for (const end of wire.ends) {
    const { keys, suite, localSpi, peerSpi, locator } = end.association;
    const { incoming, outgoing } = keys.espKeys(suite);
    end.install({
      type: 'install-inbound',
      association: { spi: localSpi, suite, keys: incoming, from: locator },
    });
    end.install({
      type: 'install-outbound',
      association: { spi: peerSpi, suite, keys: outgoing, to: locator },
    });
  }
  // The responder leaves R2-SENT.
  await wire.settle(wire.ends[1], { type: 'traffic', sent: true, received: true });
  return wire;
}

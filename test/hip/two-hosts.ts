import { generateKeyPairSync } from 'node:crypto';
import {
  type AssociationContext,
  type AssociationEffect,
  type AssociationInput,
  type AssociationState,
  unassociated,
} from '../../firmware/hip/association.ts';
import type { HipCrypto } from '../../firmware/hip/crypto-port.ts';
import { compareHits } from '../../firmware/hip/host-identity-tag.ts';
import type { Locator } from '../../firmware/hip/locator.ts';
import { type OwnIdentity, ownIdentity } from '../../firmware/hip/own-identity.ts';
import { decodePacket, type Packet } from '../../firmware/hip/packet.ts';
import { Responder } from '../../firmware/hip/responder.ts';
import { defaultOffers, type Offers } from '../../firmware/hip/suites.ts';
import { transition } from '../../firmware/hip/transition.ts';
import type { HostIdentitySigner } from '../../firmware/netd/overlay/ports.ts';
import { hipCrypto } from '../../firmware/system/hip-crypto.ts';
import { softwareSigner } from '../../firmware/system/host-identity-file.ts';

export function newSigner(): HostIdentitySigner {
  return softwareSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/** One end of an association, driven by hand: signatures are made when the test says so. */
export class Host {
  readonly own: OwnIdentity;
  readonly signer: HostIdentitySigner;
  readonly crypto: HipCrypto;
  readonly locator: Locator;
  readonly responder: Responder;
  readonly offers: Offers;
  context!: AssociationContext;
  state: AssociationState = unassociated;
  #spi: number;

  constructor(
    signer: HostIdentitySigner,
    address: string,
    {
      crypto = hipCrypto,
      firstSpi = 0x1000,
      counter = 1n,
      offers = defaultOffers,
      responder,
    }: {
      crypto?: HipCrypto;
      firstSpi?: number;
      counter?: bigint;
      offers?: Offers;
      /** That of the same gateway's other associations. */
      responder?: Responder;
    } = {},
  ) {
    this.signer = signer;
    this.crypto = crypto;
    this.own = ownIdentity(signer.identity, crypto);
    this.locator = { address, port: 10500 };
    this.offers = offers;
    this.responder = responder ?? new Responder(this.own, crypto, counter, offers);
    this.#spi = firstSpi;
  }

  meet(peer: Host): void {
    const { crypto, own, responder, offers } = this;
    this.context = { crypto, own, peer: peer.own.hit, responder, offers, newSpi: () => this.#spi++ };
  }

  async prepareR1s(now = 0): Promise<void> {
    const drafts = this.responder.draftGeneration(now);
    drafts.finish(await Promise.all(drafts.messages.map((message) => this.signer.sign(message))));
  }

  /** Applies one input and does what concerns this host alone; everything is returned, too. */
  step(input: AssociationInput, now = 0): readonly AssociationEffect[] {
    const { state, effects } = transition(this.state, input, now, this.context);
    this.state = state;
    for (const effect of effects) {
      if (effect.type === 'accept-solution') this.responder.accept(effect.solution, now);
      if (effect.type === 'refuse-solution') this.responder.refuse(effect.solution, now);
    }
    return effects;
  }

  /** Applies an input, then every signature that it asks for. */
  async settle(input: AssociationInput, now = 0): Promise<readonly AssociationEffect[]> {
    const effects = [...this.step(input, now)];
    for (const effect of effects) {
      if (effect.type !== 'sign') continue;
      const signature = await this.signer.sign(effect.message);
      effects.push(...this.step({ type: 'signed', message: effect.message, signature }, now));
    }
    return effects;
  }

  /** The packets that this host sends in answer to an input, an R1 for an I1 included. */
  async packets(input: AssociationInput, now = 0): Promise<Uint8Array[]> {
    return (await this.settle(input, now)).flatMap((effect) => {
      if (effect.type === 'send') return [effect.packet];
      if (effect.type !== 'answer-i1') return [];
      return [this.responder.answer(effect.i1, effect.to, now) ?? new Uint8Array()];
    });
  }

  /** Receives octets from a host's locator. */
  receive(octets: Uint8Array, from: Host, now = 0): Promise<Uint8Array[]> {
    return this.packets({ type: 'packet', packet: parsed(octets), from: from.locator }, now);
  }
}

export function parsed(octets: Uint8Array): Packet {
  const packet = decodePacket(octets);
  if (!packet.ok) throw new Error(JSON.stringify(packet.error));
  return packet.value;
}

/** Two hosts that know each other, the one with the smaller HIT first, with R1s ready. */
export async function twoHosts(): Promise<readonly [Host, Host]> {
  const hosts = [
    new Host(newSigner(), '192.0.2.1'),
    new Host(newSigner(), '192.0.2.2', { firstSpi: 0x2000 }),
  ] as const;
  const [smaller, greater] =
    compareHits(hosts[0].own.hit, hosts[1].own.hit) < 0 ? hosts : [hosts[1], hosts[0]];
  smaller.meet(greater);
  greater.meet(smaller);
  await smaller.prepareR1s();
  await greater.prepareR1s();
  return [smaller, greater];
}

/** Runs a whole base exchange and returns its packets. */
export async function exchange(initiator: Host, responder: Host, now = 0) {
  const first = <Value>([value]: Value[]): Value => {
    if (value === undefined)
      throw new Error(`nothing was sent: ${initiator.state.name}, ${responder.state.name}`);
    return value;
  };
  const i1 = first(await initiator.packets({ type: 'connect', to: responder.locator }, now));
  const r1 = first(await responder.receive(i1, initiator, now));
  const i2 = first(await initiator.receive(r1, responder, now));
  const r2 = first(await responder.receive(i2, initiator, now));
  await initiator.receive(r2, responder, now);
  return { i1, r1, i2, r2 };
}

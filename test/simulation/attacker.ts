import { parseHit } from '../../firmware/hip/host-identity-tag.ts';
import type { Locator } from '../../firmware/hip/locator.ts';
import { decodePacket, encodePacket, packetTypes, parameterOffset } from '../../firmware/hip/packet.ts';
import type { Content, Datagram } from './datagram.ts';
import type { Gateway } from './gateway.ts';
import type { SeededRandom } from './random.ts';
import type { AttackKind } from './scenario.ts';
import type { Attachment, Underlay } from './underlay.ts';

/** The attacker's own address: nobody of the overlay has a reason to send there. */
const attackerAddress = '203.0.113.66';

/** Datagrams that it keeps; older ones make room. */
const mostRecorded = 400;

/** One who sees every datagram of the core and can send whatever it wants, from any address, but has nobody's keys. */
export class Attacker implements Attachment {
  readonly name = 'attacker';
  sent = 0;
  readonly #underlay: Underlay;
  readonly #random: SeededRandom;
  readonly #recorded: Datagram[] = [];

  constructor(underlay: Underlay, random: SeededRandom) {
    this.#underlay = underlay;
    this.#random = random;
    underlay.setAddresses(this, [attackerAddress]);
    underlay.tap((datagram) => this.#record(datagram));
  }

  /** What answers it gets does not matter. */
  receive(): void {}

  strike(kind: AttackKind, gateways: readonly Gateway[]): void {
    const datagram = this.#make(kind, gateways);
    if (datagram === undefined) return;
    this.sent++;
    this.#underlay.send(this, datagram);
  }

  /** Undefined where it has seen nothing yet that this attack needs. */
  #make(kind: AttackKind, gateways: readonly Gateway[]): Datagram | undefined {
    switch (kind) {
      case 'flood-i1':
        return this.#floodI1(gateways);
      case 'flood-i2':
        return this.#floodI2();
      case 'forge-esp':
        return this.#forgeEsp();
      case 'replay':
      case 'readdress':
      case 'reflect':
      case 'misdeliver':
      case 'mutate':
        return this.#recorded.length === 0
          ? undefined
          : this.#changed(kind, this.#random.pick(this.#recorded), gateways);
    }
  }

  #changed(kind: AttackKind, datagram: Datagram, gateways: readonly Gateway[]): Datagram {
    const { from, to, content } = datagram;
    switch (kind) {
      case 'readdress':
        return { ...datagram, from: { address: attackerAddress, port: from.port === null ? null : 10_500 } };
      case 'reflect':
        return { ...datagram, from: to, to: from };
      case 'misdeliver':
        return { ...datagram, to: this.#addressOf(this.#random.pick(gateways)) };
      case 'mutate':
        return { ...datagram, content: this.#mutated(content), origin: this.name };
      default:
        return datagram;
    }
  }

  #mutated(content: Content): Content {
    if (content.kind === 'esp') {
      const { esp } = content;
      return {
        kind: 'esp',
        esp: { ...esp, sequence: esp.sequence + this.#random.whole(1, 1_000), key: 'forged' },
      };
    }
    const octets = content.octets.slice();
    const choice = this.#random.whole(0, 5);
    if (choice === 0) return { kind: 'hip', octets: octets.slice(0, this.#random.whole(0, octets.length)) };
    if (choice === 1)
      return {
        kind: 'hip',
        octets: Uint8Array.from([...octets, ...this.#random.octets(this.#random.whole(1, 40))]),
      };
    for (let change = this.#random.whole(1, 3); change > 0; change--) {
      const place = this.#random.whole(0, octets.length - 1);
      octets[place] = (octets[place] ?? 0) ^ (1 << this.#random.whole(0, 7));
    }
    return { kind: 'hip', octets };
  }

  /** I1s in the name of a HIT that the victim knows: only those get as far as an answer. */
  #floodI1(gateways: readonly Gateway[]): Datagram | undefined {
    const victim = this.#random.pick(gateways);
    const peers = gateways.filter(({ hit }) => victim.peers.some(({ uri }) => uri.endsWith(hit)));
    const sender = peers.length === 0 ? undefined : parseHit(this.#random.pick(peers).hit);
    const receiver = parseHit(victim.hit);
    if (sender === undefined || receiver === undefined) return undefined;
    const parameters = [{ name: 'DH_GROUP_LIST' as const, groups: [7, 8, 9] }];
    const octets = encodePacket({ packet: 'I1', controls: 0, sender, receiver, parameters });
    return this.#forged(this.#addressOf(victim), octets);
  }

  #floodI2(): Datagram | undefined {
    const packets = this.#recorded.filter(isI2);
    if (packets.length === 0) return undefined;
    const { content, to } = this.#random.pick(packets);
    if (content.kind !== 'hip') return undefined;
    const octets = content.octets.slice();
    const packet = decodePacket(octets);
    const offset = packet.ok ? parameterOffset(packet.value, 'SOLUTION') : undefined;
    // Type, Length, #K, Reserved and Opaque come before #I and #J (RFC 7401 §5.2.5).
    if (offset !== undefined) octets.set(this.#random.octets(16), offset + 8 + this.#random.whole(0, 60));
    return this.#forged(to, octets);
  }

  #forgeEsp(): Datagram | undefined {
    const packets = this.#recorded.filter(({ content }) => content.kind === 'esp');
    const datagram = packets.length === 0 ? undefined : this.#random.pick(packets);
    if (datagram?.content.kind !== 'esp') return undefined;
    const { esp } = datagram.content;
    const forged = { ...esp, sequence: esp.sequence + this.#random.whole(1, 2_000), key: 'forged' };
    return { ...datagram, content: { kind: 'esp', esp: forged }, origin: this.name };
  }

  #forged(to: Locator, octets: Uint8Array): Datagram {
    const from = { address: `203.0.113.${this.#random.whole(70, 250)}`, port: 10_500 };
    return { from, to, content: { kind: 'hip', octets }, origin: this.name, sentTo: to };
  }

  #addressOf(gateway: Gateway): Locator {
    return { address: gateway.addresses[0] ?? '', port: 10_500 };
  }

  #record(datagram: Datagram): void {
    if (datagram.from.address === attackerAddress) return;
    if (this.#recorded.length < mostRecorded) this.#recorded.push(datagram);
    else if (this.#random.chance(0.2)) this.#recorded[this.#random.whole(0, mostRecorded - 1)] = datagram;
  }
}

function isI2({ content }: Datagram): boolean {
  return content.kind === 'hip' && content.octets[2] === packetTypes.I2;
}

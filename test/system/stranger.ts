import { setTimeout as delay } from 'node:timers/promises';
import { equalBytes } from '../../firmware/bytes/bytes.ts';
import type { Station } from '../../qemu/station.ts';
import { arp, ethernet, etherTypes, type Ipv4Packet, readFrame } from './frames.ts';

/** Of the range that belongs to nobody (RFC 7042 §2.1). */
const ownMac = Uint8Array.of(0x02, 0, 0, 0x5e, 0x10, 0x01);
const anyMac = new Uint8Array(6).fill(0xff);

/** Frames between two looks at whether the network has taken them: fewer than the socket to QEMU holds. */
const burst = 100;

/**
 * A host without an identity, on a network beside gateways: sends what it likes with any source, answers for its own
 * address, and keeps all IPv4 that comes.
 */
export class Stranger {
  readonly address: string;
  /** Every IPv4 packet that came to this host, in order. */
  readonly heard: Ipv4Packet[] = [];
  readonly #station: Station;
  #neighbour: { readonly mac: Uint8Array; readonly address: string };
  #sent = 0;

  private constructor(station: Station, address: string, neighbour: string) {
    this.#station = station;
    this.address = address;
    this.#neighbour = { mac: anyMac, address: neighbour };
  }

  /** @param neighbour who gets all frames: the router, or a gateway on the same network */
  static async join(station: Station, address: string, neighbour: string): Promise<Stranger> {
    const stranger = new Stranger(station, address, neighbour);
    station.onFrame((frame) => stranger.#take(frame));
    await stranger.settle();
    return stranger;
  }

  /** Sends an IPv4 packet as it is, as fast as the network takes them: now and then it waits for those before. */
  async send(packet: Uint8Array): Promise<void> {
    await this.#station.send(ethernet(this.#neighbour.mac, ownMac, etherTypes.ipv4, packet));
    if (++this.#sent % burst === 0) await this.settle();
  }

  /** Waits until the neighbour answers a question that was asked after all that was sent: the network keeps order. */
  async settle(): Promise<void> {
    const own = { mac: ownMac, address: this.address };
    const deadline = performance.now() + 60_000;
    for (;;) {
      const answer = this.#answer();
      const target = { mac: new Uint8Array(6), address: this.#neighbour.address };
      await this.#station.send(ethernet(anyMac, ownMac, etherTypes.arp, arp('request', own, target)));
      const mac = await Promise.race([answer, delay(1000, null)]);
      if (mac !== null) {
        this.#neighbour = { mac, address: this.#neighbour.address };
        return;
      }
      if (performance.now() > deadline) throw new Error(`${this.#neighbour.address} does not answer ARP`);
    }
  }

  #answer(): Promise<Uint8Array> {
    return new Promise((resolve) => {
      const stop = this.#station.onFrame((frame) => {
        const read = readFrame(frame);
        if (read?.type !== 'arp' || read.operation !== 2 || read.sender.address !== this.#neighbour.address)
          return;
        stop();
        resolve(read.sender.mac);
      });
    });
  }

  #take(frame: Uint8Array): void {
    const read = readFrame(frame);
    if (read === undefined || equalBytes(frame.subarray(6, 12), ownMac)) return;
    if (read.type === 'ipv4') {
      const { source, destination, protocol, payload } = read;
      if (destination === this.address) this.heard.push({ source, destination, protocol, payload });
    } else if (read.operation === 1 && read.target === this.address) {
      const reply = arp('reply', { mac: ownMac, address: this.address }, read.sender);
      void this.#station.send(ethernet(read.sender.mac, ownMac, etherTypes.arp, reply));
    }
  }
}

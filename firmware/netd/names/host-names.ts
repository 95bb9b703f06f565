import { parseAddress, parseAddressRange } from '../../policy/address-line.ts';
import { limits } from '../limits.ts';
import type { NetworkSystem } from '../system-port.ts';
import {
  type Asker,
  dueAt,
  initialResponder,
  namesOf,
  type OwnNames,
  type ResponderInput,
  type ResponderState,
  transition,
} from './responder.ts';

/** Sends on one link; `null`: to everybody there. A packet that cannot be sent is lost, as any may be. */
export interface NameSocket {
  send(octets: Uint8Array, to: Asker | null): void;
  /** False once the link is gone, also where there is another of its name. */
  isBound(): boolean;
  close(): void;
}

/** Multicast DNS on a link: both families, with the sender of each message. Rejects where there is no such link. */
export type OpenNameSocket = (
  link: string,
  onMessage: (octets: Uint8Array, from: Asker) => void,
) => Promise<NameSocket>;

export interface HostNamesPorts extends Pick<NetworkSystem, 'setTimer' | 'monotonic'> {
  readonly openSocket: OpenNameSocket;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: (level: 'debug' | 'info', message: string) => void;
}

export interface NamedLink {
  readonly kernelName: string;
  /** With their prefix lengths. */
  readonly addresses: readonly string[];
}

interface Answering {
  readonly socket: NameSocket;
  state: ResponderState;
  addresses: readonly string[];
  timer: { readonly close: () => void } | null;
  told: string;
}

/** Every box is found by this name on its own networks. */
const everyBox = 'hithe';
const initialDelayMs = 250;

/**
 * Answers for `hithe.local` and the box's own name where people and hosts are (RFC 6762), on the links that it is given and
 * on no other. Questions from beyond a link are not answered (§ 11).
 */
export class HostNames {
  readonly #ports: HostNamesPorts;
  readonly #links = new Map<string, Answering>();
  #work: Promise<void> = Promise.resolve();

  constructor(ports: HostNamesPorts) {
    this.#ports = ports;
  }

  /** From now on these links, with these addresses, and this name. One change after the other. */
  follow(links: readonly NamedLink[], hostname: string): Promise<void> {
    this.#work = this.#work
      .then(() => this.#follow(links, hostname))
      .catch((error: unknown) => this.#ports.log('info', `names are not answered for: ${reasonOf(error)}`));
    return this.#work;
  }

  close(): Promise<void> {
    return this.follow([], '');
  }

  /** By link, with `.local`. */
  names(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#links].map(([link, { state }]) => [link, namesOf(state)]));
  }

  async #follow(links: readonly NamedLink[], hostname: string): Promise<void> {
    for (const [link, answering] of this.#links) {
      if (links.some(({ kernelName }) => kernelName === link) && answering.socket.isBound()) continue;
      this.#feed(answering, { kind: 'stop' });
      answering.timer?.close();
      answering.socket.close();
      this.#links.delete(link);
    }
    for (const { kernelName, addresses } of links) {
      const answering = this.#links.get(kernelName) ?? (await this.#open(kernelName));
      if (answering === null) continue;
      answering.addresses = addresses;
      const elsewhere = links.filter((other) => other.kernelName !== kernelName);
      const own: OwnNames = {
        names: [everyBox, hostname],
        addresses: octetsOf(addresses).slice(0, limits.nameAddresses),
        elsewhere: elsewhere.flatMap((other) => octetsOf(other.addresses)),
      };
      this.#feed(answering, { kind: 'own', own, delay: this.#ports.random() * initialDelayMs });
    }
  }

  async #open(link: string): Promise<Answering | null> {
    try {
      const socket = await this.#ports.openSocket(link, (octets, from) => {
        const answering = this.#links.get(link);
        if (answering !== undefined && isOnLink(from.address, answering.addresses))
          this.#feed(answering, { kind: 'message', octets, from });
      });
      const answering: Answering = { socket, state: initialResponder, addresses: [], timer: null, told: '' };
      this.#links.set(link, answering);
      return answering;
    } catch (error) {
      this.#ports.log('info', `${link}: no names are answered for: ${reasonOf(error)}`);
      return null;
    }
  }

  #feed(answering: Answering, input: ResponderInput): void {
    const { setTimer, monotonic, log } = this.#ports;
    const now = monotonic();
    const before = answering.state;
    const { state, send } = transition(before, input, now);
    answering.state = state;
    for (const { octets, to } of send) answering.socket.send(octets, to);
    const told = namesOf(state).join(', ');
    if (told !== answering.told && told !== '') log('debug', `the box is ${told}`);
    answering.told = told;
    const due = dueAt(state);
    if (due === dueAt(before) && answering.timer !== null && input.kind !== 'time') return;
    answering.timer?.close();
    answering.timer =
      due === null
        ? null
        : setTimer(Math.max(0, Math.ceil(due - now)), () => {
            answering.timer = null;
            this.#feed(answering, { kind: 'time' });
          });
  }
}

/** § 11: from an address of the link itself, or one that holds on a link alone. */
function isOnLink(address: string, own: readonly string[]): boolean {
  const place = parseAddress(address);
  const ranges = ['fe80::/10', '169.254.0.0/16', ...own].map((text) => parseAddressRange(text));
  return (
    place !== undefined &&
    ranges.some((range) => range !== undefined && range.from <= place && place <= range.to)
  );
}

function octetsOf(addresses: readonly string[]): Uint8Array[] {
  return addresses.flatMap((text) => {
    const place = parseAddress(text.split('/')[0]?.split('%')[0] ?? '');
    if (place === undefined) return [];
    const isIpv6 = text.includes(':');
    return [
      Uint8Array.from({ length: isIpv6 ? 16 : 4 }, (_, index) =>
        Number((place >> BigInt(((isIpv6 ? 15 : 3) - index) * 8)) & 0xffn),
      ),
    ];
  });
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

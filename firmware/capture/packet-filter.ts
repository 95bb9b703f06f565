import { type AddressRange, parseAddressRange } from '../policy/address-line.ts';
import type { FrameFacts } from './frame-facts.ts';
import { limits } from './limits.ts';

/** Whether a frame is wanted. */
export type PacketFilter = (frame: FrameFacts) => boolean;

export type FilterResult =
  | { readonly ok: true; readonly value: PacketFilter }
  /** In words for the person who wrote it. */
  | { readonly ok: false; readonly problem: string };

/** Protocol numbers (IANA) by the words for them; ICMP has two. */
const protocols: Readonly<Record<string, readonly number[]>> = {
  ...{ tcp: [6], udp: [17], icmp: [1, 58], icmp6: [58], esp: [50], hip: [139] },
};
const directions = ['src', 'dst'] as const;
/** What may stand right behind a protocol, as in `tcp port 443`; both are meant then. */
const qualified = [...directions, 'host', 'net', 'port', 'portrange'];
/** As C and the shell write them. */
const signs: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', '!': 'not' };
type Direction = (typeof directions)[number] | 'either';

class FilterProblem extends Error {}

/**
 * Reads a filter in the words of tcpdump, of which it knows these: `host ADDRESS`, `net ADDRESS/LENGTH`, `port N`,
 * `portrange N-M`, `ether host MAC` (each also after `src` or `dst`), `proto N`, `tcp`, `udp`, `icmp` (ICMPv6 too), `esp`,
 * `icmp6`, `hip`, `arp`, `ip`, `ip6`, joined by `and`, `or`, `not` (`&&`, `||`, `!`) and brackets; `and` binds closer than
 * `or`, and a protocol may stand right before what it is to be of, `tcp port 443`. The empty filter wants everything.
 */
export function parsePacketFilter(text: string): FilterResult {
  if (text.length > limits.filterLength)
    return { ok: false, problem: `a filter has at most ${limits.filterLength} characters` };
  const words = text
    .replaceAll(/[()!]|&&|\|\|/g, ' $& ')
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => (Object.hasOwn(signs, word) ? (signs[word] ?? word) : word));
  if (words.length === 0) return { ok: true, value: () => true };
  try {
    const reader = new FilterReader(words);
    const value = reader.alternatives(0);
    reader.end();
    return { ok: true, value };
  } catch (error) {
    if (!(error instanceof FilterProblem)) throw error;
    return { ok: false, problem: error.message };
  }
}

class FilterReader {
  readonly #words: readonly string[];
  #next = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  alternatives(depth: number): PacketFilter {
    const parts = [this.#conjunction(depth)];
    while (this.#takes('or')) parts.push(this.#conjunction(depth));
    return (frame) => parts.some((part) => part(frame));
  }

  end(): void {
    const word = this.#words[this.#next];
    if (word !== undefined)
      throw new FilterProblem(`${word} stands where "and", "or" or the end is expected`);
  }

  #conjunction(depth: number): PacketFilter {
    const parts = [this.#negation(depth)];
    while (this.#takes('and')) parts.push(this.#negation(depth));
    return (frame) => parts.every((part) => part(frame));
  }

  #negation(depth: number): PacketFilter {
    if (depth > limits.filterDepth)
      throw new FilterProblem(`"not" and brackets go deeper than ${limits.filterDepth}`);
    if (this.#takes('not')) {
      const part = this.#negation(depth + 1);
      return (frame) => !part(frame);
    }
    if (!this.#takes('(')) return this.#primitive();
    const part = this.alternatives(depth + 1);
    if (!this.#takes(')')) throw new FilterProblem('a bracket is not closed');
    return part;
  }

  #primitive(): PacketFilter {
    const direction = directions.find((word) => this.#takes(word)) ?? 'either';
    const word = this.#word('a condition');
    const numbers = Object.hasOwn(protocols, word) ? protocols[word] : undefined;
    if (numbers !== undefined && direction === 'either')
      return this.#of(({ ip }) => ip !== null && numbers.includes(ip.protocol));
    switch (word) {
      case 'host':
        return this.#address(direction, false);
      case 'net':
        return this.#address(direction, true);
      case 'port':
      case 'portrange':
        return this.#ports(direction, word === 'portrange');
      case 'ether':
        return this.#ether(direction);
    }
    if (direction === 'either') {
      if (word === 'arp') return ({ isArp }) => isArp;
      if (word === 'ip') return this.#of(({ ip }) => ip?.version === 4);
      if (word === 'ip6') return this.#of(({ ip }) => ip?.version === 6);
      if (word === 'proto') {
        const number = readNumber(this.#word('a protocol number'), 255);
        return ({ ip }) => ip?.protocol === number;
      }
    }
    throw new FilterProblem(`${word} is not a word of filters here`);
  }

  /** A protocol, and what stands right behind it. */
  #of(protocol: PacketFilter): PacketFilter {
    if (!qualified.includes(this.#words[this.#next] ?? '')) return protocol;
    const rest = this.#primitive();
    return (frame) => protocol(frame) && rest(frame);
  }

  #address(direction: Direction, isNetwork: boolean): PacketFilter {
    const text = this.#word('an address');
    const range = parseAddressRange(text);
    if (range === undefined || text.includes('/') !== isNetwork)
      throw new FilterProblem(`${text} is no ${isNetwork ? 'network, as 10.0.0.0/8' : 'address'}`);
    return ({ ip }) => ip !== null && oneOf(direction, ip, (place) => isWithin(place, range));
  }

  #ports(direction: Direction, isRange: boolean): PacketFilter {
    const text = this.#word('a port');
    const [first = '', last = first, ...rest] = text.split('-');
    if (rest.length > 0 || isRange !== text.includes('-')) throw new FilterProblem(`${text} is no port`);
    const [from, to] = [readNumber(first, 65_535), readNumber(last, 65_535)];
    return ({ ip }) =>
      ip !== null && ip.ports !== null && oneOf(direction, ip.ports, (port) => port >= from && port <= to);
  }

  #ether(direction: Direction): PacketFilter {
    if (!this.#takes('host')) throw new FilterProblem('"ether" wants "host" after it');
    const mac = this.#word('a MAC').toLowerCase();
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) throw new FilterProblem(`${mac} is no MAC`);
    return ({ macs }) => macs !== null && oneOf(direction, macs, (other) => other === mac);
  }

  #takes(word: string): boolean {
    if (this.#words[this.#next] !== word) return false;
    this.#next++;
    return true;
  }

  #word(expected: string): string {
    const word = this.#words[this.#next];
    if (word === undefined || word === '(' || word === ')')
      throw new FilterProblem(
        `${expected} is missing${word === undefined ? ' at the end' : ` before ${word}`}`,
      );
    this.#next++;
    return word;
  }
}

function oneOf<T>(
  direction: Direction,
  { source, destination }: { readonly source: T; readonly destination: T },
  fits: (value: T) => boolean,
): boolean {
  return (direction !== 'dst' && fits(source)) || (direction !== 'src' && fits(destination));
}

function isWithin(place: bigint, { from, to }: AddressRange): boolean {
  return place >= from && place <= to;
}

function readNumber(text: string, most: number): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= most)) throw new FilterProblem(`${text} is no number from 0 to ${most}`);
  return number;
}

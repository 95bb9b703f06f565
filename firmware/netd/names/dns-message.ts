import { limits } from '../limits.ts';

/** Fields of RFC 1035 § 4.1 as multicast DNS uses them (RFC 6762 § 18). */
const headerLength = 12;
const flags = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, opcode: 0x7800, rcode: 0x000f };
/** Of a question: answer me alone (§ 5.4). Of a record: it is the only one of its name and type (§ 10.2). */
const topBit = 0x8000;

export const recordTypes = { a: 1, aaaa: 28, nsec: 47, any: 255 } as const;
export const internet = 1;

export interface Question {
  /** Labels in lower case, joined by dots. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly unicast: boolean;
}

export interface ResourceRecord {
  readonly name: string;
  readonly type: number;
  /** Without its top bit. */
  readonly class: number;
  readonly isOnly: boolean;
  /** Seconds. */
  readonly ttl: number;
  readonly data: Uint8Array;
}

export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
}

export type Name = {
  readonly labels: readonly string[] /** Where the message goes on. */;
  readonly next: number;
};

/** Null where it leads out of the message, forwards or round (RFC 1035 § 4.1.4), or is longer than a name may be. */
export function readName(message: Uint8Array, start: number): Name | null {
  const labels: string[] = [];
  let [offset, next, length] = [start, -1, 0];
  for (let steps = 0; steps < limits.nameSteps; steps++) {
    const octet = message[offset];
    if (octet === undefined) return null;
    if (octet >= 0xc0) {
      const target = ((octet & 0x3f) << 8) | (message[offset + 1] ?? 0xff);
      if (target >= offset) return null;
      if (next < 0) next = offset + 2;
      offset = target;
      continue;
    }
    if (octet === 0) return { labels, next: next < 0 ? offset + 1 : next };
    length += octet + 1;
    if (octet > 63 || length > 255 || offset + 1 + octet > message.length) return null;
    labels.push(String.fromCharCode(...message.subarray(offset + 1, offset + 1 + octet)));
    offset += 1 + octet;
  }
  return null;
}

/** Null where it is no message of multicast DNS, has more records than anybody needs, or ends too soon. */
export function readMessage(message: Uint8Array): DnsMessage | null {
  if (message.length < headerLength) return null;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const word = (offset: number) => view.getUint16(offset);
  // RFC 6762 § 18.3, § 18.11: others are ignored.
  if ((word(2) & (flags.opcode | flags.rcode)) !== 0) return null;
  const counts = [4, 6, 8, 10].map(word);
  if (counts.reduce((sum, count) => sum + count, 0) > limits.nameRecords) return null;

  let offset = headerLength;
  const questions: Question[] = [];
  for (let left = counts[0] ?? 0; left > 0; left--) {
    const name = readName(message, offset);
    if (name === null || name.next + 4 > message.length) return null;
    const kind = word(name.next + 2);
    questions.push({
      ...{ name: textOf(name), type: word(name.next) },
      ...{ class: kind & ~topBit, unicast: (kind & topBit) !== 0 },
    });
    offset = name.next + 4;
  }
  const sections: ResourceRecord[][] = [];
  for (const count of counts.slice(1)) {
    const records: ResourceRecord[] = [];
    for (let left = count; left > 0; left--) {
      const name = readName(message, offset);
      if (name === null || name.next + 10 > message.length) return null;
      const start = name.next + 10;
      offset = start + word(name.next + 8);
      if (offset > message.length) return null;
      const kind = word(name.next + 2);
      records.push({
        ...{
          name: textOf(name),
          type: word(name.next),
          class: kind & ~topBit,
          isOnly: (kind & topBit) !== 0,
        },
        ...{ ttl: view.getUint32(name.next + 4), data: message.slice(start, offset) },
      });
    }
    sections.push(records);
  }
  const [answers = [], authorities = [], additional = []] = sections;
  const isResponse = (word(2) & flags.response) !== 0;
  return { id: word(0), isResponse, questions, answers, authorities, additional };
}

const textOf = ({ labels }: Name) => labels.join('.').toLowerCase();

/** @throws RangeError where a name has a label that is none: names of the box are checked before */
export function writeMessage(message: DnsMessage): Uint8Array {
  const { id, isResponse, questions, answers, authorities, additional } = message;
  const header = new Uint8Array(headerLength);
  const view = new DataView(header.buffer);
  view.setUint16(0, id);
  view.setUint16(2, isResponse ? flags.response | flags.authoritative : 0);
  for (const [index, section] of [questions, answers, authorities, additional].entries())
    view.setUint16(4 + index * 2, section.length);
  const written = questions.map((question) =>
    joined([
      writeName(question.name),
      words(question.type, question.class | (question.unicast ? topBit : 0)),
    ]),
  );
  for (const record of [...answers, ...authorities, ...additional]) {
    const { name, type, isOnly, ttl, data } = record;
    const fields = words(type, record.class | (isOnly ? topBit : 0), ttl >>> 16, ttl & 0xffff, data.length);
    written.push(joined([writeName(name), fields, data]));
  }
  return joined([header, ...written]);
}

/** A name without compression: ours are short. */
export function writeName(name: string): Uint8Array {
  const labels = name.split('.').map((label) => {
    const octets = Uint8Array.from(label, (character) => character.charCodeAt(0));
    if (octets.length === 0 || octets.length > 63) throw new RangeError(`not a label: ${label}`);
    return joined([Uint8Array.of(octets.length), octets]);
  });
  return joined([...labels, Uint8Array.of(0)]);
}

function words(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [(value >>> 8) & 0xff, value & 0xff]));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

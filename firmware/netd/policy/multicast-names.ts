import { placeOf } from '../../policy/address-line.ts';
import { limits } from '../limits.ts';
import { readName } from '../names/dns-message.ts';

/** Fields and types of RFC 1035 § 4.1 and RFC 6762 § 18; the class's first bit says that a record is the only one (§ 10.2). */
const headerLength = 12;
const response = 0x8000;
const types = { a: 1, aaaa: 28 } as const;
const addressLengths: Readonly<Record<number, number>> = { [types.a]: 4, [types.aaaa]: 16 };
const internet = 1;

const hostName = /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/;

/**
 * The name that the sender of a multicast DNS answer gives itself (RFC 6762 § 5.3): `press` of `press.local` whose address
 * is the one that the answer came from. Null where it gives none; what it says of others does not count.
 *
 * @param answer payload of UDP, whoever sent it
 * @param source the place of its address on the line of addresses
 */
export function nameInAnswer(answer: Uint8Array, source: bigint): string | null {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  if (answer.length < headerLength || (view.getUint16(2) & response) === 0) return null;
  const questions = view.getUint16(4);
  const records = view.getUint16(6) + view.getUint16(8) + view.getUint16(10);
  // RFC 6762 § 6: answers hold no questions.
  if (questions > 0) return null;
  let offset = headerLength;
  for (let count = 0; count < Math.min(records, limits.nameRecords); count++) {
    const name = readName(answer, offset);
    if (name === null || name.next + 10 > answer.length) return null;
    const [type, kind] = [view.getUint16(name.next), view.getUint16(name.next + 2) & 0x7fff];
    const start = name.next + 10;
    offset = start + view.getUint16(name.next + 8);
    if (offset > answer.length) return null;
    const length = addressLengths[type];
    if (length === undefined || kind !== internet || offset - start !== length) continue;
    const [host = '', domain, ...more] = name.labels;
    const isOwn = placeOf(answer.subarray(start, offset)) === source;
    if (isOwn && domain?.toLowerCase() === 'local' && more.length === 0 && hostName.test(host)) return host;
  }
  return null;
}

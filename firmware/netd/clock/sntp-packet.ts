/** A client of the Simple Network Time Protocol, version 4 (RFC 5905 § 14): its one question, and what the answer tells. */

/** Octets of a packet without extensions (RFC 5905 § 7.3). */
const packetLength = 48;
const transmitAt = 40;
/** Seconds from 1900, which NTP counts from, to 1970. */
const sinceNtpEpoch = 2_208_988_800;
/** Seconds of an era: those after 2036 begin at zero again (RFC 5905 § 6). */
const eraSeconds = 2 ** 32;

const version4 = 4;
const mode = { client: 3, server: 4 } as const;

/**
 * A question. Its transmit time is a random number that the answer has to repeat, which no other sender knows; the
 * server does not need our time, and is not told it.
 *
 * @param nonce eight octets
 */
export function timeQuestion(nonce: Uint8Array): Uint8Array {
  const octets = new Uint8Array(packetLength);
  octets[0] = (version4 << 3) | mode.client;
  octets.set(nonce.subarray(0, 8), transmitAt);
  return octets;
}

/** When a server had the question and sent its answer, in milliseconds since 1970. */
export type TimeAnswer = { readonly receivedAt: number; readonly sentAt: number };

/**
 * Reads an answer to the question with that nonce. Null for what is none, and where the server says that it does not know
 * the time or wants to be left alone (a stratum of 0, "kiss o' death", RFC 5905 § 7.4).
 *
 * @param near milliseconds since 1970 within 68 years of the time, which tells the era
 */
export function readTimeAnswer(octets: Uint8Array, nonce: Uint8Array, near: number): TimeAnswer | null {
  if (octets.length < packetLength) return null;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const [first, stratum] = [view.getUint8(0), view.getUint8(1)];
  const [leap, answersMode] = [first >> 6, first & 7];
  const unsynchronised = leap === 3 || stratum === 0 || stratum > 15;
  const isOurs = nonce.subarray(0, 8).every((octet, index) => octets[24 + index] === octet);
  if (answersMode !== mode.server || unsynchronised || !isOurs) return null;
  const [receivedAt, sentAt] = [readTime(view, 32, near), readTime(view, transmitAt, near)];
  return receivedAt === null || sentAt === null || sentAt < receivedAt ? null : { receivedAt, sentAt };
}

function readTime(view: DataView, at: number, near: number): number | null {
  const [seconds, fraction] = [view.getUint32(at), view.getUint32(at + 4)];
  if (seconds === 0 && fraction === 0) return null;
  const inFirstEra = seconds - sinceNtpEpoch;
  const eras = Math.round((near / 1000 - inFirstEra) / eraSeconds);
  return (inFirstEra + eras * eraSeconds) * 1000 + (fraction * 1000) / 2 ** 32;
}

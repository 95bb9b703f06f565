/** The Simple Network Time Protocol, version 4 (RFC 5905 § 14): a question, and what the answer tells, to either side. */

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
export type TimeAnswer = { readonly receivedAt: number; readonly sentAt: number; readonly stratum: number };

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
  return receivedAt === null || sentAt === null || sentAt < receivedAt
    ? null
    : { receivedAt, sentAt, stratum };
}

/** What the box's clock is kept by. */
export type ClockState = {
  /** When a server told the time last, by the clock that never goes back. */
  readonly at: number;
  /** Servers between this clock and one that does not go by another, with itself: 2 to 15. */
  readonly stratum: number;
  /** Milliseconds to that server and back, and what was still to be made good. */
  readonly delay: number;
  readonly error: number;
};

/** Milliseconds that a clock goes wrong in one that nobody corrects (RFC 5905 § 7.2, PHI). */
const drift = 15e-6;

/**
 * A server's answer to whatever came (RFC 5905 § 7.3), null where that was no client's question. A clock that nobody keeps
 * is said to be none: leap 3, stratum 0, the kiss code INIT (§ 7.4). It is as long as the question or shorter.
 *
 * @param wall the time to tell, in milliseconds since 1970; `now`: the same instant by the clock that never goes back
 */
export function timeAnswer(
  question: Uint8Array,
  { wall, now, state }: { readonly wall: number; readonly now: number; readonly state: ClockState | null },
): Uint8Array | null {
  const first = question[0] ?? 0;
  const version = (first >> 3) & 7;
  if (question.length < packetLength || (first & 7) !== mode.client) return null;
  if (version === 0 || version > version4) return null;
  const answer = new Uint8Array(packetLength);
  const view = new DataView(answer.buffer);
  answer[0] = ((state === null ? 3 : 0) << 6) | (version << 3) | mode.server;
  answer[1] = state?.stratum ?? 0;
  answer[2] = question[2] ?? 0;
  // The clock is read in milliseconds, 2^-10 s.
  view.setInt8(3, -10);
  if (state === null) answer.set([0x49, 0x4e, 0x49, 0x54], 12);
  else {
    const age = now - state.at;
    writeShort(view, 4, state.delay);
    writeShort(view, 8, 1 + state.error + age * drift);
    writeTime(view, 16, wall - age);
  }
  answer.set(question.subarray(transmitAt, packetLength), 24);
  writeTime(view, 32, wall);
  writeTime(view, transmitAt, wall);
  return answer;
}

/** Seconds with 16 bits of a fraction (RFC 5905 § 6). */
function writeShort(view: DataView, at: number, milliseconds: number): void {
  view.setUint32(at, Math.min(Math.ceil((Math.max(milliseconds, 0) / 1000) * 2 ** 16), 2 ** 32 - 1));
}

function writeTime(view: DataView, at: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  view.setUint32(at, (((seconds + sinceNtpEpoch) % eraSeconds) + eraSeconds) % eraSeconds);
  view.setUint32(at + 4, Math.floor(((milliseconds - seconds * 1000) / 1000) * 2 ** 32));
}

function readTime(view: DataView, at: number, near: number): number | null {
  const [seconds, fraction] = [view.getUint32(at), view.getUint32(at + 4)];
  if (seconds === 0 && fraction === 0) return null;
  const inFirstEra = seconds - sinceNtpEpoch;
  const eras = Math.round((near / 1000 - inFirstEra) / eraSeconds);
  return (inFirstEra + eras * eraSeconds) * 1000 + (fraction * 1000) / 2 ** 32;
}

import { concatBytes, equalBytes } from '../bytes/bytes.ts';
import type { Secret } from '../bytes/secret.ts';
import type { HashAlgorithm, HipCrypto } from './crypto-port.ts';
import { header, type Packet, parameterOffset, withHeaderLength } from './packet.ts';

/**
 * What HIP_MAC and HIP_SIGNATURE cover: the packet up to a parameter, with the checksum zero and Header Length as if it
 * ended there (RFC 7401 §6.4). For HIP_MAC_2 the Responder's HOST_ID parameter is appended and counted.
 */
export function protectedOctets(
  octets: Uint8Array,
  end: number,
  appended: Uint8Array = new Uint8Array(),
): Uint8Array {
  const covered = concatBytes(octets.subarray(0, end), appended);
  covered.fill(0, header.checksum, header.checksum + 2);
  return withHeaderLength(covered);
}

/** Offsets of the fields that HIP_SIGNATURE_2 does not cover, from the start of PUZZLE: Opaque, and #I to the parameter's end. */
const puzzleFields = { opaque: 6, random: 8 } as const;

/** What HIP_SIGNATURE_2 of an R1 covers: also the receiver's HIT and the PUZZLE's Opaque and #I are zero (RFC 7401 §5.2.15). */
export function protectedR1Octets(
  octets: Uint8Array,
  end: number,
  puzzleOffset: number,
  randomLength: number,
): Uint8Array {
  const covered = protectedOctets(octets, end);
  covered.fill(0, header.receiver, header.receiver + 16);
  covered.fill(0, puzzleOffset + puzzleFields.opaque, puzzleOffset + puzzleFields.random + randomLength);
  return covered;
}

/** Writes Opaque and #I into the PUZZLE of an R1 that was signed without them, in place. */
export function fillPuzzle(r1: Uint8Array, puzzleOffset: number, opaque: number, random: Uint8Array): void {
  new DataView(r1.buffer, r1.byteOffset).setUint16(puzzleOffset + puzzleFields.opaque, opaque);
  r1.set(random, puzzleOffset + puzzleFields.random);
}

/** Checks HIP_MAC, or HIP_MAC_2 with the HOST_ID parameter exactly as R1 had it. False where there is none. */
export function macIsGood(
  packet: Packet,
  name: 'HIP_MAC' | 'HIP_MAC_2',
  { crypto, hash, key, hostId }: { crypto: HipCrypto; hash: HashAlgorithm; key: Secret; hostId?: Uint8Array },
): boolean {
  const offset = parameterOffset(packet, name);
  const received = packet.parameters.find((candidate) => candidate.name === name);
  if (offset === undefined || received === undefined || !('mac' in received)) return false;
  const covered = protectedOctets(packet.octets, offset, hostId);
  return equalBytes(crypto.hmac(hash, key.reveal(), covered), received.mac);
}

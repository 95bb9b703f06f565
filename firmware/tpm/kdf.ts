import { concatBytes } from '../bytes/bytes.ts';
import { Writer } from '../bytes/writer.ts';
import { type HashName, hashByName } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';

/**
 * KDFa, Part 1, section 11.4.10.2: SP 800-108 in counter mode over HMAC. `label` is ASCII without its terminating zero,
 * `octets` the length wanted.
 */
export function kdfA(
  cryptography: Pick<TpmCryptography, 'hmac'>,
  hash: HashName,
  key: Uint8Array,
  label: string,
  contextU: Uint8Array,
  contextV: Uint8Array,
  octets: number,
): Uint8Array {
  return inBlocks(hash, octets, (counter) => {
    const input = new Writer().u32(counter).bytes(labelOctets(label)).bytes(contextU).bytes(contextV);
    return cryptography.hmac(hash, key, input.u32(octets * 8).finish());
  });
}

/** KDFe, Part 1, section 11.4.10.3: SP 800-56A's concatenation KDF, for secrets that an ECDH exchange made. */
export function kdfE(
  cryptography: Pick<TpmCryptography, 'digest'>,
  hash: HashName,
  shared: Uint8Array,
  label: string,
  partyU: Uint8Array,
  partyV: Uint8Array,
  octets: number,
): Uint8Array {
  return inBlocks(hash, octets, (counter) => {
    const input = new Writer().u32(counter).bytes(shared).bytes(labelOctets(label));
    return cryptography.digest(hash, input.bytes(partyU).bytes(partyV).finish());
  });
}

/** Labels are hashed with their terminating zero. */
export function labelOctets(label: string): Uint8Array {
  return Uint8Array.from([...label, '\0'], (character) => character.charCodeAt(0));
}

function inBlocks(hash: HashName, octets: number, block: (counter: number) => Uint8Array): Uint8Array {
  const count = Math.ceil(octets / hashByName(hash).digestSize);
  return concatBytes(...Array.from({ length: count }, (_, index) => block(index + 1))).slice(0, octets);
}

import { concatBytes } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import type { HashAlgorithm, HipCrypto } from './crypto-port.ts';
import { compareHits, type HostIdentityTag } from './host-identity-tag.ts';
import { type EspSuite, type HipCipher, hashLengths } from './suites.ts';

/** HKDF (RFC 5869): `length` octets from input keying material, a salt and a context. */
export function hkdf(
  {
    hash,
    keyMaterial,
    salt,
    info,
    length,
  }: { hash: HashAlgorithm; keyMaterial: Uint8Array; salt: Uint8Array; info: Uint8Array; length: number },
  crypto: Pick<HipCrypto, 'hmac'>,
): Uint8Array {
  if (length > 255 * hashLengths[hash]) throw new RangeError(`HKDF cannot give ${length} octets`);
  const key = crypto.hmac(hash, salt, keyMaterial);
  const output = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array();
  for (let offset = 0, counter = 1; offset < length; offset += block.length, counter++) {
    block = crypto.hmac(hash, key, concatBytes(block, info, Uint8Array.of(counter)));
    output.set(block.subarray(0, length - offset), offset);
  }
  return output;
}

export type HipKeys = { readonly encryption: Secret; readonly integrity: Secret };
export type EspKeys = { readonly encryption: Secret; readonly authentication: Secret };

/** The keys of an association as this side uses them. */
export type AssociationKeys = {
  readonly outgoing: HipKeys;
  readonly incoming: HipKeys;
  /** Octets drawn for HIP: where the ESP keys start (RFC 7402 §5.1.1). */
  readonly keymatIndex: number;
  espKeys(suite: EspSuite): { readonly outgoing: EspKeys; readonly incoming: EspKeys };
};

/**
 * Derives KEYMAT and draws from it in the order of RFC 7401 §6.5 and RFC 7402 §7: the greater HIT's outgoing keys come
 * first. The salt is #I ‖ #J, the context the smaller HIT before the larger.
 */
export function deriveKeys(
  input: {
    readonly hash: HashAlgorithm;
    readonly sharedSecret: Secret;
    readonly random: Uint8Array;
    readonly solution: Uint8Array;
    readonly local: HostIdentityTag;
    readonly peer: HostIdentityTag;
    readonly cipher: HipCipher;
  },
  crypto: Pick<HipCrypto, 'hmac'>,
): AssociationKeys {
  const { hash, cipher, local, peer } = input;
  const localIsGreater = compareHits(local, peer) > 0;
  const integrityLength = hashLengths[hash];
  const keymatIndex = 2 * (cipher.keyLength + integrityLength);
  const keymat = (length: number) =>
    hkdf(
      {
        hash,
        keyMaterial: input.sharedSecret.reveal(),
        salt: concatBytes(input.random, input.solution),
        info: localIsGreater ? concatBytes(peer, local) : concatBytes(local, peer),
        length,
      },
      crypto,
    );
  // One HKDF run covers the HIP keys and any ESP suite's.
  const material = keymat(keymatIndex + 2 * longestEspKeys);

  const draw = (start: number, lengths: readonly [number, number]) => {
    const middle = start + lengths[0];
    return [
      new Secret(material.slice(start, middle)),
      new Secret(material.slice(middle, middle + lengths[1])),
    ] as const;
  };
  const pair = (start: number, lengths: readonly [number, number]) => {
    const greater = draw(start, lengths);
    const less = draw(start + lengths[0] + lengths[1], lengths);
    return localIsGreater ? { outgoing: greater, incoming: less } : { outgoing: less, incoming: greater };
  };

  const hip = pair(0, [cipher.keyLength, integrityLength]);
  return {
    outgoing: { encryption: hip.outgoing[0], integrity: hip.outgoing[1] },
    incoming: { encryption: hip.incoming[0], integrity: hip.incoming[1] },
    keymatIndex,
    espKeys(suite) {
      const esp = pair(keymatIndex, [suite.encryptionKeyLength, suite.authenticationKeyLength]);
      return {
        outgoing: { encryption: esp.outgoing[0], authentication: esp.outgoing[1] },
        incoming: { encryption: esp.incoming[0], authentication: esp.incoming[1] },
      };
    },
  };
}

/** AES-256-CBC with HMAC-SHA-256, the suite that draws most. */
const longestEspKeys = 64;

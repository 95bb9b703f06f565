import { concatBytes } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import type { HashAlgorithm, HipCrypto } from './crypto-port.ts';
import { compareHits, type HostIdentityTag } from './host-identity-tag.ts';
import { type EspSuite, type HipCipher, hashLengths } from './suites.ts';

/** HKDF (RFC 5869) of input keying material, a salt and a context. */
type HkdfInput = {
  readonly hash: HashAlgorithm;
  readonly keyMaterial: Uint8Array;
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
};

/** Gives the first `length` octets of what HKDF expands to. Blocks are made once, as far as they are asked for. */
function expansion(
  { hash, keyMaterial, salt, info }: HkdfInput,
  crypto: Pick<HipCrypto, 'hmac'>,
): (length: number) => Uint8Array {
  const key = crypto.hmac(hash, salt, keyMaterial);
  const blocks: Uint8Array[] = [];
  return (length) => {
    if (length > hkdfLength(hash)) throw new RangeError(`HKDF cannot give ${length} octets`);
    while (blocks.length * hashLengths[hash] < length) {
      const previous = blocks.at(-1) ?? new Uint8Array();
      blocks.push(crypto.hmac(hash, key, concatBytes(previous, info, Uint8Array.of(blocks.length + 1))));
    }
    return concatBytes(...blocks).slice(0, length);
  };
}

/** The most that HKDF gives: its block counter is an octet (RFC 5869 §2.3). */
function hkdfLength(hash: HashAlgorithm): number {
  return 255 * hashLengths[hash];
}

/** `length` octets of HKDF. */
export function hkdf(
  { length, ...input }: HkdfInput & { readonly length: number },
  crypto: Pick<HipCrypto, 'hmac'>,
): Uint8Array {
  return expansion(input, crypto)(length);
}

export type HipKeys = { readonly encryption: Secret; readonly integrity: Secret };
export type EspKeys = { readonly encryption: Secret; readonly authentication: Secret };
type EspKeyPair = { readonly outgoing: EspKeys; readonly incoming: EspKeys };

/** Keying material of one Diffie-Hellman secret (RFC 7401 §6.5). */
export type Keymat = {
  /** Kij. */
  readonly sharedSecret: Secret;
  /** The ESP keys that start at an index, or undefined where KEYMAT ends before them. */
  espKeys(suite: EspSuite, index: number): EspKeyPair | undefined;
  /** Everything up to an index, for a key log. */
  upTo(index: number): Secret;
};

/** The keys of an association as this side uses them. */
export type AssociationKeys = {
  readonly outgoing: HipKeys;
  readonly incoming: HipKeys;
  /** Octets drawn for HIP: where the first ESP keys start (RFC 7402 §5.1.1). */
  readonly keymatIndex: number;
  readonly keymat: Keymat;
  /** The first ESP keys, those of the base exchange. */
  espKeys(suite: EspSuite): EspKeyPair;
  /**
   * The KEYMAT of another Diffie-Hellman secret, for ESP keys alone: #I, #J and the HITs stay those of the base exchange
   * (RFC 7401 §6.5), and HIP's own keys the association's (RFC 7402 §6.10).
   */
  renewed(sharedSecret: Secret): Keymat;
};

/** Octets of a suite's keys for both directions. */
export function espKeyLength(suite: EspSuite): number {
  return 2 * (suite.encryptionKeyLength + suite.authenticationKeyLength);
}

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
  const salt = concatBytes(input.random, input.solution);
  const info = localIsGreater ? concatBytes(peer, local) : concatBytes(local, peer);

  const firstOctets = (sharedSecret: Secret) =>
    expansion({ hash, keyMaterial: sharedSecret.reveal(), salt, info }, crypto);
  const pair = (octets: Uint8Array, start: number, lengths: readonly [number, number]) => {
    const drawn = (from: number) =>
      [
        new Secret(octets.slice(from, from + lengths[0])),
        new Secret(octets.slice(from + lengths[0], from + lengths[0] + lengths[1])),
      ] as const;
    const greater = drawn(start);
    const less = drawn(start + lengths[0] + lengths[1]);
    return localIsGreater ? { outgoing: greater, incoming: less } : { outgoing: less, incoming: greater };
  };
  const espKeysAt = (octets: Uint8Array, suite: EspSuite, index: number): EspKeyPair => {
    const esp = pair(octets, index, [suite.encryptionKeyLength, suite.authenticationKeyLength]);
    return {
      outgoing: { encryption: esp.outgoing[0], authentication: esp.outgoing[1] },
      incoming: { encryption: esp.incoming[0], authentication: esp.incoming[1] },
    };
  };
  const keymatOf = (sharedSecret: Secret, octets: (length: number) => Uint8Array): Keymat => ({
    sharedSecret,
    espKeys(suite, index) {
      const end = index + espKeyLength(suite);
      return end > hkdfLength(hash) ? undefined : espKeysAt(octets(end), suite, index);
    },
    upTo: (index) => new Secret(octets(index)),
  });

  const keymatIndex = 2 * (cipher.keyLength + hashLengths[hash]);
  const octets = firstOctets(input.sharedSecret);
  const hip = pair(octets(keymatIndex), 0, [cipher.keyLength, hashLengths[hash]]);
  return {
    outgoing: { encryption: hip.outgoing[0], integrity: hip.outgoing[1] },
    incoming: { encryption: hip.incoming[0], integrity: hip.incoming[1] },
    keymatIndex,
    keymat: keymatOf(input.sharedSecret, octets),
    espKeys: (suite) => espKeysAt(octets(keymatIndex + espKeyLength(suite)), suite, keymatIndex),
    renewed: (sharedSecret) => keymatOf(sharedSecret, firstOctets(sharedSecret)),
  };
}

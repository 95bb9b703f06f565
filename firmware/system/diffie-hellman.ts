import { createDiffieHellmanGroup, createECDH } from 'node:crypto';
import { Secret } from '../bytes/secret.ts';
import type { DhGroup, DhKeyPair } from '../hip/crypto-port.ts';
import { publicValueLengths } from '../hip/suites.ts';

const curves = { 7: 'prime256v1', 8: 'secp384r1', 9: 'secp521r1' } as const;
/** Node's names for the groups of RFC 3526 with 1536, 3072 and 2048 bits. */
const primes = { 3: 'modp5', 4: 'modp15', 11: 'modp14' } as const;

/** A key pair for one exchange in a group of RFC 7401 §5.2.7. */
export function generateKeyPair(group: DhGroup): DhKeyPair {
  switch (group) {
    case 7:
    case 8:
    case 9:
      return onCurve(group);
    case 3:
    case 4:
    case 11:
      return moduloPrime(group);
  }
}

function onCurve(group: keyof typeof curves): DhKeyPair {
  const ecdh = createECDH(curves[group]);
  const publicValue = new Uint8Array(ecdh.generateKeys()).subarray(1);
  return {
    group,
    publicValue,
    agree(peer) {
      if (peer.length !== publicValue.length) return undefined;
      return unlessRefused(() => ecdh.computeSecret(Buffer.concat([Buffer.of(4), peer])));
    },
  };
}

function moduloPrime(group: keyof typeof primes): DhKeyPair {
  const length = publicValueLengths[group];
  const diffieHellman = createDiffieHellmanGroup(primes[group]);
  return {
    group,
    publicValue: leftPadded(diffieHellman.generateKeys(), length),
    agree(peer) {
      if (peer.length === 0 || peer.length > length) return undefined;
      return unlessRefused(() => leftPadded(diffieHellman.computeSecret(peer), length));
    },
  };
}

/** Node throws for a point off the curve and for 0, 1, −1 and numbers beyond the prime: the peer's doing, not a defect. */
function unlessRefused(compute: () => Uint8Array): Secret | undefined {
  try {
    return new Secret(new Uint8Array(compute()));
  } catch {
    return undefined;
  }
}

function leftPadded(octets: Uint8Array, length: number): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(octets, length - octets.length);
  return padded;
}

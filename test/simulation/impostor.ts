import { concatBytes, equalBytes } from '../../firmware/bytes/bytes.ts';
import type { HipCrypto } from '../../firmware/hip/crypto-port.ts';
import type { HostIdentity } from '../../firmware/hip/host-identity.ts';
import { packetTypes } from '../../firmware/hip/packet.ts';
import type { SeededRandom } from './random.ts';
import type { PlannedEvent } from './scenario.ts';
import { standInIdentity, standInSignature } from './stand-in-crypto.ts';

/** What an impostor has in place of an identity of its own. */
export type Role = {
  readonly identity: HostIdentity;
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** Whether its R1s are as good as those of whom it plays. */
  readonly signsR1s: boolean;
  /** Changes the engine's cryptography. */
  readonly crypto: (honest: HipCrypto) => HipCrypto;
};

/** Makes somebody who plays the owner of an identity. */
export function makeRole(
  has: Extract<PlannedEvent, { type: 'impostor' }>['has'],
  played: HostIdentity,
  random: SeededRandom,
): Role {
  if (has !== 'own-key') {
    const signsR1s = has === 'signed-r1s';
    // The packet type stands in the third octet of what is signed.
    const sign = (message: Uint8Array) =>
      signsR1s && message[2] === packetTypes.R1 ? standInSignature(played, message) : random.octets(96);
    return { identity: played, sign, signsR1s, crypto: (honest) => honest };
  }
  const identity = standInIdentity(random);
  const { octets } = identity;
  const isOwn = (data: Uint8Array) => equalBytes(data.subarray(-octets.length), octets);
  const asPlayed = (data: Uint8Array) =>
    isOwn(data) ? concatBytes(data.subarray(0, -octets.length), played.octets) : data;
  return {
    identity,
    sign: (message) => standInSignature(identity, message),
    signsR1s: false,
    // It takes its own identity for the one of the HIT, which nobody else does.
    crypto: (honest) => ({ ...honest, hash: (algorithm, data) => honest.hash(algorithm, asPlayed(data)) }),
  };
}

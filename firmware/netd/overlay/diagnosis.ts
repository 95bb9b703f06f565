import { concatBytes, toHex } from '../../bytes/bytes.ts';
import type { HipCrypto } from '../../hip/crypto-port.ts';
import { compareHits, type HostIdentityTag } from '../../hip/host-identity-tag.ts';
import type { EspKeys } from '../../hip/key-material.ts';
import { limits as hipLimits } from '../../hip/limits.ts';
import { makeOffers, type Offers } from '../../hip/suites.ts';
import type { OverlayPorts } from './ports.ts';

/** What a command that tries exchanges needs of the operating system: no kernel data path. */
export type DiagnosticPorts = Pick<
  OverlayPorts,
  'socket' | 'crypto' | 'signer' | 'monotonic' | 'wallClock' | 'setTimer' | 'resolve'
>;

/** Everything that we take part in, so that another make of peer is met wherever it can be. */
export const diagnosticOffers: Offers = makeOffers({
  groups: [7, 8, 9, 11, 4, 3],
  suites: ['aes-gcm-16', 'aes-128-cbc-hmac-sha-256', 'aes-256-cbc-hmac-sha-256', 'aes-ccm-16'],
});

/** Tells two ends whether they have the same ESP keys, and nobody what these are: a part of their hash. */
export function keysFingerprint(
  { incoming, outgoing }: { readonly incoming: EspKeys; readonly outgoing: EspKeys },
  { local, peer }: { readonly local: HostIdentityTag; readonly peer: HostIdentityTag },
  crypto: Pick<HipCrypto, 'hash'>,
): string {
  const ordered = compareHits(local, peer) > 0 ? [outgoing, incoming] : [incoming, outgoing];
  const octets = ordered.flatMap(({ encryption, authentication }) => [
    encryption.reveal(),
    authentication.reveal(),
  ]);
  return toHex(crypto.hash('sha256', concatBytes(...octets)).subarray(0, 8));
}

/** A random SPI that is not reserved (RFC 4303 §2.1). */
export function randomSpi(crypto: Pick<HipCrypto, 'random'>): number {
  for (;;) {
    const octets = crypto.random(4);
    const spi = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
    if (spi >= hipLimits.smallestSpi) return spi;
  }
}

import { writeFileSync } from 'node:fs';
import { makeOffers, type Offers } from '../../firmware/hip/suites.ts';
import { checkExchange } from './naive-check.ts';
import {
  type IdentityKind,
  publicValueOf,
  recordExchange,
  recordedHosts,
  recordingCrypto,
} from './recorded-exchange.ts';

/**
 * Records whole base exchanges between two hosts of the firmware, with all their secrets, into test/vectors/hip:
 * `node test/hip/generate-vectors.ts`. The test that reads them trusts none of it: it recomputes everything.
 */
const vectors: readonly {
  readonly name: string;
  readonly initiator: IdentityKind;
  readonly responder: IdentityKind;
  readonly offers: Offers;
}[] = [
  { name: 'p256-gcm', initiator: 'P-256', responder: 'P-256', offers: makeOffers() },
  { name: 'p384', initiator: 'P-384', responder: 'P-384', offers: makeOffers() },
  { name: 'rsa-initiator', initiator: 'RSA', responder: 'P-256', offers: makeOffers() },
  { name: 'rsa-responder', initiator: 'P-256', responder: 'RSA', offers: makeOffers() },
  { name: 'ed25519-responder', initiator: 'P-256', responder: 'Ed25519', offers: makeOffers() },
  { name: 'group-8', initiator: 'P-256', responder: 'P-256', offers: makeOffers({ groups: [8] }) },
  { name: 'group-11', initiator: 'P-256', responder: 'P-256', offers: makeOffers({ groups: [11] }) },
  {
    name: 'aes-128-cbc',
    ...{ initiator: 'P-256', responder: 'P-256' },
    offers: makeOffers({ ciphers: ['aes-128-cbc'], suites: ['aes-128-cbc-hmac-sha-256'] }),
  },
  {
    name: 'null',
    ...{ initiator: 'P-256', responder: 'P-256' },
    offers: makeOffers({ ciphers: [], suites: [], allowNullEncryption: true }),
  },
];

for (const { name, initiator: first, responder: second, offers } of vectors) {
  const privateValues = new Map<string, Buffer>();
  const [initiator, responder] = await recordedHosts(
    { recorded: first, other: second },
    offers,
    privateValues,
    recordingCrypto(privateValues),
  );
  const { packets, esp } = await recordExchange(initiator, responder);
  const value = (octets: Buffer) => privateValues.get(publicValueOf(octets)) ?? Buffer.of();
  const privateKeys = { initiator: value(packets.i2), responder: value(packets.r1) };
  const { kij, keymat, hip } = await checkExchange(packets, {
    side: 'initiator',
    value: privateKeys.initiator,
  });
  const hex = (octets: Buffer) => octets.toString('hex');
  const vector = {
    initiator: { identity: first, diffieHellmanPrivateValue: hex(privateKeys.initiator) },
    responder: { identity: second, diffieHellmanPrivateValue: hex(privateKeys.responder) },
    packets: { i1: hex(packets.i1), r1: hex(packets.r1), i2: hex(packets.i2), r2: hex(packets.r2) },
    secrets: { kij, keymat, hip },
    /** What each end told its kernel. */
    esp,
  };
  writeFileSync(
    new URL(`../vectors/hip/${name}.json`, import.meta.url),
    `${JSON.stringify(vector, null, 2)}\n`,
  );
}

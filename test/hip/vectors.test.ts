import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../firmware/bytes/bytes.ts';
import { Secret } from '../../firmware/bytes/secret.ts';
import { decryptParameters } from '../../firmware/hip/encrypted.ts';
import { computeHit, type HostIdentityTag, hostIdentityTag } from '../../firmware/hip/host-identity-tag.ts';
import { deriveKeys } from '../../firmware/hip/key-material.ts';
import { decodePacket, encodePacket, type Packet, parameter } from '../../firmware/hip/packet.ts';
import type { ParameterName, ParameterOf } from '../../firmware/hip/parameter-fields.ts';
import { isSolution } from '../../firmware/hip/puzzle.ts';
import { signatureIsGood } from '../../firmware/hip/signed-packet.ts';
import { espSuites, hipCiphers, suiteHash } from '../../firmware/hip/suites.ts';
import { hipCrypto } from '../../firmware/system/hip-crypto.ts';
import { checkExchange, type ExchangeSecrets } from './naive-check.ts';
import type { EspOfEnd } from './recorded-exchange.ts';

type End = { readonly identity: string; readonly diffieHellmanPrivateValue: string };
type Vector = {
  readonly initiator: End;
  readonly responder: End;
  readonly packets: Readonly<Record<'i1' | 'r1' | 'i2' | 'r2', string>>;
  readonly secrets: Pick<ExchangeSecrets, 'kij' | 'keymat' | 'hip'>;
  readonly esp: Readonly<Record<'initiator' | 'responder', Required<EspOfEnd>>>;
};

const folder = new URL('../vectors/hip/', import.meta.url);
const vectors = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Vector] as const);

test('there are vectors of every kind', () => {
  expect(vectors.map(([name]) => name.slice(0, -5))).toEqual(
    ['aes-128-cbc', 'ed25519-responder', 'group-11', 'group-8', 'null', 'p256-gcm', 'p384']
      .concat(['rsa-initiator', 'rsa-responder'])
      .toSorted(),
  );
});

describe.each(vectors)('%s', (_, { packets, secrets, esp, ...ends }) => {
  const octets = {
    i1: Buffer.from(packets.i1, 'hex'),
    r1: Buffer.from(packets.r1, 'hex'),
    i2: Buffer.from(packets.i2, 'hex'),
    r2: Buffer.from(packets.r2, 'hex'),
  };

  test.each(['initiator', 'responder'] as const)(
    'the second implementation agrees, from the private value of the %s',
    async (side) => {
      const value = Buffer.from(ends[side].diffieHellmanPrivateValue, 'hex');
      const found = await checkExchange(octets, { side, value });
      expect({ kij: found.kij, keymat: found.keymat, hip: found.hip }).toEqual(secrets);
      expect(esp.initiator.outbound).toMatchObject({ spi: found.spis.responder, ...found.esp.initiator });
      expect(esp.initiator.inbound).toMatchObject({ spi: found.spis.initiator, ...found.esp.responder });
      expect(esp.responder).toEqual({ inbound: esp.initiator.outbound, outbound: esp.initiator.inbound });
    },
  );

  test.each(['i1', 'r1', 'i2', 'r2'] as const)('RFC 7401 §5: %s is written as it was read', (name) => {
    expect(toHex(encodePacket(decoded(packets[name])))).toBe(packets[name]);
  });

  test('RFC 7401 §6: the firmware finds HITs, signatures, solution and keys right', () => {
    const [r1, i2, r2] = [decoded(packets.r1), decoded(packets.i2), decoded(packets.r2)];
    const [local, peer] = [hitIn(i2.sender), hitIn(i2.receiver)];
    const [solution, hostId] = [needed(i2, 'SOLUTION'), needed(r1, 'HOST_ID')];
    const hash = suiteHash(peer);
    const [cipherId] = needed(i2, 'HIP_CIPHER').ciphers;
    const cipher = hipCiphers.find(({ id }) => id === cipherId);
    const suite = espSuites.find(({ name }) => name === esp.initiator.outbound.suite);
    if (hash === undefined || cipher === undefined || suite === undefined)
      throw new Error('a choice is not known');
    const { difficulty, random, solution: j } = solution;
    expect(isSolution({ hash, random, difficulty, initiator: local, responder: peer }, j, hipCrypto)).toBe(
      true,
    );
    const sharedSecret = new Secret(fromHex(secrets.kij) ?? new Uint8Array());
    const keys = deriveKeys({ hash, sharedSecret, random, solution: j, local, peer, cipher }, hipCrypto);
    const { outgoing, incoming } = keys.espKeys(suite);
    expect(toHex(outgoing.encryption.reveal())).toBe(esp.initiator.outbound.encryption);
    expect(toHex(incoming.authentication.reveal())).toBe(esp.initiator.inbound.authentication);
    expect(toHex(keys.incoming.integrity.reveal())).toBe(secrets.hip.responder.integrity);

    const responderIdentity = { algorithm: hostId.algorithm, octets: hostId.identity };
    expect(computeHit(responderIdentity, hipCrypto)).toEqual(peer);
    expect(signatureIsGood(r2, responderIdentity, hipCrypto)).toBe(true);
    const opening = { cipher, key: keys.outgoing.encryption, crypto: hipCrypto };
    const inner = decryptParameters(needed(i2, 'ENCRYPTED'), opening);
    const [own] = inner.ok ? inner.value : [];
    if (own?.name !== 'HOST_ID') throw new Error('no HOST_ID in ENCRYPTED');
    const initiatorIdentity = { algorithm: own.algorithm, octets: own.identity };
    expect(computeHit(initiatorIdentity, hipCrypto)).toEqual(local);
    expect(signatureIsGood(i2, initiatorIdentity, hipCrypto)).toBe(true);
    // Any other octet of the packet spoils it.
    const altered = decoded(packets.i2);
    altered.octets[60] = (altered.octets[60] ?? 0) ^ 1;
    expect(signatureIsGood(altered, initiatorIdentity, hipCrypto)).toBe(false);
  });
});

function decoded(hex: string): Packet {
  const packet = decodePacket(fromHex(hex) ?? new Uint8Array());
  if (!packet.ok) throw new Error(packet.error.problem);
  return packet.value;
}

function needed<Name extends ParameterName>(packet: Packet, name: Name): ParameterOf<Name> {
  const found = parameter(packet, name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

function hitIn(octets: Uint8Array): HostIdentityTag {
  const hit = hostIdentityTag(octets);
  if (hit === undefined) throw new Error('not a HIT');
  return hit;
}

import {
  constants,
  createECDH,
  createPublicKey,
  generateKeyPairSync,
  getDiffieHellman,
  type KeyObject,
  sign,
} from 'node:crypto';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { Secret } from '../../firmware/bytes/secret.ts';
import type { AssociationEffect, AssociationInput } from '../../firmware/hip/association.ts';
import type { DhGroup, DhKeyPair, HipCrypto } from '../../firmware/hip/crypto-port.ts';
import {
  encodeEcdsaIdentity,
  encodeEddsaIdentity,
  encodeRsaIdentity,
  type HostIdentity,
} from '../../firmware/hip/host-identity.ts';
import { parameter } from '../../firmware/hip/packet.ts';
import type { Offers } from '../../firmware/hip/suites.ts';
import type { HostIdentitySigner } from '../../firmware/netd/overlay/ports.ts';
import { signatureFromDer } from '../../firmware/system/ecdsa-signature.ts';
import { hipCrypto } from '../../firmware/system/hip-crypto.ts';
import type { ExchangePackets } from './naive-check.ts';
import { Host, parsed } from './two-hosts.ts';

export const identityKinds = ['P-256', 'P-384', 'RSA', 'Ed25519'] as const;
export type IdentityKind = (typeof identityKinds)[number];

/** A host identity of any kind that a peer may have. Our own are P-256. */
function signerOf(kind: IdentityKind): HostIdentitySigner {
  const key = newKey(kind);
  const identity = identityOf(kind, createPublicKey(key).export({ format: 'jwk' }));
  return { identity, sign: async (message) => new Uint8Array(signed(kind, key, message)) };
}

function newKey(kind: IdentityKind): KeyObject {
  if (kind === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519').privateKey;
  return generateKeyPairSync('ec', { namedCurve: kind }).privateKey;
}

type Jwk = { x?: string | undefined; y?: string | undefined; e?: string | undefined; n?: string | undefined };

function identityOf(kind: IdentityKind, jwk: Jwk): HostIdentity {
  const octets = (text = '') => new Uint8Array(Buffer.from(text, 'base64url'));
  if (kind === 'RSA') return encodeRsaIdentity({ exponent: octets(jwk.e), modulus: octets(jwk.n) });
  if (kind === 'Ed25519') return encodeEddsaIdentity({ curve: kind, publicKey: octets(jwk.x) });
  return encodeEcdsaIdentity({ curve: kind, x: octets(jwk.x), y: octets(jwk.y) });
}

function signed(kind: IdentityKind, key: KeyObject, message: Uint8Array): Uint8Array {
  if (kind === 'Ed25519') return sign(null, message, key);
  if (kind !== 'RSA') return signatureFromDer(sign('sha384', message, key), kind === 'P-256' ? 32 : 48);
  return sign('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
}

const curves: Partial<Record<DhGroup, string>> = { 7: 'prime256v1', 8: 'secp384r1', 9: 'secp521r1' };
const primes: Partial<Record<DhGroup, string>> = { 3: 'modp5', 4: 'modp15', 11: 'modp14' };

/** The firmware's cryptography, but key pairs whose private values can be looked up by the public ones in hexadecimal. */
export function recordingCrypto(privateValues: Map<string, Buffer>): HipCrypto {
  return {
    ...hipCrypto,
    generateKeyPair(group): DhKeyPair {
      const curve = curves[group];
      const { pair, publicValue, agree } = curve === undefined ? moduloPrime(group) : onCurve(curve);
      privateValues.set(toHex(publicValue), pair.getPrivateKey());
      return { group, publicValue, agree: (peer) => new Secret(new Uint8Array(agree(peer))) };
    },
  };
}

function onCurve(curve: string) {
  const pair = createECDH(curve);
  const publicValue = new Uint8Array(pair.generateKeys().subarray(1));
  return { pair, publicValue, agree: (peer: Uint8Array) => pair.computeSecret(Buffer.of(4, ...peer)) };
}

/** A public value is as long as the prime: Node leaves leading zeros out of it, though not out of the secret. */
function moduloPrime(group: DhGroup) {
  const pair = getDiffieHellman(primes[group] ?? '');
  const generated = pair.generateKeys();
  const publicValue = new Uint8Array(pair.getPrime().length);
  publicValue.set(generated, publicValue.length - generated.length);
  return { pair, publicValue, agree: (peer: Uint8Array) => pair.computeSecret(peer) };
}

type Installed = { spi: number; suite: string; encryption: string; authentication: string };

/** What an end told the kernel, by direction. */
export type EspOfEnd = { inbound?: Installed; outbound?: Installed };

/** Runs an exchange and keeps the packets, and what each end would have installed. */
export async function recordExchange(initiator: Host, responder: Host) {
  const esp = { initiator: {} as EspOfEnd, responder: {} as EspOfEnd };
  const step = async (host: Host, input: AssociationInput): Promise<Buffer> => {
    const effects = await host.settle(input);
    for (const effect of effects) keep(esp[host === initiator ? 'initiator' : 'responder'], effect);
    const [packet] = effects.flatMap((effect) => {
      if (effect.type === 'send') return [effect.packet];
      if (effect.type !== 'answer-i1') return [];
      return [host.responder.answer(effect.i1, effect.to, 0) ?? new Uint8Array()];
    });
    return Buffer.from(packet ?? []);
  };
  const received = (octets: Buffer, from: Host) => ({
    ...{ type: 'packet' as const, packet: parsed(new Uint8Array(octets)), from: from.locator },
  });
  const i1 = await step(initiator, { type: 'connect', to: responder.locator });
  const r1 = await step(responder, received(i1, initiator));
  const i2 = await step(initiator, received(r1, responder));
  const r2 = await step(responder, received(i2, initiator));
  await step(initiator, received(r2, responder));
  const packets: ExchangePackets = { i1, r1, i2, r2 };
  return { packets, esp };
}

function keep(end: EspOfEnd, effect: AssociationEffect): void {
  if (effect.type !== 'install-inbound' && effect.type !== 'install-outbound') return;
  const { spi, suite, keys } = effect.association;
  end[effect.type === 'install-inbound' ? 'inbound' : 'outbound'] = {
    ...{ spi, suite: suite.name },
    encryption: toHex(keys.encryption.reveal()),
    authentication: toHex(keys.authentication.reveal()),
  };
}

/** The public value in R1 or I2, in hexadecimal. */
export function publicValueOf(octets: Buffer): string {
  const { publicValue } = parameter(parsed(new Uint8Array(octets)), 'DIFFIE_HELLMAN') ?? {};
  return toHex(publicValue ?? new Uint8Array());
}

/** Two hosts that know each other, with R1s ready: the first with its private values recorded. */
export async function recordedHosts(
  kinds: { readonly recorded: IdentityKind; readonly other: IdentityKind },
  offers: Offers,
  privateValues: Map<string, Buffer>,
  crypto: HipCrypto = hipCrypto,
): Promise<readonly [recorded: Host, other: Host]> {
  const recorded = new Host(signerOf(kinds.recorded), '192.0.2.1', {
    crypto: recordingCrypto(privateValues),
    offers,
  });
  const other = new Host(signerOf(kinds.other), '192.0.2.2', { crypto, firstSpi: 0x2000, offers });
  recorded.meet(other);
  other.meet(recorded);
  await recorded.prepareR1s();
  await other.prepareR1s();
  return [recorded, other];
}

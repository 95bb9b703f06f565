import { constants, createPublicKey, generateKeyPairSync, getDiffieHellman, sign } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../firmware/bytes/bytes.ts';
import {
  decodeEcdsaIdentity,
  decodeEddsaIdentity,
  decodeRsaIdentity,
  encodeEddsaIdentity,
  encodeRsaIdentity,
  type HostIdentity,
} from '../../firmware/hip/host-identity.ts';
import { computeHit, formatHit } from '../../firmware/hip/host-identity-tag.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { hipCrypto } from '../../firmware/system/hip-crypto.ts';

const hex = (text: string) => fromHex(text.replaceAll(/\s/g, '')) ?? new Uint8Array();
const number = (length: number) => new Uint8Array(length).fill(0xc5);
const exponent = Uint8Array.of(1, 0, 1);

describe('RFC 3110 §2: RSA host identities', () => {
  test('the exponent’s length takes one octet, or a zero and two', () => {
    const short = encodeRsaIdentity({ exponent, modulus: number(256) });
    expect([short.algorithm, short.octets.length]).toEqual([5, 260]);
    expect(toHex(short.octets.subarray(0, 6))).toBe('03010001c5c5');
    expect(decodeRsaIdentity(short.octets)).toEqual({ ok: true, value: { exponent, modulus: number(256) } });
    const long = hex(`000003010001${'c5'.repeat(256)}`);
    expect(decodeRsaIdentity(long)).toEqual({ ok: true, value: { exponent, modulus: number(256) } });
    expect(
      toHex(encodeRsaIdentity({ exponent: number(256), modulus: number(256) }).octets.subarray(0, 4)),
    ).toBe('000100c5');
  });

  test(`moduli have ${limits.rsaModulusLength.join(' to ')} octets, exponents up to ${limits.rsaExponentLength}`, () => {
    const taken = (exponentLength: number, modulusLength: number) =>
      decodeRsaIdentity(
        encodeRsaIdentity({ exponent: number(exponentLength), modulus: number(modulusLength) }).octets,
      ).ok;
    const [least, most] = limits.rsaModulusLength;
    expect([taken(3, least - 1), taken(3, least), taken(3, most), taken(3, most + 1)]).toEqual([
      ...[false, true, true, false],
    ]);
    const longest = limits.rsaExponentLength;
    expect([taken(0, least), taken(1, least), taken(longest, least), taken(longest + 1, least)]).toEqual([
      ...[false, true, true, false],
    ]);
  });

  test('numbers with leading zeros would give one key several HITs', () => {
    const withZero = (at: 'exponent' | 'modulus') => {
      const key = { exponent: exponent.slice(), modulus: number(256) };
      key[at][0] = 0;
      return decodeRsaIdentity(encodeRsaIdentity(key).octets).ok;
    };
    expect([withZero('exponent'), withZero('modulus')]).toEqual([false, false]);
  });

  test('RFC 7401 §5.2.9: signatures are PSS, with a salt of any length', () => {
    const { privateKey: key, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
    const octets = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
    const identity = encodeRsaIdentity({ exponent: octets(e), modulus: octets(n) });
    const message = hex('0102');
    for (const saltLength of [0, 20, 32, 222]) {
      const signature = sign('sha256', message, {
        ...{ key, saltLength, padding: constants.RSA_PKCS1_PSS_PADDING },
      });
      expect(hipCrypto.verify(identity, 'sha256', message, signature)).toBe(true);
      expect(hipCrypto.verify(identity, 'sha256', hex('0103'), signature)).toBe(false);
      expect(hipCrypto.verify(identity, 'sha384', message, signature)).toBe(false);
    }
    const old = sign('sha256', message, { key, padding: constants.RSA_PKCS1_PADDING });
    expect(hipCrypto.verify(identity, 'sha256', message, old)).toBe(false);
    expect(hipCrypto.verify(identity, 'sha256', message, new Uint8Array())).toBe(false);
  });
});

describe('RFC 9374 §3.4.1.1: EdDSA host identities', () => {
  const publicKey = hex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');

  test('RFC 8032 §7.1, test 1: the curve, zero and the key; the signature over nothing', () => {
    const identity = encodeEddsaIdentity({ curve: 'Ed25519', publicKey });
    expect(identity.algorithm).toBe(13);
    expect(toHex(identity.octets)).toBe(`00010000${toHex(publicKey)}`);
    const signature = hex(`
      e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555
      fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b`);
    expect(hipCrypto.verify(identity, 'cshake128', new Uint8Array(), signature)).toBe(true);
    expect(hipCrypto.verify(identity, 'cshake128', hex('00'), signature)).toBe(false);
  });

  test('§3.5.2.1: the HIT is 96 bits of cSHAKE128 over context and identity, under 2001:20::/28 with suite 5', () => {
    const hit = computeHit(encodeEddsaIdentity({ curve: 'Ed25519', publicKey }), hipCrypto);
    // Computed with another program: printf <context ‖ identity> | openssl dgst -shake128 -xoflen 12.
    expect(hit && formatHit(hit)).toBe('2001:25:94f8:6e7a:36ad:d203:ed89:625f');
  });

  test('Ed448 has label 3; those that hash first, a rest and another length are refused', () => {
    const { privateKey } = generateKeyPairSync('ed448');
    const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
    const key = new Uint8Array(Buffer.from(x, 'base64url'));
    const identity = encodeEddsaIdentity({ curve: 'Ed448', publicKey: key });
    expect(toHex(identity.octets.subarray(0, 4))).toBe('00030000');
    expect(decodeEddsaIdentity(identity.octets)).toEqual({
      ok: true,
      value: { curve: 'Ed448', publicKey: key },
    });
    const message = hex('01');
    const signature = new Uint8Array(sign(null, message, privateKey));
    expect(hipCrypto.verify(identity, 'cshake128', message, signature)).toBe(true);
    const refused = ['00020000', '00000000', '00040000', '00010001'].map((start) =>
      hex(start + toHex(publicKey)),
    );
    refused.push(hex(`00010000${toHex(publicKey)}00`), hex('00010000'), hex('00'));
    for (const octets of refused) expect(decodeEddsaIdentity(octets).ok).toBe(false);
    expect(() => encodeEddsaIdentity({ curve: 'Ed448', publicKey })).toThrow(RangeError);
  });
});

test('no octets of any algorithm make an identity throw, and none that is nobody’s signs anything', async () => {
  const identity = fc.record({
    algorithm: fc.constantFrom(0, 3, 5, 7, 9, 13),
    octets: fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.uint8Array({ minLength: 32, maxLength: 64 }).map((rest) => Uint8Array.of(0, 1, 0, 0, ...rest)),
      fc.uint8Array({ minLength: 256, maxLength: 256 }).map((rest) => Uint8Array.of(3, 1, 0, 1, ...rest)),
    ),
  });
  await fc.assert(
    fc.property(identity, fc.uint8Array({ maxLength: 96 }), (given: HostIdentity, signature) => {
      for (const decode of [decodeRsaIdentity, decodeEddsaIdentity, decodeEcdsaIdentity])
        decode(given.octets);
      expect(hipCrypto.verify(given, 'sha256', Uint8Array.of(1), signature)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

describe('RFC 3526 and RFC 7401 §5.2.7: MODP groups', () => {
  test('public values and Kij are as long as the prime, and a peer’s value may lack its leading zeros', () => {
    const pair = hipCrypto.generateKeyPair(3);
    expect(pair.publicValue.length).toBe(192);
    const padded = (value: number) => {
      const octets = new Uint8Array(192);
      new DataView(octets.buffer).setUint32(188, value);
      return octets;
    };
    // A Kij with a leading zero comes about once in 256 values.
    for (let value = 2; ; value++) {
      const shared = pair.agree(padded(value))?.reveal() ?? new Uint8Array();
      expect(shared.length).toBe(192);
      expect(pair.agree(padded(value).subarray(188))?.reveal()).toEqual(shared);
      if (shared[0] === 0) break;
    }
  });

  test('0, 1, −1, the prime and longer values give nothing', () => {
    const pair = hipCrypto.generateKeyPair(3);
    const prime = new Uint8Array(getDiffieHellman('modp5').getPrime());
    const minusOne = prime.slice();
    minusOne[191] = (minusOne[191] ?? 0) - 1;
    for (const value of [
      new Uint8Array(192),
      Uint8Array.of(1),
      minusOne,
      prime,
      number(193),
      new Uint8Array(),
    ])
      expect(pair.agree(value)).toBeUndefined();
  });
});

import { createECDH, createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../firmware/bytes/bytes.ts';
import { Secret } from '../../firmware/bytes/secret.ts';
import { decryptParameters, encryptParameters } from '../../firmware/hip/encrypted.ts';
import { decodeEcdsaIdentity, encodeEcdsaIdentity } from '../../firmware/hip/host-identity.ts';
import {
  computeHit,
  formatHit,
  type HostIdentityTag,
  parseHit,
} from '../../firmware/hip/host-identity-tag.ts';
import { deriveKeys, hkdf } from '../../firmware/hip/key-material.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { isSolution, solvePuzzle } from '../../firmware/hip/puzzle.ts';
import { espSuites, hipCiphers } from '../../firmware/hip/suites.ts';
import { signatureFromDer, signatureToDer } from '../../firmware/system/ecdsa-signature.ts';
import { hipCrypto } from '../../firmware/system/hip-crypto.ts';
import { keccak256, kmac128 } from '../../firmware/system/kmac.ts';

const hex = (text: string) => fromHex(text.replaceAll(/\s/g, '')) ?? new Uint8Array();
const hit = (text: string): HostIdentityTag => {
  const parsed = parseHit(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

describe('RFC 5869 appendix A: HKDF with SHA-256', () => {
  test.each([
    {
      name: 'A.1',
      keyMaterial: '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
      salt: '000102030405060708090a0b0c',
      info: 'f0f1f2f3f4f5f6f7f8f9',
      okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    },
    {
      name: 'A.3, without salt and info',
      keyMaterial: '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
      salt: '',
      info: '',
      okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    },
  ])('$name', ({ keyMaterial, salt, info, okm }) => {
    const input = {
      hash: 'sha256',
      keyMaterial: hex(keyMaterial),
      salt: hex(salt),
      info: hex(info),
      length: 42,
    } as const;
    expect(toHex(hkdf(input, hipCrypto))).toBe(okm);
  });

  test('gives at most 255 blocks', () => {
    const input = { hash: 'sha256', keyMaterial: hex('00'), salt: hex(''), info: hex('') } as const;
    expect(hkdf({ ...input, length: 255 * 32 }, hipCrypto).length).toBe(255 * 32);
    expect(() => hkdf({ ...input, length: 255 * 32 + 1 }, hipCrypto)).toThrow(RangeError);
  });
});

describe('RFC 5903 §8.1: ECDH with P-256', () => {
  const i = hex('C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433');
  const gi = hex(`DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180
                  5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3`);
  const gr = hex(`D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63
                  56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB`);
  const shared = 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de';

  test('the shared secret is the X coordinate alone', () => {
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(i);
    expect(toHex(ecdh.getPublicKey()).slice(2)).toBe(toHex(gi));
    // The port's key pairs are made by the same calls, but cannot be given a private key.
    expect(toHex(ecdh.computeSecret(concatBytes(Uint8Array.of(4), gr)))).toBe(shared);
  });

  test.each([
    [7, 64, 32],
    [8, 96, 48],
    [9, 132, 66],
  ] as const)('group %i: X ‖ Y of %i octets, a secret of %i', (group, length, secretLength) => {
    const [left, right] = [hipCrypto.generateKeyPair(group), hipCrypto.generateKeyPair(group)];
    expect(left.publicValue.length).toBe(length);
    const secret = left.agree(right.publicValue)?.reveal();
    expect(secret?.length).toBe(secretLength);
    expect(right.agree(left.publicValue)?.reveal()).toEqual(secret);
  });

  test('a value that is no point of the curve gives nothing (RFC 7401 §5.3.2)', () => {
    const pair = hipCrypto.generateKeyPair(7);
    const off = gr.slice();
    off[40] = (off[40] ?? 0) ^ 1;
    expect(pair.agree(off)).toBeUndefined();
    expect(pair.agree(new Uint8Array(64))).toBeUndefined();
    expect(pair.agree(gr.subarray(1))).toBeUndefined();
    expect(pair.agree(gr)).toBeDefined();
  });
});

describe('RFC 4754 §8: ECDSA signatures as r ‖ s', () => {
  const p256 = encodeEcdsaIdentity({
    curve: 'P-256',
    x: hex('2442A5CC 0ECD015F A3CA31DC 8E2BBC70 BF42D60C BCA20085 E0822CB0 4235E970'),
    y: hex('6FC98BD7 E50211A4 A27102FA 3549DF79 EBCB4BF2 46B80945 CDDFE7D5 09BBFD7D'),
  });
  const abc = new TextEncoder().encode('abc');
  const signature256 = hex(`CB28E099 9B9C7715 FD0A80D8 E47A7707 9716CBBF 917DD72E 97566EA1 C066957C
                            86FA3BB4 E26CAD5B F90B7F81 899256CE 7594BB1E A0C89212 748BFF3B 3D5B0315`);

  test('§8.1: ECDSA-256', () => {
    expect(hipCrypto.verify(p256, 'sha256', abc, signature256)).toBe(true);
    expect(hipCrypto.verify(p256, 'sha384', abc, signature256)).toBe(false);
    expect(hipCrypto.verify(p256, 'sha256', abc.slice(1), signature256)).toBe(false);
  });

  test('§8.2: ECDSA-384', () => {
    const p384 = encodeEcdsaIdentity({
      curve: 'P-384',
      x: hex(`96281BF8 DD5E0525 CA049C04 8D345D30 82968D10 FEDF5C5A CA0C64E6 465A97EA
              5CE10C9D FEC21797 41571072 1F437922`),
      y: hex(`447688BA 94708EB6 E2E4D59F 6AB6D7ED FF9301D2 49FE49C3 3096655F 5D502FAD
              3D383B91 C5E7EDAA 2B714CC9 9D5743CA`),
    });
    const signature = hex(`FB017B91 4E291494 32D8BAC2 9A514640 B46F53DD AB2C6994 8084E293 0F1C8F7E
                           08E07C9C 63F2D21A 07DCB56A 6AF56EB3
                           B263A130 5E057F98 4D38726A 1B468741 09F417BC A112674C 528262A4 0A629AF1
                           CBB9F516 CE0FA7D2 FF630863 A00E8B9F`);
    expect(hipCrypto.verify(p384, 'sha384', abc, signature)).toBe(true);
    // RFC 7401 §5.2.9: curve(2) ‖ 0x04 ‖ X ‖ Y.
    expect([p256.octets.length, p384.octets.length]).toEqual([67, 99]);
    expect(toHex(p384.octets.subarray(0, 4))).toBe('00020496');
  });

  test('anything else that calls itself a signature or a key is refused, not thrown', () => {
    for (const length of [0, 1, 63, 64, 96, 98, 300]) {
      expect(hipCrypto.verify(p256, 'sha384', abc, new Uint8Array(length).fill(1))).toBe(false);
    }
    const off = { ...p256, octets: p256.octets.slice().fill(1, 10, 20) };
    expect(hipCrypto.verify(off, 'sha256', abc, signature256)).toBe(false);
    expect(hipCrypto.verify({ algorithm: 5, octets: p256.octets }, 'sha256', abc, signature256)).toBe(false);
  });

  test('DER and r ‖ s turn into each other, whatever the leading octets are', () => {
    for (const [r, s] of [
      ['00', '01'],
      ['80', 'ff'],
      ['0080', '7f00'],
      ['000001', '00ff00'],
    ] as const) {
      const raw = concatBytes(hex(r.padStart(64, '0')), hex(s.padStart(64, '0')));
      expect(signatureFromDer(signatureToDer(raw), 32)).toEqual(raw);
      const long = concatBytes(hex(r.padEnd(64, '0')), hex(s.padEnd(64, '0')));
      expect(signatureFromDer(signatureToDer(long), 32)).toEqual(long);
    }
  });

  test('OpenSSL’s signatures read back as r ‖ s, also those with short numbers', () => {
    const { privateKey: pem } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = createPublicKey(pem).export({ format: 'jwk' });
    const coordinate = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
    const identity = encodeEcdsaIdentity({ curve: 'P-256', x: coordinate(x), y: coordinate(y) });
    for (let count = 0; count < 300; count++) {
      const message = Uint8Array.of(count >> 8, count);
      const raw = signatureFromDer(sign('sha384', message, pem), 32);
      expect(hipCrypto.verify(identity, 'sha384', message, raw)).toBe(true);
    }
  });
});

describe('RFC 7343 §2: HITs', () => {
  const contextId = hex('F0EF F02F BFF4 3D0F E793 0C3C 6E61 74EA');
  test.each([
    { algorithm: 7, hash: 'sha384', from: 18, nibble: '2' },
    { algorithm: 5, hash: 'sha256', from: 10, nibble: '1' },
    { algorithm: 3, hash: 'sha256', from: 10, nibble: '1' },
    { algorithm: 9, hash: 'sha1', from: 4, nibble: '3' },
  ] as const)(
    'algorithm $algorithm: octets from $from of $hash below 2001:2$nibble',
    ({ algorithm, hash, from, nibble }) => {
      const octets = hex('0001 04 aabb');
      const digest = hipCrypto.hash(hash, concatBytes(contextId, octets));
      const computed = computeHit({ algorithm, octets }, hipCrypto);
      expect(computed && toHex(computed)).toBe(`2001002${nibble}${toHex(digest.subarray(from, from + 12))}`);
    },
  );

  test('an unknown algorithm has none', () => {
    expect(computeHit({ algorithm: 8, octets: hex('00') }, hipCrypto)).toBeUndefined();
  });

  test('a host identity with another curve, point form or length is refused', () => {
    const good = concatBytes(hex('0001 04'), new Uint8Array(64).fill(7));
    expect(decodeEcdsaIdentity(good).ok).toBe(true);
    for (const bad of [good.subarray(1), concatBytes(good, hex('00')), hex('0003 04'), hex('')]) {
      expect(decodeEcdsaIdentity(bad).ok).toBe(false);
    }
    expect(decodeEcdsaIdentity(good.slice().fill(2, 2, 3)).ok).toBe(false);
  });
});

describe('RFC 7401 §6.3: puzzle', () => {
  const puzzle = {
    hash: 'sha384',
    random: new Uint8Array(48).fill(1),
    initiator: hit('2001:22::1'),
    responder: hit('2001:22::2'),
  } as const;

  test.each([0, 1, 7, 8, 9, 12])('%i bits: the solution leaves them zero', (difficulty) => {
    const solution = solvePuzzle({ ...puzzle, difficulty }, hipCrypto);
    if (solution === undefined) throw new Error('unsolved');
    const digest = hipCrypto.hash(
      'sha384',
      concatBytes(puzzle.random, puzzle.initiator, puzzle.responder, solution),
    );
    const low = BigInt(`0x${toHex(digest)}`) & ((1n << BigInt(difficulty)) - 1n);
    expect(low).toBe(0n);
    expect(isSolution({ ...puzzle, difficulty }, solution, hipCrypto)).toBe(true);
  });

  test('a wrong one is noticed', () => {
    const solution = solvePuzzle({ ...puzzle, difficulty: 12 }, hipCrypto) ?? new Uint8Array();
    expect(isSolution({ ...puzzle, difficulty: 12, initiator: hit('2001:22::3') }, solution, hipCrypto)).toBe(
      false,
    );
    expect(isSolution({ ...puzzle, difficulty: 255 }, solution, hipCrypto)).toBe(false);
  });

  test(`more than ${limits.puzzleDifficulty} bits are not tried`, () => {
    // Every hash is zero: whatever is tried is solved.
    const easy = { random: hipCrypto.random, hash: () => new Uint8Array(48) };
    expect(solvePuzzle({ ...puzzle, difficulty: limits.puzzleDifficulty }, easy)).toBeDefined();
    expect(solvePuzzle({ ...puzzle, difficulty: limits.puzzleDifficulty + 1 }, easy)).toBeUndefined();
  });

  test('an impossible one ends', () => {
    let tries = 0;
    const impossible = {
      random: hipCrypto.random,
      hash: () => {
        tries++;
        return new Uint8Array(48).fill(0xff);
      },
    };
    expect(solvePuzzle({ ...puzzle, difficulty: 4 }, impossible)).toBeUndefined();
    expect(tries).toBe(16 * limits.puzzleTriesFactor);
  });
});

describe('RFC 4231: HMAC', () => {
  test.each([
    [
      'sha256',
      '0b'.repeat(20),
      'Hi There',
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    ],
    [
      'sha384',
      '4a656665',
      'what do ya want for nothing?',
      'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    ],
    [
      'sha384',
      'aa'.repeat(131),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952',
    ],
  ] as const)('%s', (algorithm, key, data, expected) => {
    expect(toHex(hipCrypto.hmac(algorithm, hex(key), new TextEncoder().encode(data)))).toBe(expected);
  });

  test('of keys and data of every length is what Node says', () => {
    for (const algorithm of ['sha1', 'sha256', 'sha384'] as const) {
      for (let length = 0; length < 140; length++) {
        const [key, data] = [hipCrypto.random(length), hipCrypto.random(length)];
        const expected = createHmac(algorithm, key).update(data).digest('hex');
        expect(toHex(hipCrypto.hmac(algorithm, key, data))).toBe(expected);
      }
    }
  });
});

describe('NIST SP 800-185: KMAC128', () => {
  test('sample 1', () => {
    const key = Uint8Array.from({ length: 32 }, (_, index) => 0x40 + index);
    expect(toHex(kmac128(key, hex('00010203'), 32))).toBe(
      'e5780b0d3ea6f7d3a429c5706aa43a00fadbd7d49628839e3187243f456ee14e',
    );
  });

  test('its sponge with the suffix of SHAKE128 is what OpenSSL computes, for messages of every length about a block', () => {
    for (const length of [0, 1, 166, 167, 168, 169, 335, 336, 337, 1000]) {
      const message = hipCrypto.random(length);
      expect(keccak256(message, 0x1f, 32)).toEqual(hipCrypto.hash('cshake128', message));
    }
    expect(toHex(hipCrypto.hash('cshake128', hex('')))).toBe(
      '7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26',
    );
  });
});

describe('RFC 7401 §6.5 and RFC 7402 §7: KEYMAT', () => {
  const [small, great] = [hit('2001:22::1'), hit('2001:22::2')];
  const random = new Uint8Array(48).fill(3);
  const solution = new Uint8Array(48).fill(5);
  const sharedSecret = new Secret(new Uint8Array(32).fill(9));
  const cipher = hipCiphers[0] ?? { id: 0, name: 'aes-256-cbc' as const, keyLength: 0 };
  const material = hkdf(
    {
      hash: 'sha384',
      keyMaterial: sharedSecret.reveal(),
      salt: concatBytes(random, solution),
      info: concatBytes(small, great),
      length: 400,
    },
    hipCrypto,
  );
  const of = (local: HostIdentityTag, peer: HostIdentityTag) =>
    deriveKeys({ hash: 'sha384', sharedSecret, random, solution, local, peer, cipher }, hipCrypto);

  test('the greater HIT’s outgoing keys come first, encryption before integrity', () => {
    const greater = of(great, small);
    expect(greater.outgoing.encryption.reveal()).toEqual(material.slice(0, 32));
    expect(greater.outgoing.integrity.reveal()).toEqual(material.slice(32, 80));
    expect(greater.incoming.encryption.reveal()).toEqual(material.slice(80, 112));
    expect(greater.incoming.integrity.reveal()).toEqual(material.slice(112, 160));
    expect(greater.keymatIndex).toBe(160);
  });

  test('the smaller HIT sees the same keys the other way round', () => {
    const [greater, smaller] = [of(great, small), of(small, great)];
    expect(smaller.incoming.integrity.reveal()).toEqual(greater.outgoing.integrity.reveal());
    expect(smaller.outgoing.encryption.reveal()).toEqual(greater.incoming.encryption.reveal());
  });

  test.each(espSuites)('ESP keys of $name follow at the index', (suite) => {
    const { encryptionKeyLength: encryption, authenticationKeyLength: authentication } = suite;
    const { outgoing, incoming } = of(great, small).espKeys(suite);
    const middle = 160 + encryption + authentication;
    expect(outgoing.encryption.reveal()).toEqual(material.slice(160, 160 + encryption));
    expect(outgoing.authentication.reveal()).toEqual(material.slice(160 + encryption, middle));
    expect(incoming.encryption.reveal()).toEqual(material.slice(middle, middle + encryption));
    expect(incoming.authentication.reveal()).toEqual(
      material.slice(middle + encryption, middle + encryption + authentication),
    );
  });
});

describe('RFC 7401 §5.2.18: ENCRYPTED', () => {
  const echo = (length: number) => ({
    name: 'ECHO_REQUEST_SIGNED' as const,
    data: new Uint8Array(length).fill(8),
  });

  test.each(hipCiphers)('$name: parameters of any length come back', (cipher) => {
    const opening = { cipher, key: new Secret(hipCrypto.random(cipher.keyLength)), crypto: hipCrypto };
    for (let length = 0; length < 40; length++) {
      const encrypted = encryptParameters([echo(length)], opening);
      expect(encrypted.data.length % (cipher.name === 'null' ? 8 : 16)).toBe(0);
      expect(decryptParameters(encrypted, opening)).toEqual({ ok: true, value: [echo(length)] });
    }
  });

  test('a peer that pads only where the block is not full is understood', () => {
    const [cipher] = hipCiphers;
    if (cipher === undefined || cipher.name === 'null') throw new Error('no cipher');
    const key = new Secret(hipCrypto.random(cipher.keyLength));
    const iv = hipCrypto.random(16);
    const plain = concatBytes(hex('0381000c'), new Uint8Array(12).fill(9));
    const data = concatBytes(iv, hipCrypto.encrypt(cipher.name, key.reveal(), iv, plain));
    expect(decryptParameters({ name: 'ENCRYPTED', data }, { cipher, key, crypto: hipCrypto })).toMatchObject({
      ok: true,
      value: [{ name: 'ECHO_REQUEST_SIGNED' }],
    });
  });

  test('what is cut, empty or opened with another key is an error, not an exception', () => {
    const [cipher] = hipCiphers;
    if (cipher === undefined) throw new Error('no cipher');
    const opening = { cipher, key: new Secret(hipCrypto.random(cipher.keyLength)), crypto: hipCrypto };
    const { data } = encryptParameters([echo(20)], opening);
    for (const length of [0, 15, 16, 17, data.length - 1]) {
      expect(decryptParameters({ name: 'ENCRYPTED', data: data.subarray(0, length) }, opening).ok).toBe(
        false,
      );
    }
    const other = { ...opening, key: new Secret(hipCrypto.random(cipher.keyLength)) };
    expect(decryptParameters({ name: 'ENCRYPTED', data }, other).ok).toBe(false);
  });
});

test('HITs sort as numbers and print canonically', () => {
  expect(formatHit(hit('2001:0022:0000:0000:00AB::'))).toBe('2001:22:0:0:ab::');
  expect(formatHit(hit('2001:22:1:0:0:1:0:0'))).toBe('2001:22:1::1:0:0');
});

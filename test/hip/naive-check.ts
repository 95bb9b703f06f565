import {
  constants,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  getDiffieHellman,
  type KeyObject,
  verify,
} from 'node:crypto';

/**
 * Recomputes a whole base exchange from its packets and one Diffie-Hellman private value, written plainly from RFC 7401,
 * 7402, 7343, 3110 and 9374: no code of the firmware, every offset by hand. Throws at the first thing that is wrong.
 */
export type ExchangePackets = {
  readonly i1: Buffer;
  readonly r1: Buffer;
  readonly i2: Buffer;
  readonly r2: Buffer;
};

/** All secrets of an exchange; `esp` and `hip` hold what each end sends under. */
export type ExchangeSecrets = {
  readonly kij: string;
  readonly keymat: string;
  readonly hip: Readonly<Record<'initiator' | 'responder', { encryption: string; integrity: string }>>;
  readonly esp: Readonly<Record<'initiator' | 'responder', { encryption: string; authentication: string }>>;
  readonly spis: Readonly<Record<'initiator' | 'responder', number>>;
};

type Tlv = {
  readonly type: number;
  readonly contents: Buffer;
  readonly offset: number;
  readonly end: number;
};
type Rhash = {
  readonly length: number;
  readonly digest: (data: Buffer) => Buffer;
  readonly hmac: (key: Buffer, data: Buffer) => Promise<Buffer>;
};

const contextId = Buffer.from('f0eff02fbff43d0fe7930c3c6e6174ea', 'hex');

function plainHash(name: 'sha256' | 'sha384', length: number): Rhash {
  return {
    length,
    digest: (data) => createHash(name).update(data).digest(),
    hmac: async (key, data) => createHmac(name, key).update(data).digest(),
  };
}

/** By HIT suite. The KMAC is WebCrypto's. */
const rhashes: Readonly<Record<number, Rhash>> = {
  1: plainHash('sha256', 32),
  2: plainHash('sha384', 48),
  5: {
    length: 32,
    digest: (data) => createHash('shake128', { outputLength: 32 }).update(data).digest(),
    async hmac(key, data) {
      const { subtle } = globalThis.crypto;
      const name = 'KMAC128';
      // The types do not know this format yet.
      const format = 'raw-secret' as 'raw';
      const imported = await subtle.importKey(format, new Uint8Array(key), { name }, false, ['sign']);
      return Buffer.from(
        await subtle.sign(
          { name, outputLength: 256, length: 256 } as { name: string },
          imported,
          new Uint8Array(data),
        ),
      );
    },
  },
};

/** Key lengths by HIP_CIPHER, and of encryption and authentication by ESP_TRANSFORM. */
const cipherKeys: Readonly<Record<number, number>> = { 1: 0, 2: 16, 4: 32 };
const espKeys: Readonly<Record<number, readonly [number, number]>> = {
  7: [0, 32],
  8: [16, 32],
  9: [32, 32],
  11: [19, 0],
  13: [20, 0],
};

export async function checkExchange(
  { i1, r1, i2, r2 }: ExchangePackets,
  privateValue: { readonly side: 'initiator' | 'responder'; readonly value: Buffer },
): Promise<ExchangeSecrets> {
  const [initiator, responder] = [i1.subarray(8, 24), i1.subarray(24, 40)];
  for (const [packet, from, to, type] of [
    [i1, initiator, responder, 1],
    [r1, responder, initiator, 2],
    [i2, initiator, responder, 3],
    [r2, responder, initiator, 4],
  ] as const) {
    demand(
      packet.readUInt8(0) === 59 && packet.readUInt8(2) === type && packet.readUInt8(3) === 0x21,
      'header',
    );
    demand(packet.readUInt16BE(4) === 0, 'checksum over UDP');
    demand(packet.subarray(8, 24).equals(from) && packet.subarray(24, 40).equals(to), 'HITs');
  }
  const [p1, pr1, p2, pr2] = [tlvs(i1), tlvs(r1), tlvs(i2), tlvs(r2)];
  const rhash = rhashOf(responder);

  // R1: the HIT is that of the HI, and the signature leaves out what depends on the initiator (RFC 7401 §5.2.15).
  const hostId = one(pr1, 705);
  const responderHi = hostIdentity(hostId.contents);
  demand(hitOf(responderHi, responder).equals(responder), 'R1: HIT');
  const puzzle = one(pr1, 257).contents;
  demand(puzzle.length === 4 + rhash.length, 'R1: #I is as long as RHASH');
  const signed = covered(r1, one(pr1, 61633).offset);
  signed.fill(0, 24, 40);
  signed.fill(0, one(pr1, 257).offset + 6, one(pr1, 257).offset + 8 + rhash.length);
  demand(isSigned(responderHi, responder, signed, one(pr1, 61633).contents), 'R1: signature');
  const offered = [...one(p1, 511).contents];
  const group = [...one(pr1, 511).contents].find((candidate) => offered.includes(candidate));
  demand(one(pr1, 513).contents.readUInt8(0) === group, 'R1: group');

  // I2: the puzzle, what was chosen, KEYMAT, HIP_MAC, the identity, the signature.
  const solution = one(p2, 321).contents;
  demand(solution[0] === puzzle[0] && solution[1] === 0, 'I2: #K');
  demand(solution.subarray(2, 4 + rhash.length).equals(puzzle.subarray(2)), 'I2: Opaque and #I');
  const j = solution.subarray(4 + rhash.length);
  demand(j.length === rhash.length, 'I2: #J');
  const i = puzzle.subarray(4);
  const digest = BigInt(`0x${rhash.digest(Buffer.concat([i, initiator, responder, j])).toString('hex')}`);
  demand(digest % (1n << BigInt(puzzle[0] ?? 0)) === 0n, 'I2: puzzle');
  demand(one(p2, 129).contents.equals(one(pr1, 129).contents), 'I2: R1_COUNTER');
  const cipher = chosen(one(p2, 579).contents, one(pr1, 579).contents, 0);
  const suite = chosen(one(p2, 4095).contents, one(pr1, 4095).contents, 2);
  const values = { initiator: one(p2, 513).contents, responder: one(pr1, 513).contents };
  demand(values.initiator[0] === group, 'I2: group');
  const publicValue = (side: 'initiator' | 'responder') => {
    demand(values[side].readUInt16BE(1) === values[side].length - 3, 'Public Value Length');
    return values[side].subarray(3);
  };
  const other = privateValue.side === 'initiator' ? 'responder' : 'initiator';
  const agreed = agree(group ?? 0, privateValue.value, publicValue(other));
  demand(agreed.own.equals(publicValue(privateValue.side)), 'the private value is that of the exchange');
  const [encryption = 0, authentication = 0] = espKeys[suite] ?? [];
  const cipherKey = cipherKeys[cipher] ?? 0;
  const index = 2 * (cipherKey + rhash.length);
  const length = index + 2 * (encryption + authentication);
  const info = Buffer.concat([initiator, responder].toSorted(Buffer.compare));
  const keymat = await hkdf(rhash, agreed.kij, Buffer.concat([i, j]), info, length);

  const isGreater = Buffer.compare(initiator, responder) > 0;
  const draw = (side: 'initiator' | 'responder', start: number, first: number, second: number) => {
    const offset = start + ((side === 'initiator') === isGreater ? 0 : first + second);
    return [
      keymat.subarray(offset, offset + first),
      keymat.subarray(offset + first, offset + first + second),
    ] as const;
  };
  const hip = {
    initiator: draw('initiator', 0, cipherKey, rhash.length),
    responder: draw('responder', 0, cipherKey, rhash.length),
  };
  const mac = one(p2, 61505);
  demand((await rhash.hmac(hip.initiator[1], covered(i2, mac.offset))).equals(mac.contents), 'I2: HIP_MAC');
  const inner = decrypted(cipher, hip.initiator[0], one(p2, 641).contents.subarray(4));
  const initiatorHi = hostIdentity(one(tlvs(inner, 0), 705).contents);
  demand(hitOf(initiatorHi, initiator).equals(initiator), 'I2: HIT');
  const i2Signature = one(p2, 61697);
  demand(
    isSigned(initiatorHi, initiator, covered(i2, i2Signature.offset), i2Signature.contents),
    'I2: signature',
  );

  // R2: HIP_MAC_2 also covers the HOST_ID of R1 (RFC 7401 §6.4.1).
  const mac2 = one(pr2, 61569);
  const withHostId = Buffer.concat([r2.subarray(0, mac2.offset), r1.subarray(hostId.offset, hostId.end)]);
  demand(
    (await rhash.hmac(hip.responder[1], covered(withHostId, withHostId.length))).equals(mac2.contents),
    'R2: HIP_MAC_2',
  );
  const r2Signature = one(pr2, 61697);
  demand(
    isSigned(responderHi, responder, covered(r2, r2Signature.offset), r2Signature.contents),
    'R2: signature',
  );
  for (const list of [p2, pr2]) {
    demand(one(list, 65).contents.readUInt16BE(2) === index, 'KEYMAT index');
    demand(one(list, 65).contents.readUInt32BE(4) === 0, 'OLD SPI');
  }

  const hex = ([first, second]: readonly [Buffer, Buffer]) =>
    [first.toString('hex'), second.toString('hex')] as const;
  const named = (side: 'initiator' | 'responder') => {
    const [hipEncryption, integrity] = hex(hip[side]);
    const [espEncryption, espAuthentication] = hex(draw(side, index, encryption, authentication));
    return {
      hip: { encryption: hipEncryption, integrity },
      esp: { encryption: espEncryption, authentication: espAuthentication },
    };
  };
  const [left, right] = [named('initiator'), named('responder')];
  return {
    kij: agreed.kij.toString('hex'),
    keymat: keymat.toString('hex'),
    hip: { initiator: left.hip, responder: right.hip },
    esp: { initiator: left.esp, responder: right.esp },
    spis: {
      initiator: one(p2, 65).contents.readUInt32BE(8),
      responder: one(pr2, 65).contents.readUInt32BE(8),
    },
  };
}

function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`wrong: ${what}`);
}

/** Parameters after the header's 40 octets, or from `start`: in order, padded with zeros to 8 octets. */
function tlvs(octets: Buffer, start = 40): Tlv[] {
  if (start === 40) demand(octets.length === (octets.readUInt8(1) + 1) * 8, 'Header Length');
  const list: Tlv[] = [];
  for (let offset = start; offset < octets.length; ) {
    const type = octets.readUInt16BE(offset);
    const length = octets.readUInt16BE(offset + 2);
    const end = offset + Math.ceil((length + 4) / 8) * 8;
    demand(type >= (list.at(-1)?.type ?? 0) && end <= octets.length, 'order and length of parameters');
    demand(
      octets.subarray(offset + 4 + length, end).every((octet) => octet === 0),
      'padding',
    );
    list.push({ type, contents: octets.subarray(offset + 4, offset + 4 + length), offset, end });
    offset = end;
  }
  return list;
}

function one(list: readonly Tlv[], type: number): Tlv {
  const [found, ...more] = list.filter((candidate) => candidate.type === type);
  demand(found !== undefined && more.length === 0, `one parameter ${type}`);
  return found;
}

/** The packet up to a parameter, as MACs and signatures see it (RFC 7401 §6.4). */
function covered(packet: Buffer, end: number): Buffer {
  const octets = Buffer.from(packet.subarray(0, end));
  octets[1] = octets.length / 8 - 1;
  return octets.fill(0, 4, 6);
}

function chosen(choice: Buffer, offer: Buffer, start: number): number {
  demand(choice.length === start + 2, 'one choice');
  const value = choice.readUInt16BE(start);
  const offered = [];
  for (let offset = start; offset < offer.length; offset += 2) offered.push(offer.readUInt16BE(offset));
  demand(offered.includes(value), 'a choice that was offered');
  return value;
}

type NaiveIdentity = { readonly algorithm: number; readonly octets: Buffer };

function hostIdentity(contents: Buffer): NaiveIdentity {
  const length = contents.readUInt16BE(0);
  demand(contents.length === 6 + length + (contents.readUInt16BE(2) & 0x0fff), 'HOST_ID');
  return { algorithm: contents.readUInt16BE(4), octets: contents.subarray(6, 6 + length) };
}

function suiteOf(hit: Buffer): number {
  return hit.readUInt8(3) & 15;
}

function rhashOf(hit: Buffer): Rhash {
  const rhash = rhashes[suiteOf(hit)];
  demand(rhash !== undefined, 'HIT suite');
  return rhash;
}

/** RFC 7343 §2: the middle 96 bits; RFC 9374 §3.5.2.1: the first 96 of a hash that gives as many as are asked for. */
function hitOf({ algorithm, octets }: NaiveIdentity, hit: Buffer): Buffer {
  demand(suiteOf(hit) === { 5: 1, 7: 2, 13: 5 }[algorithm], 'HIT suite of the algorithm');
  const digest = rhashOf(hit).digest(Buffer.concat([contextId, octets]));
  const start = suiteOf(hit) === 5 ? 0 : (digest.length - 12) / 2;
  return Buffer.concat([Buffer.of(0x20, 1, 0, 0x20 | suiteOf(hit)), digest.subarray(start, start + 12)]);
}

function isSigned(
  { algorithm, octets }: NaiveIdentity,
  hit: Buffer,
  message: Buffer,
  contents: Buffer,
): boolean {
  demand(contents.readUInt16BE(0) === algorithm, 'SIG alg');
  const signature = contents.subarray(2);
  const base64 = (part: Buffer) => part.toString('base64url');
  const imported = (key: Record<string, string>): KeyObject => createPublicKey({ key, format: 'jwk' });
  if (algorithm === 7) {
    const [curve, size] = octets.readUInt16BE(0) === 1 ? (['P-256', 32] as const) : (['P-384', 48] as const);
    demand(
      octets.length === 3 + 2 * size && octets[2] === 4 && signature.length === 2 * size,
      'ECDSA lengths',
    );
    const [x, y] = [base64(octets.subarray(3, 3 + size)), base64(octets.subarray(3 + size))];
    const key = imported({ kty: 'EC', crv: curve, x, y });
    return verify('sha384', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
  }
  if (algorithm === 13) {
    demand(octets.length === 36 && octets.readUInt32BE(0) === 0x10000, 'EdDSA identity');
    return verify(
      null,
      message,
      imported({ kty: 'OKP', crv: 'Ed25519', x: base64(octets.subarray(4)) }),
      signature,
    );
  }
  const size = octets.readUInt8(0);
  const key = imported({
    kty: 'RSA',
    e: base64(octets.subarray(1, 1 + size)),
    n: base64(octets.subarray(1 + size)),
  });
  demand(suiteOf(hit) === 1, 'HIT suite of RSA');
  // The salt is as long as the hash.
  return verify(
    'sha256',
    message,
    { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    signature,
  );
}

/** Our own public value and Kij, by elliptic curves of OpenSSL or by plain powers. */
function agree(group: number, privateValue: Buffer, peer: Buffer): { own: Buffer; kij: Buffer } {
  const curve = { 7: 'prime256v1', 8: 'secp384r1', 9: 'secp521r1' }[group];
  if (curve !== undefined) {
    const ecdh = createECDH(curve);
    ecdh.setPrivateKey(privateValue);
    const kij = ecdh.computeSecret(Buffer.concat([Buffer.of(4), peer]));
    return { own: ecdh.getPublicKey().subarray(1), kij };
  }
  const name = { 3: 'modp5', 4: 'modp15', 11: 'modp14' }[group];
  demand(name !== undefined, 'group');
  const prime = getDiffieHellman(name).getPrime();
  const number = (octets: Buffer) => BigInt(`0x${octets.toString('hex')}`);
  const power = (base: bigint) =>
    Buffer.from(
      modularPower(base, number(privateValue), number(prime))
        .toString(16)
        .padStart(prime.length * 2, '0'),
      'hex',
    );
  return { own: power(2n), kij: power(number(peer)) };
}

function modularPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** RFC 5869. */
async function hkdf(
  rhash: Rhash,
  keyMaterial: Buffer,
  salt: Buffer,
  info: Buffer,
  length: number,
): Promise<Buffer> {
  const key = await rhash.hmac(salt, keyMaterial);
  const blocks: Buffer[] = [];
  while (Buffer.concat(blocks).length < length)
    blocks.push(
      await rhash.hmac(
        key,
        Buffer.concat([blocks.at(-1) ?? Buffer.of(), info, Buffer.of(blocks.length + 1)]),
      ),
    );
  return Buffer.concat(blocks).subarray(0, length);
}

function decrypted(cipher: number, key: Buffer, data: Buffer): Buffer {
  if (cipher === 1) return data;
  const decipher = createDecipheriv(cipher === 2 ? 'aes-128-cbc' : 'aes-256-cbc', key, data.subarray(0, 16));
  return Buffer.concat([decipher.update(data.subarray(16)), decipher.final()]);
}

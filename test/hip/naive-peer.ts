import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createSign,
  createVerify,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

/**
 * A second, deliberately plain HIPv2 initiator and responder, written from RFC 7401 and RFC 7402 alone: no code of the
 * firmware, every offset by hand. It knows HIT suite 2, P-256, AES-256-CBC and AES-GCM-16 only.
 */
type Tlv = { type: number; contents: Buffer; offset: number; end: number };

const contextId = Buffer.from('f0eff02fbff43d0fe7930c3c6e6174ea', 'hex');
const sha384 = (...parts: Uint8Array[]) => createHash('sha384').update(Buffer.concat(parts)).digest();

export class NaivePeer {
  readonly #key: KeyObject;
  readonly hi: Buffer;
  readonly hit: Buffer;
  readonly #ecdh = createECDH('prime256v1');
  readonly spi = randomBytes(4);
  #hostIdOfPeer = Buffer.alloc(0);
  keymat: Buffer = Buffer.alloc(0);
  peerSpi = 0;
  /** #I and #J, which later KEYMATs need too (RFC 7401 §6.5), and the peer's latest Diffie-Hellman value. */
  #salt: Buffer = Buffer.alloc(0);
  #peerValue: Buffer = Buffer.alloc(0);
  #hiOfPeer: Buffer = Buffer.alloc(0);
  /** Where ESP keys come from now: a KEYMAT of its own after a new Diffie-Hellman exchange. */
  #espKeymat: Buffer = Buffer.alloc(0);
  #espIndex = 160;
  #nextIndex = 200;
  #updateId = 0;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    // A P-256 SubjectPublicKeyInfo ends with 0x04 ‖ X ‖ Y.
    const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
    this.hi = Buffer.concat([Buffer.of(0, 1), point]);
    this.hit = Buffer.concat([Buffer.from('20010022', 'hex'), sha384(contextId, this.hi).subarray(18, 30)]);
    this.#ecdh.generateKeys();
  }

  i1(peerHit: Uint8Array): Buffer {
    return this.#packet(1, peerHit, [tlv(511, Buffer.of(7))]);
  }

  /** Checks an R1 as an initiator and answers with I2. */
  i2(r1: Buffer): Buffer {
    const parameters = tlvs(r1);
    const at = (type: number) => found(parameters, type);
    expectOrder(parameters);
    const hostId = at(705);
    const hi = hostId.contents.subarray(6, 6 + hostId.contents.readUInt16BE(0));
    const peerHit = Buffer.concat([Buffer.from('20010022', 'hex'), sha384(contextId, hi).subarray(18, 30)]);
    if (!peerHit.equals(r1.subarray(8, 24))) throw new Error('R1: HIT is not that of the HI');
    const unsigned = Buffer.from(r1.subarray(0, at(61633).offset));
    unsigned[1] = unsigned.length / 8 - 1;
    unsigned.fill(0, 4, 6).fill(0, 24, 40);
    unsigned.fill(0, at(257).offset + 6, at(257).offset + 8 + 48);
    if (!verified(hi, unsigned, at(61633).contents)) throw new Error('R1: signature');
    this.#hostIdOfPeer = Buffer.from(r1.subarray(hostId.offset, hostId.end));

    const puzzle = at(257).contents;
    const [difficulty, random] = [puzzle[0] ?? 0, puzzle.subarray(4)];
    if (difficulty !== 0) throw new Error('only free puzzles');
    const solution = randomBytes(48);
    this.#derive(at(513).contents, random, solution, peerHit);
    const { encryption, integrity } = this.#keys(peerHit, 'outgoing');
    const inner = tlv(705, Buffer.concat([u16(this.hi.length), u16(0), u16(7), this.hi]));
    const iv = randomBytes(16);
    const cipher = createCipheriv('aes-256-cbc', encryption, iv);
    const encrypted = Buffer.concat([cipher.update(inner), cipher.final()]);
    const parts = [
      tlv(65, Buffer.concat([u16(0), u16(160), Buffer.alloc(4), this.spi])),
      tlv(129, at(129).contents),
      tlv(321, Buffer.concat([Buffer.of(difficulty, 0), puzzle.subarray(2, 4), random, solution])),
      tlv(513, Buffer.concat([Buffer.of(7), u16(64), this.#ecdh.getPublicKey().subarray(1)])),
      tlv(579, u16(4)),
      tlv(641, Buffer.concat([Buffer.alloc(4), iv, encrypted])),
      tlv(2049, u16(4095)),
      tlv(4095, Buffer.concat([u16(0), u16(13)])),
    ];
    return this.#finish(3, peerHit, parts, 61505, integrity);
  }

  /** Checks an R2. */
  finish(r2: Buffer): void {
    const parameters = tlvs(r2);
    expectOrder(parameters);
    const peerHit = r2.subarray(8, 24);
    const mac = found(parameters, 61569);
    const covered = Buffer.concat([r2.subarray(0, mac.offset), this.#hostIdOfPeer]);
    covered[1] = covered.length / 8 - 1;
    covered.fill(0, 4, 6);
    const { integrity } = this.#keys(peerHit, 'incoming');
    if (!createHmac('sha384', integrity).update(covered).digest().equals(mac.contents))
      throw new Error('R2: MAC');
    const hi = this.#hostIdOfPeer.subarray(10, 10 + 67);
    this.#hiOfPeer = Buffer.from(hi);
    this.#verifySignature(r2, parameters, hi, 'R2');
    this.peerSpi = found(parameters, 65).contents.readUInt32BE(8);
  }

  /** A responder's R1 for an I1, with a #I of its choice. */
  r1(i1: Buffer): Buffer {
    const parts = [
      tlv(129, Buffer.concat([Buffer.from('01020304', 'hex'), Buffer.alloc(7), Buffer.of(9)])),
      tlv(257, Buffer.concat([Buffer.of(3, 40, 0, 0), Buffer.alloc(48)])),
      tlv(511, Buffer.of(9, 7, 8)),
      tlv(513, Buffer.concat([Buffer.of(7), u16(64), this.#ecdh.getPublicKey().subarray(1)])),
      tlv(579, Buffer.concat([u16(2), u16(4)])),
      tlv(705, Buffer.concat([u16(this.hi.length), u16(0x1004), u16(7), this.hi, Buffer.from('\x02hi\0')])),
      tlv(715, Buffer.of(0x10, 0x20)),
      tlv(897, Buffer.from('echo this')),
      tlv(2049, u16(4095)),
      tlv(4095, Buffer.concat([u16(0), u16(8), u16(13)])),
    ];
    // Group 9 stands before 7 in this list: the initiator must have offered only what it lists, so offer 7 alone.
    parts[2] = tlv(511, Buffer.of(7));
    const unsigned = this.#packet(2, Buffer.alloc(16), parts);
    const r1 = Buffer.concat([
      unsigned,
      tlv(61633, Buffer.concat([u16(7), this.#sign(unsigned)])),
      tlv(63661, Buffer.from('middlebox')),
    ]);
    r1[1] = r1.length / 8 - 1;
    i1.copy(r1, 24, 8, 24);
    const puzzle = found(tlvs(r1), 257).offset;
    randomBytes(50).copy(r1, puzzle + 6);
    return r1;
  }

  /** Checks an I2 as a responder and answers with R2. */
  r2(i2: Buffer, r1: Buffer): Buffer {
    const parameters = tlvs(i2);
    expectOrder(parameters);
    const at = (type: number) => found(parameters, type).contents;
    const peerHit = i2.subarray(8, 24);
    const sent = found(tlvs(r1), 257).contents;
    const solution = at(321);
    if (
      !solution.subarray(2, 4).equals(sent.subarray(2, 4)) ||
      !solution.subarray(4, 52).equals(sent.subarray(4))
    ) {
      throw new Error('I2: not our puzzle');
    }
    const digest = sha384(solution.subarray(4, 52), peerHit, this.hit, solution.subarray(52));
    if (((digest[47] ?? 1) & 7) !== 0) throw new Error('I2: puzzle not solved');
    if (!at(129).equals(found(tlvs(r1), 129).contents)) throw new Error('I2: R1_COUNTER not echoed verbatim');
    if (at(961).toString() !== 'echo this') throw new Error('I2: signed echo');
    if (at(63425).toString() !== 'middlebox') throw new Error('I2: unsigned echo');
    if (at(579).readUInt16BE(0) !== 4 || at(579).length !== 2) throw new Error('I2: cipher');
    if (at(4095).readUInt16BE(2) !== 13 || at(4095).length !== 4) throw new Error('I2: ESP suite');
    this.#derive(at(513), solution.subarray(4, 52), solution.subarray(52), peerHit);
    const { encryption, integrity } = this.#keys(peerHit, 'incoming');
    const mac = found(parameters, 61505);
    const covered = Buffer.from(i2.subarray(0, mac.offset));
    covered[1] = covered.length / 8 - 1;
    covered.fill(0, 4, 6);
    if (!createHmac('sha384', integrity).update(covered).digest().equals(mac.contents))
      throw new Error('I2: MAC');
    const secret = at(641);
    const decipher = createDecipheriv('aes-256-cbc', encryption, secret.subarray(4, 20));
    const inner = Buffer.concat([decipher.update(secret.subarray(20)), decipher.final()]);
    if (inner.readUInt16BE(0) !== 705) throw new Error('I2: no HOST_ID inside');
    const hi = inner.subarray(10, 10 + inner.readUInt16BE(4));
    const hit = Buffer.concat([Buffer.from('20010022', 'hex'), sha384(contextId, hi).subarray(18, 30)]);
    if (!hit.equals(peerHit)) throw new Error('I2: HIT is not that of the HI');
    this.#verifySignature(i2, parameters, hi, 'I2');
    this.#hiOfPeer = Buffer.from(hi);
    if (at(65).readUInt16BE(2) !== 160) throw new Error('I2: KEYMAT index');
    this.peerSpi = at(65).readUInt32BE(8);
    const own = tlvs(r1).find(({ type }) => type === 705);
    if (own === undefined) throw new Error('R1: no HOST_ID');
    const hostId = r1.subarray(own.offset, own.end);
    const parts = [tlv(65, Buffer.concat([u16(0), u16(160), Buffer.alloc(4), this.spi]))];
    return this.#finish(4, peerHit, parts, 61569, this.#keys(peerHit, 'outgoing').integrity, hostId);
  }

  /** The AES-GCM key and salt of one direction, greater HIT first: 160 octets into the first KEYMAT, later elsewhere. */
  espKey(peerHit: Uint8Array, direction: 'outgoing' | 'incoming'): Buffer {
    const first = Buffer.compare(this.hit, peerHit) > 0 === (direction === 'outgoing');
    const start = this.#espIndex + (first ? 0 : 20);
    return this.#espKeymat.subarray(start, start + 20);
  }

  /** UPDATE with our half of a rekey: with an index, or with a new key of our own and index 0 (RFC 7402 §6.8). */
  rekey(
    peerHit: Buffer,
    newSpi: Buffer,
    { isRenewed = false, acks = -1, index = this.#nextIndex } = {},
  ): Buffer {
    if (isRenewed) this.#ecdh.generateKeys();
    const parts = [
      tlv(65, Buffer.concat([u16(0), u16(isRenewed ? 0 : index), this.spi, newSpi])),
      tlv(385, u32(this.#updateId++)),
      ...(acks < 0 ? [] : [tlv(449, u32(acks))]),
      ...(isRenewed
        ? [tlv(513, Buffer.concat([Buffer.of(7), u16(64), this.#ecdh.getPublicKey().subarray(1)]))]
        : []),
    ];
    newSpi.copy(this.spi);
    return this.#finish(16, peerHit, parts, 61505, this.#keys(peerHit, 'outgoing').integrity);
  }

  /** UPDATE that only acknowledges, with the peer's echo. */
  acknowledge(peerHit: Buffer, updateId: number, echo: Buffer): Buffer {
    const parts = [tlv(449, u32(updateId)), tlv(961, echo)];
    return this.#finish(16, peerHit, parts, 61505, this.#keys(peerHit, 'outgoing').integrity);
  }

  /** Checks an UPDATE of the peer and takes it apart. */
  update(packet: Buffer): ReadUpdate {
    const parameters = tlvs(packet);
    expectOrder(parameters);
    const mac = found(parameters, 61505);
    const covered = Buffer.from(packet.subarray(0, mac.offset));
    covered[1] = covered.length / 8 - 1;
    covered.fill(0, 4, 6);
    const { integrity } = this.#keys(packet.subarray(8, 24), 'incoming');
    if (!createHmac('sha384', integrity).update(covered).digest().equals(mac.contents))
      throw new Error('UPDATE: MAC');
    this.#verifySignature(packet, parameters, this.#hiOfPeer, 'UPDATE');
    const of = (type: number) => parameters.find((one) => one.type === type)?.contents;
    return {
      info: of(65),
      seq: of(385)?.readUInt32BE(0),
      ack: of(449)?.readUInt32BE(0),
      dh: of(513),
      echo: of(897),
    };
  }

  /** Both halves are there (RFC 7402 §6.10): a new KEYMAT where there was a new key, and the greater index elsewhere. */
  finishRekey(peerHit: Buffer, { info, dh }: ReadUpdate, ours: { isRenewed: boolean; index: number }): void {
    if (info === undefined) throw new Error('UPDATE: no ESP_INFO');
    if (info.readUInt32BE(4) !== this.peerSpi) throw new Error('UPDATE: OLD SPI');
    this.peerSpi = info.readUInt32BE(8);
    if (dh !== undefined) this.#peerValue = Buffer.from(dh.subarray(3, 67));
    const isRenewed = ours.isRenewed || dh !== undefined;
    if (dh !== undefined && info.readUInt16BE(2) !== 0) throw new Error('UPDATE: index beside a new key');
    if (isRenewed) this.#espKeymat = this.#expand(peerHit);
    this.#espIndex = isRenewed ? 0 : Math.max(ours.index, info.readUInt16BE(2));
    this.#nextIndex = this.#espIndex + 40;
  }

  #expand(peerHit: Buffer): Buffer {
    const shared = this.#ecdh.computeSecret(Buffer.concat([Buffer.of(4), this.#peerValue]));
    const info = Buffer.concat([this.hit, peerHit].sort(Buffer.compare));
    return Buffer.from(hkdfSync('sha384', shared, this.#salt, info, 2000));
  }

  #derive(dh: Buffer, random: Buffer, solution: Buffer, peerHit: Buffer): void {
    this.#peerValue = Buffer.from(dh.subarray(3, 67));
    this.#salt = Buffer.concat([random, solution]);
    this.keymat = this.#expand(peerHit);
    this.#espKeymat = this.keymat;
  }

  #keys(peerHit: Uint8Array, direction: 'outgoing' | 'incoming'): { encryption: Buffer; integrity: Buffer } {
    const start = Buffer.compare(this.hit, peerHit) > 0 === (direction === 'outgoing') ? 0 : 80;
    return {
      encryption: this.keymat.subarray(start, start + 32),
      integrity: this.keymat.subarray(start + 32, start + 80),
    };
  }

  #packet(type: number, peerHit: Uint8Array, parts: Buffer[]): Buffer {
    const packet = Buffer.concat([Buffer.of(59, 0, type, 0x21, 0, 0, 0, 0), this.hit, peerHit, ...parts]);
    packet[1] = packet.length / 8 - 1;
    return packet;
  }

  #finish(
    type: number,
    peerHit: Buffer,
    parts: Buffer[],
    macType: number,
    key: Buffer,
    hostId?: Buffer,
  ): Buffer {
    const bare = this.#packet(type, peerHit, parts);
    const covered = this.#packet(type, peerHit, hostId === undefined ? parts : [...parts, hostId]);
    const mac = tlv(macType, createHmac('sha384', key).update(covered).digest());
    const unsigned = Buffer.concat([bare, mac]);
    unsigned[1] = unsigned.length / 8 - 1;
    const packet = Buffer.concat([unsigned, tlv(61697, Buffer.concat([u16(7), this.#sign(unsigned)]))]);
    packet[1] = packet.length / 8 - 1;
    return packet;
  }

  #sign(message: Buffer): Buffer {
    return createSign('sha384').update(message).sign({ key: this.#key, dsaEncoding: 'ieee-p1363' });
  }

  #verifySignature(packet: Buffer, parameters: Tlv[], hi: Buffer, name: string): void {
    const signature = found(parameters, 61697);
    const covered = Buffer.from(packet.subarray(0, signature.offset));
    covered[1] = covered.length / 8 - 1;
    covered.fill(0, 4, 6);
    if (!verified(hi, covered, signature.contents)) throw new Error(`${name}: signature`);
  }
}

/** What an UPDATE of the peer holds. */
type ReadUpdate = {
  readonly info: Buffer | undefined;
  readonly seq: number | undefined;
  readonly ack: number | undefined;
  readonly dh: Buffer | undefined;
  readonly echo: Buffer | undefined;
};

function u32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

function tlv(type: number, contents: Buffer): Buffer {
  const whole = Buffer.concat([u16(type), u16(contents.length), contents]);
  return Buffer.concat([whole, Buffer.alloc((8 - (whole.length % 8)) % 8)]);
}

function tlvs(packet: Buffer): Tlv[] {
  if (packet.length !== ((packet[1] ?? 0) + 1) * 8) throw new Error('Header Length is wrong');
  const list: Tlv[] = [];
  for (let offset = 40; offset < packet.length; ) {
    const length = packet.readUInt16BE(offset + 2);
    const end = offset + Math.ceil((length + 4) / 8) * 8;
    list.push({
      type: packet.readUInt16BE(offset),
      contents: packet.subarray(offset + 4, offset + 4 + length),
      offset,
      end,
    });
    offset = end;
  }
  return list;
}

function found(parameters: Tlv[], type: number): Tlv {
  const one = parameters.find((parameter) => parameter.type === type);
  if (one === undefined) throw new Error(`parameter ${type} is missing`);
  return one;
}

function expectOrder(parameters: Tlv[]): void {
  for (const [index, { type }] of parameters.entries()) {
    if (index > 0 && type < (parameters[index - 1]?.type ?? 0))
      throw new Error(`parameter ${type} is out of order`);
  }
}

function verified(hi: Buffer, message: Buffer, parameter: Buffer): boolean {
  if (parameter.readUInt16BE(0) !== 7 || hi.readUInt16BE(0) !== 1 || parameter.length !== 66) return false;
  const prefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
  const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([prefix, hi.subarray(2)]).toString('base64')}\n-----END PUBLIC KEY-----\n`;
  return createVerify('sha384')
    .update(message)
    .verify({ key: pem, dsaEncoding: 'ieee-p1363' }, parameter.subarray(2));
}

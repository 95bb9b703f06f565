import type { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { algorithm } from './constants.ts';
import { limits } from './limits.ts';
import { readSized, writeSized } from './sized.ts';

/** A scheme with the hash it is used with: TPMT_ECC_SCHEME, TPMT_RSA_SCHEME, TPMT_KDF_SCHEME (Part 2, section 11.2). */
export type Scheme = { readonly algorithm: number; readonly hash: number } | null;

/** TPMT_SYM_DEF_OBJECT (section 11.1.7): how a storage key protects its children; null for keys that are no parents. */
export type SymmetricDefinition = {
  readonly algorithm: number;
  readonly keyBits: number;
  readonly mode: number;
} | null;

/** TPMS_ECC_PARMS and TPMS_ECC_POINT, sections 12.2.3.6 and 11.2.5. Coordinates are unsigned, big-endian. */
export type EccKey = {
  readonly type: 'ecc';
  readonly symmetric: SymmetricDefinition;
  readonly scheme: Scheme;
  readonly curve: number;
  readonly kdf: Scheme;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
};

/** TPMS_RSA_PARMS and TPM2B_PUBLIC_KEY_RSA, sections 12.2.3.5 and 11.2.4.5. An exponent of 0 means 65537. */
export type RsaKey = {
  readonly type: 'rsa';
  readonly symmetric: SymmetricDefinition;
  readonly scheme: Scheme;
  readonly keyBits: number;
  readonly exponent: number;
  readonly modulus: Uint8Array;
};

/** A sealed data object: a keyed-hash object without a scheme (section 12.2.3.3); `unique` is a digest over the secret. */
export type SealedObject = { readonly type: 'keyedhash'; readonly unique: Uint8Array };

/** TPMT_PUBLIC, section 12.2.4: an asymmetric key's or a sealed object's public area. `attributes` are TPMA_OBJECT bits (section 8.3). */
export type PublicArea = {
  readonly nameAlgorithm: number;
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  readonly key: EccKey | RsaKey | SealedObject;
};

/** Symmetric and HMAC keys are refused: this client makes and loads none. */
export function readPublicArea(reader: Reader): PublicArea {
  const type = reader.u16('type');
  const readKey = keyReaders.get(type);
  if (readKey === undefined) {
    return reader.fail(`object type 0x${type.toString(16)} is not handled`, 'type', reader.offset - 2);
  }
  const nameAlgorithm = reader.u16('nameAlg');
  const attributes = reader.u32('objectAttributes');
  const authPolicy = readSized(reader, limits.digestSize, 'authPolicy').slice();
  return { nameAlgorithm, attributes, authPolicy, key: readKey(reader) };
}

export function writePublicArea(
  writer: Writer,
  { nameAlgorithm, attributes, authPolicy, key }: PublicArea,
): Writer {
  writer.u16(objectTypes[key.type]);
  writeSized(writer.u16(nameAlgorithm).u32(attributes), authPolicy);
  if (key.type === 'keyedhash') return writeSized(writer.u16(algorithm.null), key.unique);
  writeSymmetric(writer, key.symmetric);
  writeScheme(writer, key.scheme);
  if (key.type === 'rsa') return writeSized(writer.u16(key.keyBits).u32(key.exponent), key.modulus);
  writeScheme(writer.u16(key.curve), key.kdf);
  return writeSized(writeSized(writer, key.x), key.y);
}

/** The octets that an object's name is the digest of (Part 1, section 16). */
export function encodePublicArea(area: PublicArea): Uint8Array {
  return writePublicArea(new Writer(), area).finish();
}

function readSealedObject(reader: Reader): SealedObject {
  const scheme = reader.u16('scheme');
  if (scheme !== algorithm.null) {
    reader.fail(`scheme 0x${scheme.toString(16)} makes this a key`, 'scheme', reader.offset - 2);
  }
  return { type: 'keyedhash', unique: readSized(reader, limits.digestSize, 'unique').slice() };
}

function readEccKey(reader: Reader): EccKey {
  const symmetric = readSymmetric(reader);
  const scheme = readScheme(reader, 'scheme');
  const curve = reader.u16('curveID');
  const kdf = readScheme(reader, 'kdf');
  const x = readSized(reader, limits.eccSize, 'unique.x').slice();
  const y = readSized(reader, limits.eccSize, 'unique.y').slice();
  return { type: 'ecc', symmetric, scheme, curve, kdf, x, y };
}

function readRsaKey(reader: Reader): RsaKey {
  const symmetric = readSymmetric(reader);
  const scheme = readScheme(reader, 'scheme');
  const keyBits = reader.u16('keyBits');
  const exponent = reader.u32('exponent');
  const modulus = readSized(reader, limits.rsaSize, 'unique').slice();
  return { type: 'rsa', symmetric, scheme, keyBits, exponent, modulus };
}

function readSymmetric(reader: Reader): SymmetricDefinition {
  const id = reader.u16('symmetric');
  if (id === algorithm.null) return null;
  if (id !== algorithm.aes && id !== algorithm.sm4 && id !== algorithm.camellia && id !== algorithm.tdes) {
    reader.fail(`0x${id.toString(16)} is no block cipher`, 'symmetric', reader.offset - 2);
  }
  return { algorithm: id, keyBits: reader.u16('symmetric.keyBits'), mode: reader.u16('symmetric.mode') };
}

function writeSymmetric(writer: Writer, definition: SymmetricDefinition): void {
  if (definition === null) writer.u16(algorithm.null);
  else writer.u16(definition.algorithm).u16(definition.keyBits).u16(definition.mode);
}

/** RSAES carries no hash and ECDAA a counter besides it: neither signs nor attests here, so both are refused. */
function readScheme(reader: Reader, field: string): Scheme {
  const id = reader.u16(field);
  if (id === algorithm.null) return null;
  if (!schemesWithHash.has(id)) {
    reader.fail(`scheme 0x${id.toString(16)} is not handled`, field, reader.offset - 2);
  }
  return { algorithm: id, hash: reader.u16(`${field}.hashAlg`) };
}

function writeScheme(writer: Writer, scheme: Scheme): void {
  if (scheme === null) writer.u16(algorithm.null);
  else writer.u16(scheme.algorithm).u16(scheme.hash);
}

/** KDF schemes of section 11.2.3 beside the signing and encryption schemes of section 11.2.1. */
const kdfSchemes = [0x0007, 0x0020, 0x0021, 0x0022];

const schemesWithHash: ReadonlySet<number> = new Set([
  algorithm.rsassa,
  algorithm.rsapss,
  algorithm.oaep,
  algorithm.ecdsa,
  algorithm.ecdh,
  algorithm.sm2,
  algorithm.ecschnorr,
  ...kdfSchemes,
]);

const objectTypes = { rsa: algorithm.rsa, ecc: algorithm.ecc, keyedhash: algorithm.keyedHash } as const;

const keyReaders: ReadonlyMap<number, (reader: Reader) => PublicArea['key']> = new Map<
  number,
  (reader: Reader) => PublicArea['key']
>([
  [algorithm.rsa, readRsaKey],
  [algorithm.ecc, readEccKey],
  [algorithm.keyedHash, readSealedObject],
]);

import { decode, type Result } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { limits } from './limits.ts';

/** HI algorithm numbers (RFC 7401 §5.2.9, RFC 9374 §3.4.1). Signatures are checked for RSA, ECDSA and EdDSA. */
export const hostIdentityAlgorithms = { dsa: 3, rsa: 5, ecdsa: 7, ecdsaLow: 9, eddsa: 13 } as const;

/** A public key as HOST_ID carries it: `octets` is the Host Identity field, which is also what the HIT hashes (RFC 7401 §3.2). */
export type HostIdentity = { readonly algorithm: number; readonly octets: Uint8Array };

export type EcdsaCurve = 'P-256' | 'P-384';
export type EcdsaPoint = { readonly curve: EcdsaCurve; readonly x: Uint8Array; readonly y: Uint8Array };

const curves: readonly {
  readonly label: number;
  readonly curve: EcdsaCurve;
  readonly fieldLength: number;
}[] = [
  { label: 1, curve: 'P-256', fieldLength: 32 },
  { label: 2, curve: 'P-384', fieldLength: 48 },
];

/**
 * The ECDSA Host Identity: curve(2) ‖ 0x04 ‖ X ‖ Y, with coordinates as long as the field. The encoding decides the HIT,
 * so there is only this one (RFC 7401 §5.2.9).
 */
export function encodeEcdsaIdentity({ curve, x, y }: EcdsaPoint): HostIdentity {
  const form = curves.find((candidate) => candidate.curve === curve);
  if (form === undefined || x.length !== form.fieldLength || y.length !== form.fieldLength) {
    throw new RangeError(`a ${curve} point has coordinates of its field's length`);
  }
  const octets = new Writer(100).u16(form.label).u8(4).bytes(x).bytes(y).finish();
  return { algorithm: hostIdentityAlgorithms.ecdsa, octets };
}

/** Takes an ECDSA Host Identity apart. Whether the point is on its curve is for the cryptography to find out. */
export function decodeEcdsaIdentity(octets: Uint8Array): Result<EcdsaPoint> {
  return decode(() => {
    const reader = new Reader(octets, 'Host Identity');
    const label = reader.u16('ECC Curve');
    const form = curves.find((candidate) => candidate.label === label);
    if (form === undefined) return reader.fail(`curve ${label} is not known`, 'ECC Curve', 0);
    const format = reader.u8('point format');
    if (format !== 4) reader.fail('is not an uncompressed point', 'point format', 2);
    const x = reader.bytes(form.fieldLength, 'x');
    const y = reader.bytes(form.fieldLength, 'y');
    reader.end();
    return { curve: form.curve, x, y };
  });
}

/** Both without leading zeros. */
export type RsaKey = { readonly exponent: Uint8Array; readonly modulus: Uint8Array };

/** The RSA Host Identity: the exponent's length in one octet, or in two after a zero, the exponent and the modulus (RFC 3110 §2). */
export function encodeRsaIdentity({ exponent, modulus }: RsaKey): HostIdentity {
  const writer = new Writer(modulus.length + exponent.length + 3);
  if (exponent.length < 0x100) writer.u8(exponent.length);
  else writer.u8(0).u16(exponent.length);
  return { algorithm: hostIdentityAlgorithms.rsa, octets: writer.bytes(exponent).bytes(modulus).finish() };
}

/** Takes an RSA Host Identity apart. Keys are refused that are too weak, or so large that checking a signature is an attack. */
export function decodeRsaIdentity(octets: Uint8Array): Result<RsaKey> {
  return decode(() => {
    const reader = new Reader(octets, 'Host Identity');
    const short = reader.u8('exponent length');
    const exponent = reader.bytes(short === 0 ? reader.u16('exponent length') : short, 'exponent');
    const modulus = reader.rest();
    if (exponent.length === 0 || exponent.length > limits.rsaExponentLength || exponent[0] === 0)
      reader.fail('is no exponent that is used', 'exponent', 1);
    const [least, most] = limits.rsaModulusLength;
    if (modulus.length < least || modulus.length > most || modulus[0] === 0)
      reader.fail(`of ${modulus.length} octets is too short or too long`, 'modulus', 1 + exponent.length);
    return { exponent, modulus };
  });
}

export type EddsaCurve = 'Ed25519' | 'Ed448';
export type EddsaKey = { readonly curve: EddsaCurve; readonly publicKey: Uint8Array };

const edwardsCurves: readonly {
  readonly label: number;
  readonly curve: EddsaCurve;
  readonly length: number;
}[] = [
  { label: 1, curve: 'Ed25519', length: 32 },
  { label: 3, curve: 'Ed448', length: 57 },
];

/** The EdDSA Host Identity: curve(2) ‖ zero(2) ‖ public key (RFC 9374 §3.4.1.1). */
export function encodeEddsaIdentity({ curve, publicKey }: EddsaKey): HostIdentity {
  const form = edwardsCurves.find((candidate) => candidate.curve === curve);
  if (form === undefined || publicKey.length !== form.length) throw new RangeError(`this is no ${curve} key`);
  const octets = new Writer(64).u16(form.label).u16(0).bytes(publicKey).finish();
  return { algorithm: hostIdentityAlgorithms.eddsa, octets };
}

/** Takes an EdDSA Host Identity apart. The variants that hash first (labels 2 and 4) are not known. */
export function decodeEddsaIdentity(octets: Uint8Array): Result<EddsaKey> {
  return decode(() => {
    const reader = new Reader(octets, 'Host Identity');
    const label = reader.u16('EdDSA Curve');
    const form = edwardsCurves.find((candidate) => candidate.label === label);
    if (form === undefined) return reader.fail(`curve ${label} is not known`, 'EdDSA Curve', 0);
    // The encoding decides the HIT, so there is only one of each key.
    if (reader.u16('NULL') !== 0) reader.fail('is not zero', 'NULL', 2);
    const publicKey = reader.bytes(form.length, 'Public Key');
    reader.end();
    return { curve: form.curve, publicKey };
  });
}

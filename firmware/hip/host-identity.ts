import { decode, type Result } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';

/** HI algorithm numbers (RFC 7401 §5.2.9). */
export const hostIdentityAlgorithms = { dsa: 3, rsa: 5, ecdsa: 7, ecdsaLow: 9 } as const;

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

import { concatBytes } from '../bytes/bytes.ts';

/**
 * FIDO U2F Raw Message Formats 1.2: what a key is asked, what it answers, and what its signatures are over. Keys of FIDO2
 * speak this as well, as CTAP1 (CTAP 2.1, 10).
 */

/** Status words (there, 3.3). */
export const status = { done: 0x9000, touchMe: 0x6985, notMine: 0x6a80 } as const;

export const challengeOctets = 32;
export const applicationOctets = 32;
const publicKeyOctets = 65;
const counterOctets = 4;

const [register, authenticate] = [0x01, 0x02];
/** Whether a key knows a handle, and a signature with a touch (there, 5.1). */
const control = { checkOnly: 0x07, sign: 0x03 } as const;

/** APDU with lengths of two octets, any answer taken (there, 3.1). */
function apdu(instruction: number, parameter: number, data: Uint8Array): Uint8Array {
  const header = [0, instruction, parameter, 0, 0, data.length >> 8, data.length & 0xff];
  return concatBytes(Uint8Array.from(header), data, new Uint8Array(2));
}

export function registerRequest(challenge: Uint8Array, application: Uint8Array): Uint8Array {
  return apdu(register, 0, concatBytes(challenge, application));
}

/** What names a credential to the key that made it. */
export type KeyHandle = { readonly application: Uint8Array; readonly handle: Uint8Array };

export function authenticateRequest(
  how: keyof typeof control,
  challenge: Uint8Array,
  { application, handle }: KeyHandle,
): Uint8Array {
  const data = concatBytes(challenge, application, Uint8Array.of(handle.length), handle);
  return apdu(authenticate, control[how], data);
}

/** A key's answer without its status word; null where there is none. */
export function readResponse(
  message: Uint8Array,
): { readonly status: number; readonly data: Uint8Array } | null {
  const end = message.length - 2;
  if (end < 0) return null;
  return { status: ((message[end] ?? 0) << 8) | (message[end + 1] ?? 0), data: message.subarray(0, end) };
}

export type Registration = {
  /** An uncompressed point of P-256 (SEC 1, 2.3.3). */
  readonly publicKey: Uint8Array;
  readonly handle: Uint8Array;
  /** Of the key's maker, DER. */
  readonly certificate: Uint8Array;
  /** DER (RFC 3279 §2.2.3), by the certificate's key. */
  readonly signature: Uint8Array;
};

/** Null where it is not what the specification says (there, 4.3). */
export function readRegistration(data: Uint8Array): Registration | null {
  if (data[0] !== 0x05) return null;
  const handleAt = 1 + publicKeyOctets + 1;
  const certificateAt = handleAt + (data[handleAt - 1] ?? 0);
  const publicKey = data.subarray(1, 1 + publicKeyOctets);
  const handle = data.subarray(handleAt, certificateAt);
  const length = derLength(data.subarray(certificateAt));
  if (publicKey[0] !== 0x04 || handle.length === 0 || length === null) return null;
  const certificate = data.subarray(certificateAt, certificateAt + length);
  const signature = data.subarray(certificateAt + length);
  return signature.length === 0 ? null : { publicKey, handle, certificate, signature };
}

/** Octets of the SEQUENCE at the start, its header included; null where it is none or not all there (X.690, 8.1.3). */
function derLength(der: Uint8Array): number | null {
  const [tag, first = 0, second = 0, third = 0] = der;
  if (tag !== 0x30) return null;
  const lengths: Readonly<Record<number, number>> = { 129: 3 + second, 130: 4 + ((second << 8) | third) };
  const length = first < 128 ? 2 + first : lengths[first];
  return length === undefined || length > der.length ? null : length;
}

/** What the maker's key has signed when a credential was made (there, 4.3). */
export function registrationSigned(
  { publicKey, handle }: Registration,
  challenge: Uint8Array,
  application: Uint8Array,
): Uint8Array {
  return concatBytes(Uint8Array.of(0), application, challenge, handle, publicKey);
}

export type Assertion = {
  /** Whether somebody touched the key. */
  readonly present: boolean;
  /** How often the key has signed; it never falls. */
  readonly counter: number;
  readonly signature: Uint8Array;
  /** The octets of presence and counter, as they were signed. */
  readonly signedPart: Uint8Array;
};

/** Null where it is not what the specification says (there, 5.4). */
export function readAssertion(data: Uint8Array): Assertion | null {
  const signedPart = data.subarray(0, 1 + counterOctets);
  const signature = data.subarray(1 + counterOctets);
  if (signature.length === 0) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return { present: (view.getUint8(0) & 1) === 1, counter: view.getUint32(1), signature, signedPart };
}

/** What the credential's key has signed (there, 5.4). */
export function assertionSigned(
  { signedPart }: Assertion,
  challenge: Uint8Array,
  application: Uint8Array,
): Uint8Array {
  return concatBytes(application, signedPart, challenge);
}

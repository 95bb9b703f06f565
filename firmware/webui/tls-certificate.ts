import { WebUiError } from './error.ts';
import { limits } from './limits.ts';
import type { SigningKey } from './ports.ts';

export interface CertificateRequest {
  readonly key: SigningKey;
  readonly commonName: string;
  /** DNS names, then addresses without prefix length: the subject alternative names (RFC 5280 § 4.2.1.6). */
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  /** At most 20 octets; the first bit is cleared, since serial numbers are positive (RFC 5280 § 4.1.2.2). */
  readonly serial: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

declare module 'node-forge' {
  namespace pki {
    /** In node-forge since 0.6.34, but not in its published types. */
    function certificateExtensionsToAsn1(extensions: unknown[]): asn1.Asn1;
  }
}

const ecdsaWithSha256 = '1.2.840.10045.4.3.2';
const day = 86_400_000;

/** A clock below this has never been set; a certificate dated by it would have expired before it is first seen. */
const firstPlausibleTime = Date.UTC(2025, 0, 1);

/**
 * When a certificate made now is valid. It starts a day early, for browsers whose clock is behind the box's, and lasts
 * as long as browsers allow.
 */
export function certificateValidity(now: number): { notBefore: number; notAfter: number } {
  const notBefore = Math.max(now, firstPlausibleTime) - day;
  return { notBefore, notAfter: notBefore + limits.certificateSeconds * 1000 };
}

/** Whether a stored certificate has to be replaced. A clock that is behind says nothing about a certificate's age. */
export function certificateIsDue(notAfter: number, now: number): boolean {
  return notAfter - now < limits.certificateRenewSeconds * 1000;
}

/**
 * A self-signed X.509 certificate for the page (RFC 5280), as PEM. node-forge writes the structure; it cannot sign with
 * ECDSA, so the key's own `sign` does. It is loaded here and not before, because a box makes a certificate once in two years.
 */
export async function makeCertificate(request: CertificateRequest): Promise<string> {
  const { default: forge } = await import('node-forge');
  const { asn1, pki } = forge;
  const { UNIVERSAL, CONTEXT_SPECIFIC } = asn1.Class;
  const sequence = (...values: forgeAsn1[]) => asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, values);
  const integer = (bytes: string) => asn1.create(UNIVERSAL, asn1.Type.INTEGER, false, bytes);
  const time = (at: number) =>
    // RFC 5280 § 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050.
    new Date(at).getUTCFullYear() < 2050
      ? asn1.create(UNIVERSAL, asn1.Type.UTCTIME, false, asn1.dateToUtcTime(new Date(at)))
      : asn1.create(UNIVERSAL, asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(new Date(at)));
  const algorithm = () =>
    // RFC 5758 § 3.2: the parameters are left out, not NULL.
    sequence(asn1.create(UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(ecdsaWithSha256).getBytes()));

  try {
    const shape = pki.createCertificate();
    shape.setSubject([
      { name: 'commonName', value: request.commonName },
      { name: 'organizationName', value: 'Hithe' },
    ]);
    shape.setExtensions([
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...request.dnsNames.map((value) => ({ type: 2, value })),
          ...request.addresses.map((ip) => ({ type: 7, ip })),
        ].slice(0, limits.certificateNames),
      },
    ]);
    const name = () => pki.distinguishedNameToAsn1(shape.subject);
    const toBeSigned = sequence(
      asn1.create(CONTEXT_SPECIFIC, 0, true, [integer('\x02')]),
      integer(positiveInteger(request.serial)),
      algorithm(),
      name(),
      sequence(time(request.notBefore), time(request.notAfter)),
      name(),
      asn1.fromDer(binaryString(request.key.publicKeyDer)),
      pki.certificateExtensionsToAsn1(shape.extensions),
    );
    const signature = request.key.sign(octets(asn1.toDer(toBeSigned).getBytes()));
    const certificate = sequence(
      toBeSigned,
      algorithm(),
      asn1.create(UNIVERSAL, asn1.Type.BITSTRING, false, `\x00${binaryString(signature)}`),
    );
    const body = asn1.toDer(certificate).getBytes();
    return forge.pem.encode({ type: 'CERTIFICATE', body }).replaceAll('\r\n', '\n');
  } catch (error) {
    throw new WebUiError('certificate-not-made', 'The certificate of the page could not be made.', {
      cause: error,
    });
  }
}

type forgeAsn1 = import('node-forge').asn1.Asn1;

/** The content of a DER INTEGER: no needless zero octets, and the first bit clear (X.690 § 8.3). */
function positiveInteger(bytes: Uint8Array): string {
  const content = Uint8Array.from(bytes.subarray(0, 20));
  content[0] = ((content[0] ?? 0) & 0x7f) | 0x40;
  return binaryString(content);
}

/** node-forge keeps octets as the characters of a string. */
function binaryString(bytes: Uint8Array): string {
  let text = '';
  for (const octet of bytes) text += String.fromCharCode(octet);
  return text;
}

function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

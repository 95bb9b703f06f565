import { createHash, type KeyObject, sign } from 'node:crypto';
import { BuildError } from './build-error.ts';
import { contextTag, type DerElement, der, derElements, derOid, derTag } from './der.ts';

/** A private RSA key and the certificate, DER, that names it. */
export type SigningIdentity = { readonly privateKey: KeyObject; readonly certificate: Uint8Array };

const oid = {
  sha256: derOid('2.16.840.1.101.3.4.2.1'),
  rsaEncryption: derOid('1.2.840.113549.1.1.1'),
  contentType: derOid('1.2.840.113549.1.9.3'),
  messageDigest: derOid('1.2.840.113549.1.9.4'),
};

const algorithm = (identifier: Uint8Array) => der(derTag.sequence, identifier, der(derTag.null));
const versionOne = der(derTag.integer, Uint8Array.of(1));

/** What is signed: content that stands in the structure, or octets beside it. */
export type SignedContent =
  /** `content` is the content's own element; the signature is over attributes that carry the hash of what is in it. */
  | { readonly kind: 'inside'; readonly type: Uint8Array; readonly content: Uint8Array }
  | { readonly kind: 'beside'; readonly type: Uint8Array; readonly octets: Uint8Array };

/**
 * SignedData of PKCS #7 1.5 (RFC 2315 §9) with one signer, RSA and SHA-256, in DER. No time is in it: signatures over
 * the same content are the same octets, which sbsign's and OpenSSL's are not.
 */
export function signedData(content: SignedContent, { privateKey, certificate }: SigningIdentity): Uint8Array {
  const inside = content.kind === 'inside' ? [der(contextTag(0), content.content)] : [];
  const attributes = content.kind === 'inside' ? signedAttributes(content.type, content.content) : undefined;
  const message =
    content.kind === 'inside' ? der(derTag.set, attributes ?? new Uint8Array()) : content.octets;
  const signerInfo = der(
    derTag.sequence,
    versionOne,
    issuerAndSerialNumber(certificate),
    algorithm(oid.sha256),
    ...(attributes === undefined ? [] : [der(contextTag(0), attributes)]),
    algorithm(oid.rsaEncryption),
    der(derTag.octetString, sign('sha256', message, privateKey)),
  );
  return der(
    derTag.sequence,
    versionOne,
    der(derTag.set, algorithm(oid.sha256)),
    der(derTag.sequence, content.type, ...inside),
    der(contextTag(0), certificate),
    der(derTag.set, signerInfo),
  );
}

/** RFC 2315 §9.2: the content's type, and its hash without tag and length (§9.3). In this order they are sorted as DER wants. */
function signedAttributes(type: Uint8Array, content: Uint8Array): Uint8Array {
  const [element] = derElements(content);
  const digest = createHash('sha256')
    .update(element?.content ?? new Uint8Array())
    .digest();
  return Buffer.concat([
    der(derTag.sequence, oid.contentType, der(derTag.set, type)),
    der(derTag.sequence, oid.messageDigest, der(derTag.set, der(derTag.octetString, digest))),
  ]);
}

/** The certificate's issuer and serial number as they stand in it (RFC 5280 §4.1). */
function issuerAndSerialNumber(certificate: Uint8Array): Uint8Array {
  const inner = (element: DerElement | undefined) => derElements(element?.content ?? new Uint8Array());
  const [body] = inner(derElements(certificate)[0]);
  const fields = inner(body).filter(({ tag }) => tag !== contextTag(0));
  const [serial, , issuer] = fields;
  if (serial?.tag !== derTag.integer || issuer?.tag !== derTag.sequence)
    throw new BuildError('usage', 'The certificate is not of the form of X.509.');
  return der(derTag.sequence, issuer.whole, serial.whole);
}

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BuildError } from './build-error.ts';
import { contextTag, der, derOid, derTag } from './der.ts';
import { appendCertificates, authenticodeHash } from './pe.ts';
import { type SigningIdentity, signedData } from './signed-data.ts';

const leastModulusBits = 2048;

/**
 * Reads the key and certificate, both PEM, by which UEFI firmware shall know what may start.
 *
 * @throws BuildError `usage` when they are not RSA with at least 2048 bits, or do not belong together
 */
export function readSecureBootIdentity(keyPath: string, certificatePath: string): SigningIdentity {
  const read = <T>(path: string, what: string, parse: (content: Buffer) => T): T => {
    try {
      return parse(readFileSync(path));
    } catch (cause) {
      throw new BuildError('usage', `${path} holds no ${what} in PEM form.`, { cause });
    }
  };
  const privateKey = read(keyPath, 'private key without a passphrase', (content) =>
    createPrivateKey(content),
  );
  const certificate = read(certificatePath, 'certificate', (content) => new X509Certificate(content));
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (privateKey.asymmetricKeyType !== 'rsa' || bits < leastModulusBits)
    throw new BuildError('usage', `The Secure Boot key must be RSA with at least ${leastModulusBits} bits.`);
  if (!certificate.checkPrivateKey(privateKey))
    throw new BuildError('usage', 'The Secure Boot certificate is not of the Secure Boot key.');
  return { privateKey, certificate: new Uint8Array(certificate.raw) };
}

/** Identifiers of Windows Authenticode Portable Executable Signature Format 1.0. */
const oid = {
  data: derOid('1.2.840.113549.1.7.1'),
  signedData: derOid('1.2.840.113549.1.7.2'),
  indirectData: derOid('1.3.6.1.4.1.311.2.1.4'),
  peImageData: derOid('1.3.6.1.4.1.311.2.1.15'),
  sha256: derOid('2.16.840.1.101.3.4.2.1'),
};

/** Signs a PE image as Secure Boot wants it (Authenticode). Signatures that it carries are replaced. */
export function signImage(image: Uint8Array, identity: SigningIdentity): Uint8Array {
  // SpcPeImageData: no flags, and a file of which nothing is said.
  const file = der(contextTag(0), der(contextTag(2), der(0x80)));
  const imageData = der(derTag.sequence, der(derTag.bitString, Uint8Array.of(0)), file);
  const digestInfo = der(
    derTag.sequence,
    der(derTag.sequence, oid.sha256, der(derTag.null)),
    der(derTag.octetString, Buffer.from(authenticodeHash(image), 'hex')),
  );
  const content = der(derTag.sequence, der(derTag.sequence, oid.peImageData, imageData), digestInfo);
  const signed = signedData({ kind: 'inside', type: oid.indirectData, content }, identity);
  return appendCertificates(image, der(derTag.sequence, oid.signedData, der(contextTag(0), signed)));
}

/** Octets of a GUID: its first three fields are little-endian (UEFI 2.10 appendix A). */
function guid(text: string): Buffer {
  const [a = '', b = '', c = '', ...rest] = text.split('-');
  const little = [a, b, c].map((part) => Buffer.from(part, 'hex').reverse());
  return Buffer.concat([...little, Buffer.from(rest.join(''), 'hex')]);
}

const guids = {
  global: guid('8be4df61-93ca-11d2-aa0d-00e098032b8c'),
  imageSecurityDatabase: guid('d719b2cb-3d3a-4596-a3bc-dad00e67656f'),
  x509: guid('a5c059a1-94e4-4aa7-87b5-ab155c2bf072'),
  pkcs7: guid('4aafd29d-68df-49ee-8aa9-347d375665a7'),
  /** Says in the firmware's lists who put a key there. */
  owner: guid('6f9c2d31-7a54-4e0b-9c1d-4b1a60e500ff'),
};

/** Non-volatile, boot services, run time, time-based authenticated write (UEFI 2.10 §8.2). */
const attributes = 0x27;

const u16 = (value: number) => Buffer.from(Uint16Array.of(value).buffer);
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);

/**
 * The files that systemd-boot writes into the variables of a machine in set-up mode, by their names in
 * `loader/keys/auto`: one certificate as platform key, key exchange key and the only signer of what may start.
 *
 * @param epoch the time that the variables get, seconds since 1970
 */
export function enrolmentFiles(identity: SigningIdentity, epoch: number): ReadonlyMap<string, Uint8Array> {
  const signature = Buffer.concat([guids.owner, identity.certificate]);
  const list = Buffer.concat([
    guids.x509,
    u32(28 + signature.length),
    u32(0),
    u32(signature.length),
    signature,
  ]);
  const file = (name: string, vendor: Buffer) =>
    authenticatedVariable(name, vendor, list, efiTime(epoch), identity);
  return new Map([
    ['PK.auth', file('PK', guids.global)],
    ['KEK.auth', file('KEK', guids.global)],
    ['db.auth', file('db', guids.imageSecurityDatabase)],
  ]);
}

/** EFI_VARIABLE_AUTHENTICATION_2 (UEFI 2.10 §8.2.6) and the value that it goes with. */
function authenticatedVariable(
  name: string,
  vendor: Buffer,
  value: Buffer,
  time: Buffer,
  identity: SigningIdentity,
): Uint8Array {
  const octets = Buffer.concat([Buffer.from(name, 'utf16le'), vendor, u32(attributes), time, value]);
  const signed = signedData({ kind: 'beside', type: oid.data, octets }, identity);
  // WIN_CERTIFICATE_UEFI_GUID: its length, revision 2.0, WIN_CERT_TYPE_EFI_GUID.
  const header = Buffer.concat([u32(24 + signed.length), u16(0x0200), u16(0x0ef1), guids.pkcs7]);
  return Buffer.concat([time, header, signed, value]);
}

/** EFI_TIME in UTC; what a variable's time must leave empty is (UEFI 2.10 §8.2.6). */
function efiTime(epoch: number): Buffer {
  const time = new Date(epoch * 1000);
  const day = [time.getUTCMonth() + 1, time.getUTCDate()];
  const clock = [time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds()];
  return Buffer.concat([u16(time.getUTCFullYear()), Buffer.from([...day, ...clock, 0]), Buffer.alloc(8)]);
}

import { createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import type { ReleaseKey, VerifierPorts } from '../attestation/verifier-ports.ts';
import { encodeEcdsaIdentity } from '../hip/host-identity.ts';
import { formatHit } from '../hip/host-identity-tag.ts';
import { ownIdentity } from '../hip/own-identity.ts';
import type { PublicArea } from '../tpm/public-area.ts';
import { hipCrypto } from './hip-crypto.ts';
import { publicKeyOf, tpmCryptography } from './tpm-cryptography.ts';

/** tcg-kp-EKCertificate: what a certificate of an endorsement key is for (TCG EK Credential Profile 2.5, §3.2.16). */
const endorsementUsage = '2.23.133.8.1';

/** Certificates from an endorsement key's to a root: vendors have one or two between them. */
const chainLength = 6;

/**
 * What an appraisal takes of this machine. `roots` are whom the verifier trusts; `now` is milliseconds since 1970;
 * `intermediates` fill in what a TPM leaves out of its chain.
 */
export function openVerifierPorts(
  roots: readonly X509Certificate[],
  now: number,
  intermediates: readonly X509Certificate[] = [],
): VerifierPorts {
  return {
    cryptography: tpmCryptography,
    checkEndorsement: (certificates, key) =>
      checkEndorsement(certificates, key, { roots, intermediates, now }),
    hitOf: ({ x, y }) => formatHit(ownIdentity(encodeEcdsaIdentity({ curve: 'P-256', x, y }), hipCrypto).hit),
  };
}

/** All certificates of a PEM text. Throws where it holds none that can be read. */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new RangeError('no certificate in PEM');
  return blocks.map((block) => new X509Certificate(block));
}

/** Throws for text that is no public RSA or EC key in PEM. */
export function readReleaseKey(pem: string): ReleaseKey {
  const key = createPublicKey(pem);
  return {
    jwk: key.export({ format: 'jwk' }),
    keySha256: createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
    verify: (data, signature) => verifies(data, key, signature),
  };
}

function verifies(data: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return key.asymmetricKeyType === 'rsa' && verify('sha256', data, key, signature);
  } catch {
    return false;
  }
}

type Trust = {
  readonly roots: readonly X509Certificate[];
  readonly intermediates: readonly X509Certificate[];
  readonly now: number;
};

const failed = (problem: string) => ({ ok: false as const, error: problem });

function checkEndorsement(
  octets: readonly Uint8Array[],
  key: PublicArea,
  trust: Trust,
): ReturnType<VerifierPorts['checkEndorsement']> {
  if (trust.roots.length === 0) return failed('no root certificates of TPM vendors were given');
  try {
    const [own, ...others] = octets.map((der) => new X509Certificate(der));
    if (own === undefined) return failed('the endorsement key has no certificate');
    if (!own.publicKey.equals(publicKeyOf(key)))
      return failed('the certificate is for another endorsement key');
    // Node names the extended key usages so.
    if (!own.keyUsage?.includes(endorsementUsage))
      return failed('the certificate is not one for an endorsement key');
    if (own.ca) return failed('the certificate of the endorsement key is that of an authority');
    const problem = chainProblem(own, others, trust);
    return problem === null ? { ok: true, value: own.subject || own.serialNumber } : failed(problem);
  } catch {
    // OpenSSL throws for octets that are no certificate and keys that it does not know.
    return failed('the certificate of the endorsement key cannot be read');
  }
}

/** Why no root is reached; null where one is. A root is trusted because it was given, whoever issued it. */
function chainProblem(
  own: X509Certificate,
  others: readonly X509Certificate[],
  { roots, intermediates, now }: Trust,
): string | null {
  let current = own;
  for (let length = 1; length <= chainLength; length++) {
    if (now < current.validFromDate.getTime() || now > current.validToDate.getTime())
      return `a certificate is not in force now: ${oneLine(current.subject)}`;
    const issued = (issuer: X509Certificate) =>
      issuer.ca && current.checkIssued(issuer) && current.verify(issuer.publicKey);
    const root = roots.find(issued);
    if (root !== undefined) {
      const inForce = now >= root.validFromDate.getTime() && now <= root.validToDate.getTime();
      return inForce ? null : `a certificate is not in force now: ${oneLine(root.subject)}`;
    }
    const next = others.find(issued) ?? intermediates.find(issued);
    if (next === undefined)
      return `no root that was given issued the certificate: ${oneLine(current.issuer)}`;
    current = next;
  }
  return 'the chain of certificates is too long';
}

/** Names come from outside and are shown. */
const oneLine = (name: string | undefined) =>
  (name ?? '').replace(/[^\x20-\x7e]+/g, ', ').slice(0, 256) || 'without a name';

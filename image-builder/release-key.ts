import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';

/**
 * What signs a release: its manifest, and the PCR policy that lets a box use its TPM identity. RSA-2048 with PKCS#1 v1.5
 * and SHA-256, since every TPM 2.0 loads such a key for TPM2_PolicyAuthorize and the signature is a function of key and
 * message: the same inputs give the same image.
 */
export type ReleaseKey = {
  /** The key that stands in the sources for everybody to sign with: what it signs is no release. */
  readonly development: boolean;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicPem: string;
  /** RSAPublicKey (RFC 8017 appendix A.1.1), DER: what systemd takes a key's fingerprint over. */
  readonly publicDer: Uint8Array;
  /** RSASSA-PKCS1-v1_5 with SHA-256 over the message. */
  readonly sign: (message: Uint8Array) => Uint8Array;
};

const developmentKeyPath = join(import.meta.dirname, 'development-key.pem');
const modulusBits = 2048;

/**
 * Reads the release's private key from a PEM file, or takes the development key where none is given.
 *
 * @throws BuildError `usage` when the file holds no RSA-2048 private key
 */
export function readReleaseKey(path: string | undefined): ReleaseKey {
  const privateKey = readPrivateKey(path ?? developmentKeyPath);
  const details = privateKey.asymmetricKeyDetails;
  if (privateKey.asymmetricKeyType !== 'rsa' || details?.modulusLength !== modulusBits)
    throw new BuildError('usage', `The release key must be RSA with ${modulusBits} bits: TPMs must load it.`);
  const publicKey = createPublicKey(privateKey);
  return {
    development: publicKey.equals(createPublicKey(readPrivateKey(developmentKeyPath))),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    publicDer: publicKey.export({ type: 'pkcs1', format: 'der' }),
    sign: (message) => sign('sha256', message, privateKey),
  };
}

function readPrivateKey(path: string): KeyObject {
  try {
    return createPrivateKey(readFileSync(path));
  } catch (cause) {
    throw new BuildError('usage', `${path} holds no private key in PEM form without a passphrase.`, {
      cause,
    });
  }
}

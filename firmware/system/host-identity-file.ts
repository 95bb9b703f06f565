import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeEcdsaIdentity, type HostIdentity } from '../hip/host-identity.ts';
import type { HostIdentitySigner } from '../netd/overlay/ports.ts';
import type { SecretFiles } from '../webui/ports.ts';
import { signatureFromDer } from './ecdsa-signature.ts';

/** The software host identity: an ECDSA P-256 key in PKCS #8 PEM. */
export const hostIdentityFileName = 'host-identity.pem';

/** Octets of r and of s. */
const p256Length = 32;

/** The key is there but cannot be used. It is never replaced: a box that changes its HIT loses every peer. */
export class HostIdentityFileError extends Error {
  override readonly name = 'HostIdentityFileError';
  readonly code: 'unreadable' | 'not-p-256';

  constructor(code: HostIdentityFileError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Reads the software host identity; null where none was made. Throws `HostIdentityFileError`. */
export async function openHostIdentity(secrets: SecretFiles): Promise<HostIdentitySigner | null> {
  const key = await readKey(secrets);
  return key === null ? null : softwareSigner(key);
}

/** Makes a software host identity in the place of any that is there. Throws what writing threw. */
export async function makeHostIdentity(secrets: SecretFiles): Promise<HostIdentitySigner> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await secrets.write(hostIdentityFileName, String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
  return softwareSigner(privateKey);
}

/** Signs with a private key in memory: ECDSA with SHA-384, as r ‖ s (RFC 7401 §5.2.14; HIT suite 2). */
export function softwareSigner(key: KeyObject): HostIdentitySigner {
  return {
    identity: identityOf(key),
    sign: async (message) => signatureFromDer(sign('sha384', message, key), p256Length),
  };
}

async function readKey(secrets: SecretFiles): Promise<KeyObject | null> {
  let pem: string | null;
  try {
    pem = await secrets.read(hostIdentityFileName);
  } catch (error) {
    throw new HostIdentityFileError('unreadable', `${hostIdentityFileName} cannot be read`, { cause: error });
  }
  if (pem === null) return null;
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Without the cause: it might quote what it could not parse.
    throw new HostIdentityFileError('unreadable', `${hostIdentityFileName} holds no private key`);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new HostIdentityFileError(
      'not-p-256',
      `${hostIdentityFileName} holds a key that is not ECDSA P-256`,
    );
  }
  return key;
}

function identityOf(key: KeyObject): HostIdentity {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  const coordinate = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
  return encodeEcdsaIdentity({ curve: 'P-256', x: coordinate(x), y: coordinate(y) });
}

import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IdentityKey, IdentityPorts, ReleasePublicKey } from '../boot/identity/ports.ts';
import type { TpmAccess } from '../boot/tpm-status.ts';
import { decodeEcdsaIdentity, encodeEcdsaIdentity } from '../hip/host-identity.ts';
import { formatHit } from '../hip/host-identity-tag.ts';
import { ownIdentity } from '../hip/own-identity.ts';
import type { HostIdentitySigner } from '../netd/overlay/ports.ts';
import { errorCode } from './error-code.ts';
import { hipCrypto } from './hip-crypto.ts';
import { hostIdentityFileName, makeHostIdentity, openHostIdentity } from './host-identity-file.ts';
import { secretFiles } from './secret-files.ts';
import { tpmCryptography } from './tpm-cryptography.ts';

/** Beside the software key: which identity was made. */
const recordFileName = 'host-identity.json';

/** As the initial RAM disk hands on what the EFI stub found in the kernel image (systemd-stub(7)). */
const policiesFileName = 'tpm2-pcr-signature.json';
const releaseKeyFileName = 'tpm2-pcr-public-key.pem';

/** The operating system behind the identity's ports. */
export function openIdentityPorts({
  openTpm,
  secretsFolder,
  runFolder,
  developmentImage,
}: {
  readonly openTpm: () => Promise<TpmAccess>;
  readonly secretsFolder: string;
  readonly runFolder: string;
  readonly developmentImage: boolean;
}): IdentityPorts {
  const secrets = secretFiles(secretsFolder);
  return {
    openTpm,
    developmentImage,
    cryptography: tpmCryptography,
    wait: async (milliseconds) => {
      await sleep(milliseconds);
    },
    now: () => performance.now(),
    record: {
      read: () => secrets.read(recordFileName),
      write: (text) => secrets.write(recordFileName, text),
    },
    release() {
      const pem = readIfThere(join(runFolder, releaseKeyFileName));
      return {
        policies: readIfThere(join(runFolder, policiesFileName)),
        key: pem === null ? null : readReleasePublicKey(pem),
      };
    },
    software: {
      async open() {
        const signer = await openHostIdentity(secrets);
        return signer === null ? null : keyOf(signer);
      },
      make: async () => keyOf(await makeHostIdentity(secrets)),
      async forget() {
        rmSync(join(secretsFolder, hostIdentityFileName), { force: true });
      },
    },
    hitOf: ({ x, y }) => formatHit(ownIdentity(encodeEcdsaIdentity({ curve: 'P-256', x, y }), hipCrypto).hit),
  };
}

/** The identity as the overlay takes it. */
export function signerOf(key: IdentityKey): HostIdentitySigner {
  return {
    identity: encodeEcdsaIdentity({ curve: 'P-256', x: key.x, y: key.y }),
    sign: (message) => key.sign(message),
  };
}

/** Null for text that is no RSA public key in PEM. */
function readReleasePublicKey(pem: string): ReleasePublicKey | null {
  try {
    const key = createPublicKey(pem);
    const der = key.export({ type: 'pkcs1', format: 'der' });
    return {
      jwk: key.export({ format: 'jwk' }),
      fingerprint: createHash('sha256').update(der).digest('hex'),
    };
  } catch {
    return null;
  }
}

function keyOf(signer: HostIdentitySigner): IdentityKey {
  const point = decodeEcdsaIdentity(signer.identity.octets);
  if (!point.ok) throw new RangeError(point.error.problem);
  return { x: point.value.x, y: point.value.y, sign: (message) => signer.sign(message) };
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

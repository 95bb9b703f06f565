import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatHit } from '../../firmware/hip/host-identity-tag.ts';
import { ownIdentity } from '../../firmware/hip/own-identity.ts';
import type { HostIdentitySigner } from '../../firmware/netd/overlay/ports.ts';
import { hipCrypto } from '../../firmware/system/hip-crypto.ts';
import {
  HostIdentityFileError,
  hostIdentityFileName,
  makeHostIdentity,
  openHostIdentity,
} from '../../firmware/system/host-identity-file.ts';
import { secretFiles } from '../../firmware/system/secret-files.ts';

let folder: string;
const path = () => join(folder, 'secrets', hostIdentityFileName);
const secrets = () => secretFiles(join(folder, 'secrets'));
const open = () => openHostIdentity(secrets());
const hitOf = ({ identity }: HostIdentitySigner) => formatHit(ownIdentity(identity, hipCrypto).hit);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hithe-identity-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the software host identity', () => {
  test('is made when that is asked for, for the owner alone, and stays', async () => {
    expect(await open()).toBeNull();
    const first = hitOf(await makeHostIdentity(secrets()));
    expect(first).toMatch(/^2001:22:/);
    expect([statSync(path()).mode & 0o777, statSync(join(folder, 'secrets')).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    expect(await open().then((signer) => signer && hitOf(signer))).toBe(first);
    expect(hitOf(await makeHostIdentity(secrets()))).not.toBe(first);
  });

  test('signs what its public key verifies (RFC 7401 §5.2.14)', async () => {
    const { identity, sign } = await makeHostIdentity(secrets());
    const message = Uint8Array.of(1, 2, 3);
    const signature = await sign(message);
    expect(signature.length).toBe(64);
    expect(hipCrypto.verify(identity, 'sha384', message, signature)).toBe(true);
    const { x = '' } = createPublicKey(readFileSync(path())).export({ format: 'jwk' });
    expect(Buffer.from(identity.octets.subarray(3, 35)).toString('base64url')).toBe(x);
  });

  const p384 = String(
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
  );
  test.each([
    ['empty', '', 'unreadable'],
    ['cut', '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBM', 'unreadable'],
    ['another curve', p384, 'not-p-256'],
  ])('that is %s is an error, never replaced and never quoted', async (_, text, code) => {
    await makeHostIdentity(secrets());
    writeFileSync(path(), text);
    const error = await open().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(HostIdentityFileError);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain('MIG');
    expect(readFileSync(path(), 'utf8')).toBe(text);
  });

  test('that cannot be read is an error, too', async () => {
    const failing = { read: async () => Promise.reject(new Error('I/O error')), write: async () => {} };
    await expect(openHostIdentity(failing)).rejects.toMatchObject({ code: 'unreadable' });
  });
});

import { generateKeyPairSync, sign } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { AuthorizedSigner } from '../../firmware/tpm/authorized-signer.ts';
import { Tpm } from '../../firmware/tpm/client.ts';
import { getHandles } from '../../firmware/tpm/commands/capability.ts';
import { flushContext } from '../../firmware/tpm/commands/keys.ts';
import { pcrExtend } from '../../firmware/tpm/commands/pcr.ts';
import { algorithm, commandCode, firstHandle, hierarchy } from '../../firmware/tpm/constants.ts';
import { hostKeyTemplate, isHostKey } from '../../firmware/tpm/host-key.ts';
import { objectName } from '../../firmware/tpm/object-name.ts';
import { withPrimaryKey } from '../../firmware/tpm/persistent-key.ts';
import { pcrStep, policyDigest } from '../../firmware/tpm/policy-digest.ts';
import { releaseKeyArea } from '../../firmware/tpm/release-key.ts';
import { succeeded } from './outcome.ts';
import { startSwtpm } from './swtpm.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const area = releaseKeyArea(publicKey.export({ format: 'jwk' }));
if (area === undefined) throw new Error('the key was not understood');
const releaseKey = area;
const name = objectName(tpmCryptography, releaseKey) ?? new Uint8Array();
const selections = [{ hash: algorithm.sha256, indexes: [11, 12] }];
const policy = policyDigest(
  tpmCryptography,
  'sha256',
  pcrStep(selections, [new Uint8Array(32), new Uint8Array(32)]),
);
const signature = {
  scheme: 'rsassa',
  hash: algorithm.sha256,
  signature: sign('sha256', policy, privateKey),
} as const;

/** Lends a signer with a host key of its own, the codes of the commands that it sends, and what is loaded. */
async function withSigner(
  use: (lent: {
    readonly signer: AuthorizedSigner;
    readonly tpm: Tpm;
    readonly codes: number[];
    readonly key: Parameters<typeof tpmCryptography.verify>[0];
    readonly sessions: () => Promise<readonly number[]>;
  }) => Promise<void>,
): Promise<void> {
  await using swtpm = await startSwtpm();
  const opened = await swtpm.open();
  const codes: number[] = [];
  const transmit: typeof opened.transmit = (command) => {
    codes.push(new DataView(command.buffer, command.byteOffset).getUint32(6));
    return opened.transmit(command);
  };
  const tpm = new Tpm({ transmit, wait: async () => {} });
  const template = hostKeyTemplate(tpmCryptography, name, new Uint8Array(32).fill(5));
  const result = await withPrimaryKey(tpm, hierarchy.owner, template, async (key) => {
    expect(isHostKey(key.publicArea, tpmCryptography, name)).toBe(true);
    const signer = new AuthorizedSigner(tpm, tpmCryptography, key, {
      releaseKey,
      selections,
      policy,
      signature,
    });
    const sessions = async () =>
      succeeded(await tpm.execute(getHandles(firstHandle.loadedSession, 8))).values;
    codes.length = 0;
    await use({ signer, tpm, codes, key: key.publicArea, sessions });
    succeeded(await signer.close());
    expect(await sessions()).toEqual([]);
    return { ok: true, value: undefined };
  });
  succeeded(result);
  await opened.close();
}

/** Until this command was sent so often. */
async function idle(codes: readonly number[], code: number, times: number): Promise<void> {
  await vi.waitFor(() => expect(codes.filter((sent) => sent === code)).toHaveLength(times));
}

const message = new Uint8Array(100).fill(3);
const digest = tpmCryptography.digest('sha384', message);

test('the first signature opens a session and gets a ticket; each later one waits for a single command', () =>
  withSigner(async ({ signer, codes, key, sessions }) => {
    const { policyPcr, policyAuthorize, sign: signCode, startAuthSession, loadExternal } = commandCode;
    const signOnce = async () => {
      codes.length = 0;
      const signed = succeeded(await signer.sign(digest, 'sha384'));
      const waitedFor = [...codes];
      expect(tpmCryptography.verify(key, message, signed)).toBe(true);
      return waitedFor;
    };
    expect(await signOnce()).toEqual([
      ...[loadExternal, commandCode.verifySignature, commandCode.flushContext],
      ...[startAuthSession, policyPcr, policyAuthorize, signCode],
    ]);
    // Waits until the policy is fulfilled for the next one.
    const before = await sessions();
    expect(before).toHaveLength(1);
    await idle(codes, policyAuthorize, 2);
    expect(await signOnce()).toEqual([signCode]);
    expect(await sessions()).toEqual(before);
  }));

test('a PCR that changes after the policy was fulfilled is noticed, and one outside of the policy is no matter', () =>
  withSigner(async ({ signer, codes, tpm, key }) => {
    const extend = async (index: number) => {
      const digests = [{ hash: algorithm.sha256, digest: new Uint8Array(32) }];
      succeeded(await tpm.execute(pcrExtend(index, digests)));
    };
    succeeded(await signer.sign(digest, 'sha384'));
    await idle(codes, commandCode.policyAuthorize, 2);
    await extend(13);
    expect(tpmCryptography.verify(key, message, succeeded(await signer.sign(digest, 'sha384')))).toBe(true);
    await idle(codes, commandCode.policyAuthorize, 4);
    await extend(12);
    expect(await signer.sign(digest, 'sha384')).toMatchObject({
      error: { command: 'TPM2_PolicyAuthorize', responseCode: { name: 'TPM_RC_VALUE' } },
    });
  }));

test('signatures that are asked for at once are made one after the other', () =>
  withSigner(async ({ signer, key }) => {
    const signed = await Promise.all(Array.from({ length: 10 }, () => signer.sign(digest, 'sha384')));
    for (const one of signed) expect(tpmCryptography.verify(key, message, succeeded(one))).toBe(true);
  }));

test('a session that got lost is replaced without the caller’s notice', () =>
  withSigner(async ({ signer, tpm, key, sessions }) => {
    succeeded(await signer.sign(digest, 'sha384'));
    for (const handle of await sessions())
      succeeded(await tpm.execute(flushContext((handle & 0xffffff) | 0x0300_0000)));
    expect(tpmCryptography.verify(key, message, succeeded(await signer.sign(digest, 'sha384')))).toBe(true);
  }));

test('a refusal leaves no session behind, and the next signature starts anew', () =>
  withSigner(async ({ signer, sessions, key }) => {
    const refused = await signer.sign(digest.subarray(1), 'sha384');
    expect(refused).toMatchObject({ error: { command: 'TPM2_Sign', responseCode: { name: 'TPM_RC_SIZE' } } });
    expect(await sessions()).toEqual([]);
    expect(tpmCryptography.verify(key, message, succeeded(await signer.sign(digest, 'sha384')))).toBe(true);
  }));

test('what makes a host key one', () => {
  const template = hostKeyTemplate(tpmCryptography, name, new Uint8Array(32));
  const other = (changed: Partial<typeof template>) =>
    isHostKey({ ...template, ...changed }, tpmCryptography, name);
  expect(other({})).toBe(true);
  expect(other({ attributes: template.attributes | (1 << 6) })).toBe(false);
  expect(other({ authPolicy: new Uint8Array(32) })).toBe(false);
  expect(other({ key: { ...template.key, curve: 4 } })).toBe(false);
  expect(other({ key: { ...template.key, x: new Uint8Array(33) } })).toBe(false);
  expect(isHostKey(template, tpmCryptography, name.subarray(1))).toBe(false);
  expect(() => hostKeyTemplate(tpmCryptography, name, new Uint8Array(31))).toThrow(RangeError);
});

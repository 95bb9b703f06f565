import { generateKeyPairSync, randomBytes, sign as signWith } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { authorizeBy } from '../../firmware/tpm/authorization.ts';
import type { Tpm } from '../../firmware/tpm/client.ts';
import { createPrimary, flushContext, loadExternal } from '../../firmware/tpm/commands/keys.ts';
import { pcrExtend } from '../../firmware/tpm/commands/pcr.ts';
import {
  policyAuthorize,
  policyAuthValue,
  policyCommandCode,
  policyGetDigest,
  policyPcr,
  policyRestart,
  policySecret,
} from '../../firmware/tpm/commands/policy.ts';
import { sign, verifySignature } from '../../firmware/tpm/commands/signing.ts';
import { algorithm, commandCode, hierarchy, objectAttribute } from '../../firmware/tpm/constants.ts';
import { endorsementKeyPolicy } from '../../firmware/tpm/endorsement-key.ts';
import type { Command } from '../../firmware/tpm/frame.ts';
import { objectName } from '../../firmware/tpm/object-name.ts';
import { readPcrs } from '../../firmware/tpm/pcrs.ts';
import {
  approvalDigest,
  authorizeStep,
  authValueStep,
  commandCodeStep,
  pcrStep,
  policyDigest,
  secretStep,
} from '../../firmware/tpm/policy-digest.ts';
import { releaseKeyArea } from '../../firmware/tpm/release-key.ts';
import { type Session, withSession } from '../../firmware/tpm/session.ts';
import { signingTemplate } from './objects.ts';
import { succeeded } from './outcome.ts';
import { type Swtpm, startSwtpm } from './swtpm.ts';

let swtpm: Swtpm;
beforeAll(async () => {
  swtpm = await startSwtpm();
});
afterAll(() => swtpm[Symbol.asyncDispose]());

const selections = [{ hash: algorithm.sha256, indexes: [11, 23] }];
const endorsementName = new Uint8Array([0x40, 0, 0, 0x0b]);
const read = async (name: string) => new Uint8Array(await readFile(join(swtpm.directory, name)));
const pcrValues = async (tpm: Tpm) =>
  succeeded(await readPcrs(tpm, 'sha256', [11, 23])).pcrs.map(({ digest }) => digest);

/** The digest that a trial session of the TPM reaches by these commands. */
const inTpm = (tpm: Tpm, ...commands: readonly ((session: number) => Command<undefined>)[]) =>
  withSession(tpm, tpmCryptography, { kind: 'trial' }, async (session) => {
    for (const command of commands) succeeded(await tpm.execute(command(session.handle)));
    return tpm.execute(policyGetDigest(session.handle));
  }).then(succeeded);

describe('Part 3, 23: policy digests, in software, in a trial session and by tpm2-tools', () => {
  test('23.7 PolicyPCR', async () => {
    const { ours, trial } = await swtpm.use(async (tpm) => ({
      ours: policyDigest(tpmCryptography, 'sha256', pcrStep(selections, await pcrValues(tpm))),
      trial: await inTpm(tpm, (session) => policyPcr(session, selections)),
    }));
    await swtpm.tool('tpm2_startauthsession', '-S', 's.ctx');
    await swtpm.tool('tpm2_policypcr', '-S', 's.ctx', '-l', 'sha256:11,23', '-L', 'pcr.policy');
    await swtpm.tool('tpm2_flushcontext', 's.ctx');
    expect([toHex(trial), toHex(await read('pcr.policy'))]).toEqual([toHex(ours), toHex(ours)]);
  });

  test('23.4 PolicySecret: the policy of the default endorsement keys', async () => {
    const trial = await swtpm.use((tpm) =>
      inTpm(tpm, (session) => policySecret(hierarchy.endorsement, session)),
    );
    const ours = policyDigest(tpmCryptography, 'sha256', secretStep(endorsementName));
    await swtpm.tool('tpm2_startauthsession', '-S', 's.ctx');
    await swtpm.tool('tpm2_policysecret', '-S', 's.ctx', '-c', 'e', '-L', 'secret.policy');
    await swtpm.tool('tpm2_flushcontext', 's.ctx');
    expect([trial, ours, await read('secret.policy')].map(toHex)).toEqual(
      Array(3).fill(toHex(endorsementKeyPolicy)),
    );
  });

  test('23.11 PolicyCommandCode after 23.17 PolicyAuthValue, and 11.2 PolicyRestart', async () => {
    const trial = await swtpm.use((tpm) =>
      inTpm(
        tpm,
        (session) => policyPcr(session, selections),
        policyRestart,
        policyAuthValue,
        (session) => policyCommandCode(session, commandCode.sign),
      ),
    );
    const ours = policyDigest(tpmCryptography, 'sha256', authValueStep, commandCodeStep(commandCode.sign));
    await swtpm.tool('tpm2_startauthsession', '-S', 's.ctx');
    await swtpm.tool('tpm2_policyauthvalue', '-S', 's.ctx');
    await swtpm.tool('tpm2_policycommandcode', '-S', 's.ctx', '-L', 'cc.policy', 'TPM2_CC_Sign');
    await swtpm.tool('tpm2_flushcontext', 's.ctx');
    expect([trial, await read('cc.policy')].map(toHex)).toEqual([toHex(ours), toHex(ours)]);
  });
});

describe.each(['ec', 'rsa'] as const)('23.16 PolicyAuthorize with an %s release key', (type) => {
  const { privateKey, publicKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const area = releaseKeyArea(publicKey.export({ format: 'jwk' }));
  if (area === undefined) throw new Error('the key was not understood');
  const signer = objectName(tpmCryptography, area) ?? new Uint8Array();

  /** Approves `policy` as the image builder does. */
  const approve = (policy: Uint8Array) => {
    const data = Buffer.concat([policy]);
    const raw = new Uint8Array(
      signWith('sha256', data, type === 'ec' ? { key: privateKey, dsaEncoding: 'ieee-p1363' } : privateKey),
    );
    return type === 'ec'
      ? { scheme: 'ecdsa' as const, hash: algorithm.sha256, r: raw.slice(0, 32), s: raw.slice(32) }
      : { scheme: 'rsassa' as const, hash: algorithm.sha256, signature: raw };
  };
  const ticketFor = async (tpm: Tpm, policy: Uint8Array, signature = approve(policy)) => {
    const key = succeeded(await tpm.execute(loadExternal(area)));
    expect(toHex(key.name)).toBe(toHex(signer));
    const digest = approvalDigest(tpmCryptography, 'sha256', policy);
    const ticket = await tpm.execute(verifySignature(key.handle, digest, signature));
    succeeded(await tpm.execute(flushContext(key.handle)));
    return ticket;
  };

  test('the digest is that of tpm2_policyauthorize', async () => {
    await writeFile(join(swtpm.directory, 'release.name'), signer);
    await writeFile(join(swtpm.directory, 'approved'), new Uint8Array(32));
    await swtpm.tool('tpm2_startauthsession', '-S', 's.ctx');
    await swtpm.tool(
      'tpm2_policyauthorize',
      '-S',
      's.ctx',
      '-i',
      'approved',
      '-n',
      'release.name',
      '-L',
      'authorize.policy',
    );
    await swtpm.tool('tpm2_flushcontext', 's.ctx');
    expect(toHex(await read('authorize.policy'))).toBe(
      toHex(policyDigest(tpmCryptography, 'sha256', authorizeStep(signer))),
    );
  });

  test('a key bound so signs SHA-384 digests while the PCRs are as approved, and not after one unexpected extend', () =>
    swtpm.use(async (tpm) => {
      const authPolicy = policyDigest(tpmCryptography, 'sha256', authorizeStep(signer));
      const template = {
        ...signingTemplate,
        attributes: signingTemplate.attributes & ~objectAttribute.userWithAuth,
        authPolicy,
      };
      const key = succeeded(await tpm.execute(createPrimary(hierarchy.owner, template)));
      const policy = policyDigest(tpmCryptography, 'sha256', pcrStep(selections, await pcrValues(tpm)));
      const ticket = succeeded(await ticketFor(tpm, policy));
      const message = randomBytes(100);
      const digest = tpmCryptography.digest('sha384', message);
      const fulfil = async (session: Session) => {
        const pcrs = await tpm.execute(policyPcr(session.handle, selections));
        if (!pcrs.ok) return pcrs;
        const authorize = { approvedPolicy: policy, reference: new Uint8Array(), signer, ticket };
        return tpm.execute(policyAuthorize(session.handle, authorize));
      };
      const signOnce = () =>
        withSession(tpm, tpmCryptography, { kind: 'policy' }, async (session) => {
          const fulfilled = await fulfil(session);
          if (!fulfilled.ok) return fulfilled;
          return tpm.execute(sign(key, digest, { scheme: 'ecdsa', hash: 'sha384' }, authorizeBy(session)));
        });
      const signature = succeeded(await signOnce());
      expect(tpmCryptography.verify(key.publicArea, message, signature)).toBe(true);
      expect(await tpm.execute(sign(key, digest, { scheme: 'ecdsa', hash: 'sha384' }))).toMatchObject({
        error: { responseCode: { name: 'TPM_RC_AUTH_UNAVAILABLE' } },
      });
      succeeded(await tpm.execute(pcrExtend(23, [{ hash: algorithm.sha256, digest: new Uint8Array(32) }])));
      expect(await signOnce()).toMatchObject({
        error: { command: 'TPM2_PolicyAuthorize', responseCode: { name: 'TPM_RC_VALUE' } },
      });
      succeeded(await tpm.execute(flushContext(key.handle)));
    }));

  test('20.1 VerifySignature gives no ticket for a policy that the release key did not sign', () =>
    swtpm.use(async (tpm) => {
      const signature = approve(new Uint8Array(32));
      expect(await ticketFor(tpm, new Uint8Array(32).fill(1), signature)).toMatchObject({
        error: { responseCode: { name: 'TPM_RC_SIGNATURE' } },
      });
    }));
});

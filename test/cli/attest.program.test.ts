import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { answerChallenge } from '../../firmware/attestation/endorsement-keys.ts';
import { readChallenge } from '../../firmware/attestation/enrolment.ts';
import { writeEvidence } from '../../firmware/attestation/evidence.ts';
import { noteNonce, writeNonceBook } from '../../firmware/attestation/nonce-book.ts';
import { developmentKeySha256 } from '../../firmware/attestation/reference-values.ts';
import type { Verdict } from '../../firmware/attestation/verdict.ts';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { attest } from '../../firmware/cli/attest.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { readReleaseKey } from '../../firmware/system/verifier.ts';
import { withOwnAttestationKey } from '../../firmware/tpm/attestation-key.ts';
import { readReleaseKey as readBuildersKey } from '../../image-builder/release-key.ts';
import { bootInto, evidenceOf, manifest, releasePem, signRelease } from '../attestation/attested-box.ts';
import { ascii } from '../attestation/made-log.ts';
import { manufacture } from '../tpm/manufacture.ts';
import { succeeded } from '../tpm/outcome.ts';
import { type Swtpm, startSwtpm } from '../tpm/swtpm.ts';
import { runHere } from './run-here.ts';

const folder = mkdtempSync(join(tmpdir(), 'hithe-attest-'));
const at = (name: string) => join(folder, name);
const nonce = '0123456789abcdef'.repeat(4);
let box: Swtpm;

beforeAll(async () => {
  box = await startSwtpm({ manufacture: manufacture() });
  const evidence = await box.use(async (tpm) => {
    await bootInto(tpm);
    return evidenceOf(tpm, new Uint8Array(Buffer.from(nonce, 'hex')));
  });
  const octets = ascii(JSON.stringify(manifest));
  writeFileSync(at('evidence.json'), JSON.stringify(writeEvidence(evidence)));
  writeFileSync(at('manifest.json'), octets);
  writeFileSync(at('manifest.json.sig'), signRelease(octets));
  writeFileSync(at('release.pem'), releasePem);
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const run = (...args: readonly string[]) => runHere(attest, args);

const appraise = (...more: readonly string[]) =>
  run(
    ...['appraise', '--manifest', at('manifest.json'), '--evidence', at('evidence.json')],
    ...['--release-key', at('release.pem'), '--nonce', nonce, ...more],
  );
const ca = () => ['--ca', join(box.directory, 'authority', 'issuercert')];

describe('hithe attest appraise', () => {
  test('passes after an enrolment, and then by the record of it', async () => {
    const made = await run(
      'challenge',
      '--evidence',
      at('evidence.json'),
      '--kept',
      at('kept'),
      '--out',
      at('challenge'),
    );
    expect(made.status).toBe(0);
    const challenge = readChallenge(JSON.parse(readFileSync(at('challenge'), 'utf8')));
    if (!challenge.ok) throw new Error(challenge.error.problem);
    const secret = await box.use((tpm) =>
      withOwnAttestationKey(tpm, (key) => answerChallenge(tpm, tpmCryptography, key, challenge.value)),
    );
    writeFileSync(at('answer'), JSON.stringify({ secret: toHex(succeeded(secret)) }));
    // The certificates were made a moment ago, by a clock with seconds.
    vi.setSystemTime(Date.now() + 60_000);
    const enrolled = await appraise(
      ...ca(),
      '--kept',
      at('kept'),
      '--answer',
      at('answer'),
      '--record',
      at('record'),
    );
    expect(enrolled).toMatchObject({ status: 0, stdout: expect.stringMatching(/^PASS: /) });
    const again = await appraise('--previous', at('record'), '--json');
    const verdict = JSON.parse(again.stdout) as Verdict;
    // All that is wrong with the second time is that it is the same evidence.
    expect([again.status, verdict.findings.map(({ check }) => check)]).toEqual([1, ['quote']]);
    vi.useRealTimers();
  });

  test('takes a challenge of its book once, and no other', async () => {
    const book = at('book');
    const given = (await run('nonce', '--book', book)).stdout.trim();
    expect(given).toMatch(/^[0-9a-f]{64}$/);
    const problems = async (asked: string) => {
      const { stdout } = await appraise('--any-tpm', '--nonce', asked, '--book', book, '--json');
      return (JSON.parse(stdout) as Verdict).findings.map(({ problem }) => problem);
    };
    expect(await problems(given)).toEqual(['the quote answers another challenge', expect.anything()]);
    expect(await problems(nonce)).toEqual(['this challenge was never given out, or was answered already']);
    const noted = noteNonce([], new Uint8Array(Buffer.from(nonce, 'hex')), Date.now());
    writeFileSync(book, JSON.stringify(writeNonceBook(noted)));
    expect(await problems(nonce)).toEqual([]);
    expect(await problems(nonce)).toEqual(['this challenge was never given out, or was answered already']);
    writeFileSync(`${book}.lock`, '');
    expect(await run('nonce', '--book', book)).toMatchObject({ status: 2 });
    rmSync(`${book}.lock`);
    writeFileSync(book, '[]');
    expect(await run('nonce', '--book', book)).toMatchObject({ status: 2 });
    expect(readFileSync(book, 'utf8')).toBe('[]');
  });

  test('says where no book is kept', async () => {
    expect((await appraise('--any-tpm')).stdout).toContain('Note: Nobody looked up when this challenge');
  });

  test('fails where no root that was given stands behind the TPM, and says so', async () => {
    const { status, stdout } = await appraise();
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAIL: /);
    expect(stdout).toContain('no root that was given issued the certificate: CN=swtpm-localca');
  });

  test('names PCR, event, expected and actual', async () => {
    const other = { ...manifest, uki: { authenticodeSha256: 'ab'.repeat(32) } };
    const octets = ascii(JSON.stringify(other));
    writeFileSync(at('other.json'), octets);
    writeFileSync(at('other.json.sig'), signRelease(octets));
    const { status, stdout } = await appraise('--any-tpm', '--manifest', at('other.json'));
    expect(status).toBe(1);
    expect(stdout).toContain('boot, PCR 4: this is not the released kernel image');
    expect(stdout).toMatch(/event {5}\d+ EV_EFI_BOOT_SERVICES_APPLICATION/);
    expect(stdout).toContain(`expected  ${'ab'.repeat(32)}`);
    expect(stdout).toMatch(/actual {4}[0-9a-f]{64}/);
  });

  test('takes no manifest that the release key did not sign, and no key that was not named', async () => {
    writeFileSync(at('unsigned.json'), readFileSync(at('manifest.json')));
    writeFileSync(at('unsigned.json.sig'), new Uint8Array(256));
    expect(await appraise('--any-tpm', '--manifest', at('unsigned.json'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('did not sign this manifest'),
    });
    const named = ['--manifest', at('manifest.json'), '--evidence', at('evidence.json'), '--nonce', nonce];
    expect((await run('appraise', ...named)).status).toBe(2);
    writeFileSync(at('release-key.pem'), releasePem);
    expect((await run('appraise', ...named)).stderr).toContain('--release-key');
    rmSync(at('release-key.pem'));
  });

  test('gives a token that anybody can check (RFC 7519, ES256)', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(at('sign.pem'), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const { stdout } = await appraise('--any-tpm', '--sign-key', at('sign.pem'));
    const [header = '', claims = '', signature = ''] = stdout.trim().split('.');
    const key = createPublicKey(pair.publicKey.export({ type: 'spki', format: 'pem' }));
    const signed = Buffer.from(`${header}.${claims}`);
    const octets = Buffer.from(signature, 'base64url');
    expect(verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, octets)).toBe(true);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'ES256', typ: 'JWT' });
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      eat_profile: 'tag:github.com,2023:veraison/ear',
      eat_nonce: Buffer.from(nonce, 'hex').toString('base64url'),
      submods: {
        hithe: {
          'ear.status': 'warning',
          'ear.trustworthiness-vector': {
            'instance-identity': 32,
            executables: 2,
            configuration: 2,
            hardware: 2,
          },
        },
      },
    });
  });

  test.each([
    [[]],
    [['appraise']],
    [['appraise', '--manifest', 'm', '--evidence', 'e', '--nonce', 'zz']],
    [['collect']],
    [['collect', '--nonce', '00']],
    [['nothing']],
    [
      [
        'appraise',
        '--manifest',
        '/nowhere',
        '--evidence',
        'e',
        '--nonce',
        nonce,
        '--release-key',
        '/nowhere',
      ],
    ],
  ])('%j is wrong use', async (args) => {
    expect((await run(...args)).status).toBe(2);
  });

  test('a file without an end is wrong use', async () => {
    expect(await appraise('--any-tpm', '--evidence', '/dev/zero')).toMatchObject({
      ...{ status: 2, stderr: expect.stringContaining('--evidence: more than') },
    });
  });

  test('evidence that is no JSON fails', async () => {
    writeFileSync(at('broken'), '{');
    expect((await appraise('--any-tpm', '--evidence', at('broken'))).status).toBe(1);
  });
});

test('the development key is known by its fingerprint', () => {
  expect(readReleaseKey(readBuildersKey(undefined).publicPem).keySha256).toBe(developmentKeySha256);
});

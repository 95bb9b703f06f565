import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeChallenge } from '../../firmware/attestation/enrolment.ts';
import { attest } from '../../firmware/cli/attest.ts';
import { endorsementKeyTemplates } from '../../firmware/tpm/endorsement-key.ts';
import type { Attestation } from '../../firmware/webui/api/attestation-route.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

/** The page's real server, with an attestation that repeats what it was asked. */
const echo: Attestation = {
  evidence: async (nonce) =>
    nonce.startsWith('ff')
      ? { ok: false, reason: 'No \u001b[2J evidence.' }
      : { ok: true, document: { type: 'hithe-evidence', asked: nonce } },
  activate: async (challenge) => ({ ok: true, secret: JSON.stringify(challenge) }),
  measuredBoot: async () => ({ ok: false, reason: 'Nobody asks.' }),
};
const folder = mkdtempSync(join(tmpdir(), 'hithe-attest-box-'));
const at = (name: string) => join(folder, name);
const nonce = '0123456789abcdef'.repeat(4);
let box: TestBox;
let address: string;

beforeAll(async () => {
  box = await startTestBox({ attestation: echo });
  address = `127.0.0.1:${box.httpsPort}`;
});
afterAll(async () => {
  await box.close();
  rmSync(folder, { recursive: true });
});

const run = (...args: readonly string[]) => runHere(attest, args);

describe('hithe attest --box', () => {
  test('collects what the box at that address answers', async () => {
    const { status, stdout } = await run('collect', '--nonce', nonce, '--box', address);
    expect([status, JSON.parse(stdout)]).toEqual([0, { type: 'hithe-evidence', asked: nonce }]);
    await run('collect', '--nonce', nonce, '--box', address, '--out', at('evidence'));
    expect(JSON.parse(readFileSync(at('evidence'), 'utf8'))).toMatchObject({ asked: nonce });
  });

  test('says why the box gives nothing, without its control characters', async () => {
    expect(await run('collect', '--nonce', 'ff'.repeat(8), '--box', address)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'hithe: the box answers 503: No \\x1b[2J evidence.\n',
    });
  });

  test('lets the box open a challenge', async () => {
    const challenge = writeChallenge({
      endorsementKey: endorsementKeyTemplates.p256,
      credential: { blob: Uint8Array.of(1), encryptedSeed: Uint8Array.of(2) },
    });
    writeFileSync(at('challenge'), JSON.stringify(challenge));
    const { status, stdout } = await run('activate', '--challenge', at('challenge'), '--box', address);
    expect([status, JSON.parse(stdout)]).toEqual([0, { secret: JSON.stringify(challenge) }]);
  });

  test.each(['127.0.0.1:1', '[::1]:1'])('nobody at %s', async (nobody) => {
    const { status, stderr } = await run('collect', '--nonce', nonce, '--box', nobody);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^hithe: The box at .* does not answer: /)]);
  });

  test.each(['', 'a b', 'box/path', 'user@box', 'box?query', 'box:99999'])(
    '%j is no address',
    async (text) => {
      const { status, stderr } = await run('collect', '--nonce', nonce, '--box', text);
      expect([status, stderr]).toEqual([1, `hithe: ${text} is no address of a box.\n`]);
    },
  );
});

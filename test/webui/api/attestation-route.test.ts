import { describe, expect, test } from 'vitest';
import type { Attestation } from '../../../firmware/webui/api/attestation-route.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post } from '../test-site.ts';

const nonce = '00'.repeat(32);
const boot = { release: null, selfAppraisal: true, pcrBank: 'sha256', chain: [], pcrs: [] } as const;
const working: Attestation = {
  evidence: async (asked) => ({ ok: true, document: { type: 'hithe-evidence', asked } }),
  activate: async (challenge) => ({ ok: true, secret: JSON.stringify(challenge) }),
  measuredBoot: async () => ({ ok: true, boot: { ...boot, chain: [], pcrs: [] } }),
};

const site = (attestation: Attestation) => openTestSite(undefined, undefined, attestation);

async function ask(
  attestation: Attestation,
  body: unknown,
  about = 'evidence',
): Promise<{ status: number; body: unknown }> {
  const opened = await site(attestation);
  const response = await opened.request(`/api/v1/attestation/${about}`, post(JSON.stringify(body)));
  return { status: response.status, body: await response.json() };
}

test('evidence is for the challenge that was posted', async () => {
  expect(await ask(working, { nonce })).toEqual({
    status: 200,
    body: { type: 'hithe-evidence', asked: nonce },
  });
});

test.each([7, 65])('a challenge of %i octets is refused', async (octets) => {
  expect(await ask(working, { nonce: '00'.repeat(octets) })).toMatchObject({ status: 400 });
});

test.each([8, 64])('a challenge of %i octets is taken', async (octets) => {
  expect(await ask(working, { nonce: '00'.repeat(octets) })).toMatchObject({ status: 200 });
});

test('what is no challenge is refused', async () => {
  for (const body of [{}, { nonce: 'zz'.repeat(32) }, { nonce: '0'.repeat(33) }, { nonce, more: 1 }])
    expect(await ask(working, body)).toMatchObject({ status: 400 });
});

describe('an enrolment challenge', () => {
  const challenge = {
    type: 'hithe-enrolment-challenge',
    endorsementKey: '00'.repeat(limits.tpmStructure),
    credentialBlob: 'ab',
    encryptedSeed: 'cd',
  };

  test('is opened by the TPM', async () => {
    expect(await ask(working, challenge, 'activation')).toEqual({
      status: 200,
      body: { secret: JSON.stringify(challenge) },
    });
  });

  test.each<[string, object]>([
    ['without a part', { ...challenge, encryptedSeed: undefined }],
    ['with more', { ...challenge, more: 1 }],
    ['with what is no hexadecimal', { ...challenge, credentialBlob: 'xy' }],
    ['too long', { ...challenge, endorsementKey: '00'.repeat(limits.tpmStructure + 1) }],
  ])('%s is none', async (_, body) => {
    expect(await ask(working, body, 'activation')).toMatchObject({ status: 400 });
  });

  test('for another TPM gets no secret', async () => {
    const other: Attestation = { ...working, activate: async () => ({ ok: false, reason: 'Another TPM.' }) };
    expect(await ask(other, challenge, 'activation')).toMatchObject({
      status: 503,
      body: { code: 'no-evidence', detail: 'Another TPM.' },
    });
  });
});

test('a box without a TPM says so', async () => {
  const none: Attestation = {
    evidence: async () => ({ ok: false, reason: 'No evidence without a TPM.' }),
    activate: async () => ({ ok: false, reason: 'No evidence without a TPM.' }),
    measuredBoot: async () => ({ ok: false, reason: 'No evidence without a TPM.' }),
  };
  expect(await ask(none, { nonce })).toMatchObject({
    status: 503,
    body: { code: 'no-evidence', detail: 'No evidence without a TPM.' },
  });
  expect((await (await site(none)).request('/api/v1/attestation')).status).toBe(503);
});

test('the measured boot says that the box looked at itself', async () => {
  const response = await (await site(working)).request('/api/v1/attestation');
  expect(await response.json()).toEqual(boot);
});

test('more at once than the TPM is let do are told to come again, and later ones are served', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  let begun = 0;
  const slow: Attestation = {
    ...working,
    evidence: async (asked) => {
      begun += 1;
      if (begun === limits.evidenceAtOnce) all.resolve();
      await promise;
      return working.evidence(asked);
    },
  };
  const opened = await site(slow);
  const once = () => opened.request('/api/v1/attestation/evidence', post(JSON.stringify({ nonce })));
  const waiting = Array.from({ length: limits.evidenceAtOnce }, once);
  await all.promise;
  const refused = await once();
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('2');
  resolve();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(waiting.map(() => 200));
  expect((await once()).status).toBe(200);
});

import { describe, expect, test } from 'vitest';
import { identityText } from '../../../firmware/cli/identity.ts';
import type { ReplaceIdentity } from '../../../firmware/webui/ports.ts';
import { normalStatus } from '../status-fixtures.ts';
import { openTestSite, testTime } from '../test-site.ts';

const { identity } = normalStatus(testTime);
const made = { ...identity, hit: '2001:22::2', keyStorage: 'tpm' as const };

async function ask(
  replaceIdentity: ReplaceIdentity,
  body: unknown,
  transport: 'https' | 'local' = 'local',
): Promise<{ status: number; body: unknown }> {
  const site = await openTestSite(undefined, replaceIdentity);
  const init = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  };
  const response = await site.request('/api/v1/identity/replace', init, transport);
  return { status: response.status, body: await response.json() };
}

describe('POST /api/v1/identity/replace', () => {
  test('over the box’s own socket gives up the identity that is named', async () => {
    const named: string[] = [];
    const replace: ReplaceIdentity = async (hit) => {
      named.push(hit);
      return { outcome: 'replaced', identity: made };
    };
    expect(await ask(replace, { hit: '2001:22::1' })).toEqual({ status: 200, body: made });
    expect(named).toEqual(['2001:22::1']);
  });

  test('from a port is refused without being tried where nobody is signed in', async () => {
    const replace: ReplaceIdentity = () => Promise.reject(new Error('it was tried'));
    expect(await ask(replace, { hit: '2001:22::1' }, 'https')).toMatchObject({
      status: 401,
      body: { code: 'not-signed-in' },
    });
  });

  test('that names another identity changes nothing and says which one it is', async () => {
    const replace: ReplaceIdentity = async () => ({ outcome: 'other-identity', hit: '2001:22::7' });
    expect(await ask(replace, { hit: 'none' })).toMatchObject({
      status: 409,
      body: { code: 'other-identity', detail: expect.stringContaining('2001:22::7') },
    });
  });

  test('that comes to nothing says why and what to do', async () => {
    const problem = { code: 'TPM_FAILED', message: 'It does not work.', advice: 'Switch it on.' };
    const replace: ReplaceIdentity = async () => ({ outcome: 'failed', problem });
    expect(await ask(replace, { hit: 'none' })).toMatchObject({
      status: 500,
      body: { code: 'no-identity', detail: 'It does not work. Switch it on.' },
    });
  });

  test.each([[{}], [{ hit: 7 }], [{ hit: 'none', force: true }], [{ hit: 'x'.repeat(65) }]])(
    '%j is no such request',
    async (body) => {
      const replace: ReplaceIdentity = () => Promise.reject(new Error('it was tried'));
      expect(await ask(replace, body)).toMatchObject({ status: 400, body: { code: 'bad-request' } });
    },
  );
});

describe('hithe identity', () => {
  test('says plainly that a key is a file', () => {
    expect(identityText({ ...identity, advice: null })).toContain('SOFTWARE IDENTITY: a file, not in a TPM');
    expect(identityText({ ...made, advice: null })).not.toContain('SOFTWARE');
  });

  test('says what happened, what was before and what to do', () => {
    const lost = { hit: null, keyStorage: 'none', detail: 'The TPM was cleared.', signing: null } as const;
    const text = identityText({
      ...lost,
      formerHit: '2001:22::1',
      problem: 'TPM_CLEARED',
      advice: 'Re-enrol.',
    });
    expect(text.split('\n').map((line) => line.trim().replace(/ {2,}/, ': '))).toEqual([
      'HIT: none',
      'Had before: 2001:22::1',
      'Key: nowhere',
      'The TPM was cleared.',
      'Problem: TPM_CLEARED',
      'Advice: Re-enrol.',
      '',
    ]);
  });
});

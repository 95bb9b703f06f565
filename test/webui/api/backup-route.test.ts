import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post, type SignedIn, type TestSite, testPassword } from '../test-site.ts';

let site: TestSite;
let owner: SignedIn;
beforeEach(async () => {
  site = await openTestSite();
  owner = await site.signIn();
});
afterEach(() => site.close());

const ask = async (path: string, body: unknown, who = owner) => {
  const response = await who.request(path, post(JSON.stringify(body)));
  return { status: response.status, body: await response.json() };
};
const confirm = () => ask('/api/v1/session/confirm', { password: testPassword });
const password = 'a password of its own';

describe('backups over the API', () => {
  test('without secrets for everybody who may read; with them for owners who just said their password', async () => {
    const viewer = await site.signIn('viewer');
    expect((await viewer.request('/api/v1/backup')).status).toBe(200);
    expect((await ask('/api/v1/backup', { password }, viewer)).status).toBe(403);
    expect(await ask('/api/v1/backup', { password })).toMatchObject({ body: { code: 'confirm-password' } });
    await confirm();
    const { status, body } = await ask('/api/v1/backup', { password });
    expect([status, Object.keys(body).sort()]).toEqual([200, ['hitheBackup', 'made', 'sealed']]);
  });

  test('a password has its bounds', async () => {
    await confirm();
    for (const [text, status] of [
      ['x'.repeat(limits.passwordCodePoints), 200],
      ['x'.repeat(limits.passwordCodePoints - 1), 400],
      ['x'.repeat(limits.passwordLength), 200],
      ['x'.repeat(limits.passwordLength + 1), 400],
    ] as const)
      expect((await ask('/api/v1/backup', { password: text })).status).toBe(status);
  });

  test('what a restore changes is shown; then it is on trial in the name of who did it', async () => {
    const made = await (await owner.request('/api/v1/backup')).json();
    const backup = { ...made, settings: { version: 1, hostname: 'restored' } };
    expect(await ask('/api/v1/restore/plan', { backup })).toMatchObject({
      status: 200,
      body: { made: { hostname: 'gate-hamburg' }, missing: [], plan: { changes: [{ path: 'hostname' }] } },
    });
    expect(await ask('/api/v1/restore', { backup })).toMatchObject({ body: { code: 'confirm-password' } });
    await confirm();
    expect(await ask('/api/v1/restore', { backup, seconds: 30 })).toMatchObject({
      status: 200,
      body: { trial: { author: 'admin', secondsLeft: 30 } },
    });
  });

  test('an upload has its bound', async () => {
    const sized = (size: number) => `{"backup":{"a":"${'x'.repeat(size - 19)}"}}`.padEnd(size);
    const answer = async (size: number) =>
      (await owner.request('/api/v1/restore/plan', post(sized(size)))).status;
    expect([await answer(limits.backupBodyBytes), await answer(limits.backupBodyBytes + 1)]).toEqual([
      400, 413,
    ]);
  });

  test('whatever is sent, it is answered with a problem or a plan', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.option(fc.string()), async (backup, secret) => {
        const { status, body } = await ask('/api/v1/restore/plan', {
          backup,
          ...(secret !== null && { password: secret }),
        });
        expect(status === 200 || (status === 400 && typeof body.code === 'string')).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

test('a restart is for who may change things and has just said the password', async () => {
  const restarts = () => site.claimed.filter((what) => what === 'restarted').length;
  const viewer = await site.signIn('viewer');
  expect((await ask('/api/v1/restart', {}, viewer)).status).toBe(403);
  expect(await ask('/api/v1/restart', {})).toMatchObject({ body: { code: 'confirm-password' } });
  expect(restarts()).toBe(0);
  await confirm();
  expect(await ask('/api/v1/restart', {})).toMatchObject({ status: 200, body: { restarting: true } });
  expect(restarts()).toBe(1);
});

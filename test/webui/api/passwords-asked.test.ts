import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post, type TestSite, testPassword } from '../test-site.ts';
import { claimOf, codeOf, confirm, signInAt } from './sign-in-requests.ts';

let site: TestSite;
beforeEach(async () => {
  site = await openTestSite();
});
afterEach(() => site.close());

const signIn = (name: string, password: string, from?: string) => signInAt(site, name, password, from);
const claim = () => claimOf(site);

describe('guessing passwords', () => {
  test('runs out for an address, also with the right one, and comes back', async () => {
    await claim();
    for (let index = 0; index < limits.signInBurst; index++)
      expect(await codeOf(signIn('admin', `wrong password ${index}`))).toBe('wrong-password');
    const refused = await signIn('admin', testPassword);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '12']);
    expect((await signIn('admin', testPassword, '192.168.1.51')).status).toBe(200);
    site.clock.at += limits.signInRefillMs;
    expect((await signIn('admin', testPassword)).status).toBe(200);
  });

  test('a name that is nobody’s is answered as one that is', async () => {
    await claim();
    const [known, unknown] = [await signIn('admin', 'wrong password'), await signIn('eve', 'wrong password')];
    expect(await known.text()).toBe(await unknown.text());
    expect([...known.headers]).toEqual([...unknown.headers]);
  });

  test('through the dialog that asks for it again is bounded as well', async () => {
    const owner = await site.signIn();
    const guess = () => owner.request('/api/v1/session/confirm', post('{"password":"wrong password"}'));
    for (let index = 0; index < limits.signInBurst; index++)
      expect(await codeOf(guess())).toBe('wrong-password');
    expect(await codeOf(guess())).toBe('too-many-tries');
    expect(await codeOf(confirm(owner))).toBe('too-many-tries');
  });

  test('many at once: few wait, the others are turned away, and nobody gets in', async () => {
    await claim();
    const answers = await Promise.all(
      Array.from({ length: limits.signInBurstOfAll }, (_, index) =>
        signIn('admin', 'wrong password', `10.0.0.${index}`),
      ),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect([count(401), count(503)]).toEqual([
      limits.passwordsWaiting,
      limits.signInBurstOfAll - limits.passwordsWaiting,
    ]);
    expect((await signIn('admin', testPassword, '10.1.0.1')).status).toBe(429);
  });

  test('the owner is let in by the console whatever was guessed, once, and everybody else is signed out', async () => {
    const other = await site.signIn('operator');
    const everybody = Array.from({ length: 2 * limits.signInBurstOfAll }, (_, index) => `10.0.0.${index}`);
    await Promise.all(everybody.map((from) => signIn('admin', 'wrong password', from)));
    expect(await codeOf(signIn('admin', testPassword, '10.2.0.1'))).toBe('too-many-tries');
    const code = site.claim.offerRecovery() ?? '';
    const recover = (password: string, from: string) =>
      site.request('/api/v1/claim', post(JSON.stringify({ code, password })), 'https', from);
    expect(await codeOf(recover('short', '10.2.0.1'))).toBe('bad-request');
    const recovered = await recover('wholly new password', '10.2.0.1');
    expect([recovered.status, await recovered.json()]).toMatchObject([
      200,
      { session: { user: { name: 'admin' } } },
    ]);
    expect((await other.request('/api/v1/session')).status).toBe(401);
    expect(await codeOf(recover('wholly new password', '10.2.0.1'))).toBe('already-claimed');
    expect(await codeOf(signIn('admin', testPassword, '10.2.0.2'))).toBe('wrong-password');
    expect((await signIn('admin', 'wholly new password', '10.2.0.3')).status).toBe(200);
  });

  test('a recovery code without a name is for the only owner, and a name in other letters for the one it means', async () => {
    const body = (code: string | null, name?: string) =>
      post(JSON.stringify({ code, password: 'wholly new password', ...(name !== undefined && { name }) }));
    const claimed = await site.request('/api/v1/claim', body(site.claim.code(), 'Erika'));
    expect(await claimed.json()).toMatchObject({ session: { user: { name: 'Erika', role: 'owner' } } });
    for (const name of [undefined, 'ERIKA']) {
      const answer = await site.request('/api/v1/claim', body(site.claim.offerRecovery(), name));
      expect(await answer.json()).toMatchObject({ session: { user: { name: 'Erika' } } });
    }
    expect(site.accounts.users.list()).toHaveLength(1);
    expect(site.audit.entries[0]).toMatchObject({
      who: 'Erika',
      act: 'claim',
      what: expect.stringContaining('console'),
    });
  });

  test('a recovery code lapses, is replaced by the next one, and cannot be guessed', async () => {
    await claim();
    const recover = (code: string, from = '10.2.0.1') =>
      codeOf(
        site.request(
          '/api/v1/claim',
          post(JSON.stringify({ code, password: 'wholly new password' })),
          'https',
          from,
        ),
      );
    expect(await recover('0000-0000')).toBe('already-claimed');
    const first = site.claim.offerRecovery() ?? '';
    const second = site.claim.offerRecovery() ?? '';
    expect(await recover(first)).toBe('wrong-claim-code');
    for (let index = 1; index < limits.signInBurst; index++)
      expect(await recover('0000-0000')).toBe('wrong-claim-code');
    expect(await recover(second)).toBe('too-many-tries');
    site.clock.at += limits.recoveryMs;
    expect(await recover(second, '10.2.0.9')).toBe('already-claimed');
  });
});

describe('dangerous acts', () => {
  test('need the password again, for five minutes', async () => {
    const owner = await site.signIn();
    const add = (name: string) =>
      owner.request('/api/v1/users', post(JSON.stringify({ name, role: 'viewer', password: testPassword })));
    expect(await codeOf(add('one'))).toBe('confirm-password');
    expect((await confirm(owner)).status).toBe(200);
    expect((await add('one')).status).toBe(200);
    site.clock.at += limits.confirmedMs;
    expect(await codeOf(add('two'))).toBe('confirm-password');
  });

  test('settings with their secrets are read like that, by owners alone', async () => {
    const path = '/api/v1/config?secrets=shown';
    const [owner, operator] = [await site.signIn(), await site.signIn('operator')];
    expect(await codeOf(operator.request(path))).toBe('not-allowed');
    expect(await codeOf(owner.request(path))).toBe('confirm-password');
    await confirm(owner);
    expect((await owner.request(path)).status).toBe(200);
  });

  test('somebody whose role or password was changed is signed out; who changed it is not', async () => {
    const [owner, viewer] = [await site.signIn(), await site.signIn('viewer')];
    await confirm(owner);
    const change = (name: string, body: object) =>
      owner.request(`/api/v1/users/${name}`, { ...post(JSON.stringify(body)), method: 'PATCH' });
    expect((await change('viewer', { role: 'operator' })).status).toBe(200);
    expect((await viewer.request('/api/v1/session')).status).toBe(401);
    expect((await change('admin', { password: 'wholly new password' })).status).toBe(200);
    expect((await owner.request('/api/v1/session')).status).toBe(200);
    expect(await codeOf(change('admin', { role: 'viewer' }))).toBe('last-owner');
    expect(await codeOf(change('%2e%2e%2fadmin', { role: 'viewer' }))).toBe('user-not-there');
  });

  test('one’s own password is changed with the old one; other sessions of the user end', async () => {
    const [one, other] = [await site.signIn(), await site.signIn()];
    const change = (password: string, newPassword: string) =>
      one.request('/api/v1/session/password', post(JSON.stringify({ password, newPassword })));
    expect(await codeOf(change('wrong password', 'wholly new password'))).toBe('wrong-password');
    expect(await codeOf(change(testPassword, 'short'))).toBe('bad-request');
    expect((await change(testPassword, 'wholly new password')).status).toBe(200);
    expect((await one.request('/api/v1/session')).status).toBe(200);
    expect((await other.request('/api/v1/session')).status).toBe(401);
  });
});

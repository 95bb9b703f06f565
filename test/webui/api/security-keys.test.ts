import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits as keyLimits } from '../../../firmware/security-key/limits.ts';
import type { SecurityKeyList } from '../../../firmware/webui/api/security-key-route.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { VirtualKey } from '../../security-key/virtual-key.ts';
import { openTestSite, post, type SignedIn, type TestSite, testPassword } from '../test-site.ts';
import { claimOf, codeOf, confirm, signInAt } from './sign-in-requests.ts';

const own = '/api/v1/users/admin/security-keys';

let site: TestSite;
let key: VirtualKey;
beforeEach(async () => {
  site = await openTestSite();
  key = await VirtualKey.make();
});
afterEach(() => site.close());

const signInTouching = (from?: string, signal?: AbortSignal) => {
  const body = JSON.stringify({ name: 'admin', password: testPassword, touch: true });
  return site.request('/api/v1/session', { ...post(body), ...(signal && { signal }) }, 'https', from);
};
const add = (who: SignedIn, name: string, at = own) => who.request(at, post(JSON.stringify({ name })));
const remove = (who: SignedIn, id: string, at = own) => who.request(`${at}/${id}`, { method: 'DELETE' });
const listed = async (who: SignedIn) =>
  ((await (await who.request(own)).json()) as SecurityKeyList).securityKeys;

/** Signed in with the password alone, then with a key that they have added. */
async function ownerWithKey(): Promise<SignedIn> {
  const owner = await site.signIn();
  await confirm(owner);
  site.keys.plug(key);
  key.touch();
  const added = await add(owner, 'blue');
  if (!added.ok) throw new Error(await added.text());
  return owner;
}

describe('signing in', () => {
  test('without keys is as ever', async () => {
    await claimOf(site);
    expect((await signInAt(site, 'admin', testPassword)).status).toBe(200);
    expect((await signInTouching()).status).toBe(200);
  });

  test('with a key takes the password and then a touch; both stand in the audit', async () => {
    await ownerWithKey();
    const needed = await signInAt(site, 'admin', testPassword);
    expect([needed.status, needed.headers.get('set-cookie')]).toEqual([401, null]);
    expect(await codeOf(needed)).toBe('security-key-needed');
    expect(site.audit.entries[0]).toMatchObject({ act: 'sign in', who: 'admin', outcome: 'refused' });
    key.touch();
    const answer = await signInTouching();
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, expect.stringContaining('=')]);
    const [entry] = site.audit.entries;
    expect(entry).toMatchObject({ act: 'sign in', what: 'with the security key blue', outcome: 'done' });
  });

  test('with the wrong password is refused as before, whether there are keys or not, and no key blinks', async () => {
    await claimOf(site);
    const before = await signInAt(site, 'admin', 'wrong password');
    const texts = [await before.text(), [...before.headers]];
    await ownerWithKey();
    const { asked } = key;
    const body = { name: 'admin', password: 'wrong password' };
    for (const given of [body, { ...body, touch: true }]) {
      const after = await site.request('/api/v1/session', post(JSON.stringify(given)));
      expect([await after.text(), [...after.headers]]).toEqual(texts);
    }
    expect(key.asked).toBe(asked);
  });

  test('says what kept a key from proving it', async () => {
    await ownerWithKey();
    expect(await codeOf(signInTouching())).toBe('security-key-untouched');
    site.keys.pull(key);
    expect(await codeOf(signInTouching())).toBe('security-key-missing');
    const other = await VirtualKey.make();
    site.keys.plug(other);
    other.touch();
    expect(await codeOf(signInTouching())).toBe('security-key-other');
    site.keys.pull(other);
    key.flaws.add('wrong-signature');
    site.keys.plug(key);
    key.touch();
    expect(await codeOf(signInTouching('10.0.0.1'))).toBe('security-key-unfit');
    key.flaws.add('no-u2f');
    expect(await codeOf(signInTouching('10.0.0.2'))).toBe('security-key-unfit');
    expect(site.audit.entries[0]).toMatchObject({ act: 'sign in', outcome: 'failed' });
  });

  test('with a copy of a key is refused once the counters have met, and told', async () => {
    await ownerWithKey();
    const copy = key.copied();
    key.touch();
    expect((await signInTouching()).status).toBe(200);
    site.keys.pull(key);
    site.keys.plug(copy);
    copy.touch();
    // The copy signs with the number that the key has signed with already.
    const refused = await signInTouching();
    expect(refused.status).toBe(403);
    expect(await codeOf(refused)).toBe('security-key-copied');
    expect(site.log.lines.at(-1)).toMatchObject({ level: 'warning' });
    expect(site.log.lines.at(-1)?.message).toContain('copied');
    expect(site.audit.entries[0]).toMatchObject({ outcome: 'refused' });
    expect(site.audit.entries[0]?.what).toContain('copied');
    // One that counts backwards is refused, too.
    site.keys.pull(copy);
    key.flaws.add('counter-falls');
    site.keys.plug(key);
    key.touch();
    expect(await codeOf(signInTouching())).toBe('security-key-copied');
  });

  test('counts as a try, touched or not', async () => {
    await claimOf(site);
    await ownerWithKey();
    const from = '192.168.1.77';
    site.keys.pull(key);
    // What asks for the touch is half of a try.
    for (let index = 0; index < limits.signInBurst; index++) {
      expect(await codeOf(signInAt(site, 'admin', testPassword, from))).toBe('security-key-needed');
      expect(await codeOf(signInTouching(from))).toBe('security-key-missing');
    }
    expect(await codeOf(signInTouching(from))).toBe('too-many-tries');
    expect(await codeOf(signInAt(site, 'admin', testPassword, from))).toBe('too-many-tries');
  });

  test('one touch lets one in: whoever asks beside it is told who else does', async () => {
    await ownerWithKey();
    const first = signInTouching('192.168.1.60');
    while (!key.blinks) await new Promise(setImmediate);
    const second = await signInTouching('192.168.1.61');
    expect(second.status).toBe(409);
    expect(await second.text()).toContain('192.168.1.60');
    key.touch();
    expect((await first).status).toBe(200);
    key.touch();
    expect((await signInTouching('192.168.1.61')).status).toBe(200);
  });

  test('that nobody waits for any more asks no key, and the next one may', async () => {
    await ownerWithKey();
    const leaving = new AbortController();
    const left = signInTouching('192.168.1.60', leaving.signal);
    while (!key.blinks) await new Promise(setImmediate);
    leaving.abort();
    await left;
    expect(site.keys.openLines).toBe(0);
    key.touch();
    expect((await signInTouching()).status).toBe(200);
  });

  test('ends as wrong where the password was changed, or the user removed, while the touch was waited for', async () => {
    await ownerWithKey();
    const changed = signInTouching();
    while (!key.blinks) await new Promise(setImmediate);
    await site.accounts.users.change('admin', { password: 'wholly another one' });
    key.touch();
    expect(await codeOf(changed)).toBe('wrong-password');
    // As another role they get in as that.
    const demoted = site.request(
      '/api/v1/session',
      post(JSON.stringify({ name: 'admin', password: 'wholly another one', touch: true })),
    );
    while (!key.blinks) await new Promise(setImmediate);
    await site.accounts.users.add('second', 'owner', testPassword);
    await site.accounts.users.change('admin', { role: 'viewer' });
    key.touch();
    expect(await (await demoted).json()).toMatchObject({ user: { role: 'viewer' } });
  });
});

describe('dangerous acts', () => {
  test('take the touch as well, and what needs none goes on without', async () => {
    await ownerWithKey();
    key.touch();
    const answer = await signInTouching();
    const { csrfToken } = (await answer.json()) as { csrfToken: string };
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    const ask = (path: string, body: object) =>
      site.request(path, post(JSON.stringify(body), { cookie, 'x-csrf-token': csrfToken }));
    const user = { name: 'erika', role: 'viewer', password: 'seven herons over the quay' };
    expect(await codeOf(ask('/api/v1/users', user))).toBe('confirm-password');
    const confirmPath = '/api/v1/session/confirm';
    expect(await codeOf(ask(confirmPath, { password: testPassword }))).toBe('security-key-needed');
    expect(await codeOf(ask('/api/v1/users', user))).toBe('confirm-password');
    key.touch();
    expect((await ask(confirmPath, { password: testPassword, touch: true })).status).toBe(200);
    expect((await ask('/api/v1/users', user)).status).toBe(200);
  });

  test('of tokens take none', async () => {
    await ownerWithKey();
    const { tokens } = site.accounts;
    const made = await tokens.make({ name: 'x', access: ['own', 'read'], days: 1, createdBy: 'admin' });
    const authorization = `Bearer ${made.outcome === 'made' ? made.secret : ''}`;
    expect((await site.request('/api/v1/status', { headers: { authorization } })).status).toBe(200);
    // Whose keys these are is not theirs to know, nor to change.
    expect((await site.request(own, { headers: { authorization } })).status).toBe(403);
    const body = post('{"name":"x"}', { authorization });
    expect(await codeOf(site.request(own, body))).toBe('not-allowed');
  });
});

describe('a user’s keys', () => {
  test('are added with the password and a touch, which ends their other sessions', async () => {
    const elsewhere = await site.signIn();
    const owner = await site.signIn();
    site.keys.plug(key);
    expect(await codeOf(add(owner, 'blue'))).toBe('confirm-password');
    await confirm(owner);
    expect(await codeOf(add(owner, 'blue'))).toBe('security-key-untouched');
    expect(await listed(owner)).toEqual([]);
    key.touch();
    const added = await add(owner, 'blue');
    expect(await added.json()).toMatchObject({ securityKeys: [{ name: 'blue', usedAt: null }] });
    expect((await elsewhere.request('/api/v1/session')).status).toBe(401);
    expect((await owner.request('/api/v1/session')).status).toBe(200);
    expect(site.audit.entries[0]).toMatchObject({
      ...{ act: 'security key add', who: 'admin', what: 'blue of admin', outcome: 'done' },
    });
  });

  test('show nothing that proves them, and neither does the log', async () => {
    const owner = await ownerWithKey();
    key.touch();
    await signInTouching();
    const [shown] = await listed(owner);
    expect(Object.keys(shown ?? {}).sort()).toEqual(['addedAt', 'id', 'name', 'usedAt']);
    const { users } = JSON.parse(site.files['users.json'] ?? '');
    const [{ handle, publicKey, application }] = users[0].securityKeys;
    const said = JSON.stringify([site.log.lines, site.audit.entries]);
    for (const hidden of [handle, publicKey, application]) expect(said).not.toContain(hidden.slice(0, 16));
  });

  test('have names of their own, no key twice, and are as many as limits say', async () => {
    const owner = await ownerWithKey();
    expect(await codeOf(add(owner, 'green'))).toBe('security-key-known');
    expect(await codeOf(add(owner, 'blue'))).toBe('name-taken');
    expect(await codeOf(add(owner, 'not\na name'))).toBe('bad-request');
    site.keys.pull(key);
    for (let index = 1; index < limits.keysOfUser; index++) {
      const another = await VirtualKey.make();
      site.keys.plug(another);
      another.touch();
      expect((await add(owner, `key ${index}`)).status).toBe(200);
      site.keys.pull(another);
    }
    expect(await codeOf(add(owner, 'one more'))).toBe('too-many-security-keys');
  });

  test('are for one box: its credentials are of one name, which another box has not', async () => {
    const owner = await ownerWithKey();
    const second = await VirtualKey.make();
    site.keys.plug(second);
    site.keys.pull(key);
    second.touch();
    await add(owner, 'second');
    const applications = site.accounts.users.keys('admin')?.map(({ credential }) => credential.application);
    expect(applications?.[0]).toHaveLength(32);
    expect(applications?.[0]).toEqual(applications?.[1]);
    const other = await openTestSite();
    const otherOwner = await other.signIn();
    await confirm(otherOwner);
    other.keys.plug(key);
    key.touch();
    expect((await add(otherOwner, 'blue')).status).toBe(200);
    expect(other.accounts.users.keys('admin')?.[0]?.credential.application).not.toEqual(applications?.[0]);
    other.close();
  });

  test('are one’s own to add, and an owner’s to remove', async () => {
    const owner = await ownerWithKey();
    const viewer = await site.signIn('viewer');
    const ofViewer = '/api/v1/users/viewer/security-keys';
    for (const answer of [
      await viewer.request(own),
      await owner.request(ofViewer, post('{"name":"x"}')),
      await remove(viewer, '00000000'),
    ])
      expect(answer.status).toBe(403);
    await confirm(viewer);
    const viewersKey = await VirtualKey.make();
    site.keys.pull(key);
    site.keys.plug(viewersKey);
    viewersKey.touch();
    const added = (await (await add(viewer, 'mine', ofViewer)).json()) as SecurityKeyList;
    const id = added.securityKeys[0]?.id ?? '';
    expect(await codeOf(remove(viewer, id))).toBe('not-allowed');
    expect(await codeOf(remove(owner, 'ffffffff', ofViewer))).toBe('security-key-not-there');
    expect((await remove(owner, id, ofViewer)).status).toBe(204);
    expect(site.audit.entries[0]).toMatchObject({ act: 'security key remove', what: 'mine of viewer' });
    expect((await signInAt(site, 'viewer', testPassword)).status).toBe(200);
    expect(await codeOf(owner.request('/api/v1/users/nobody/security-keys'))).toBe('user-not-there');
  });

  test('are removed as anything dangerous is done, and leave the password', async () => {
    const owner = await ownerWithKey();
    const [blue] = await listed(owner);
    site.clock.at += limits.confirmedMs;
    expect(await codeOf(remove(owner, blue?.id ?? ''))).toBe('confirm-password');
    key.touch();
    const again = JSON.stringify({ password: testPassword, touch: true });
    expect((await owner.request('/api/v1/session/confirm', post(again))).status).toBe(200);
    expect((await remove(owner, blue?.id ?? '')).status).toBe(204);
    expect((await signInAt(site, 'admin', testPassword)).status).toBe(200);
  });
});

describe('a new password by the console’s code', () => {
  test('removes the keys, says so, and lets in without a touch', async () => {
    await ownerWithKey();
    const code = site.claim.offerRecovery();
    const password = 'another fine sentence';
    const answer = await site.request('/api/v1/claim', post(JSON.stringify({ code, password })));
    expect(answer.status).toBe(200);
    expect(site.audit.entries[0]?.what).toContain('security keys removed');
    expect((await signInAt(site, 'admin', password)).status).toBe(200);
    expect(site.accounts.users.find('admin')?.securityKeys).toBe(0);
  });
});

test('a touch is waited for less long than the page’s connection may be silent', () => {
  const { touchMs, silenceMs, pollMs } = keyLimits;
  expect(touchMs + silenceMs + pollMs).toBeLessThan(limits.idleMs);
});

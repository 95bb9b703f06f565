import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SessionList } from '../../../firmware/webui/api/session-list-route.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, type SignedIn, type TestSite, testTime } from '../test-site.ts';
import { codeOf, confirm } from './sign-in-requests.ts';

let site: TestSite;
let owner: SignedIn;
let viewer: SignedIn;
beforeEach(async () => {
  site = await openTestSite();
  owner = await site.signIn();
  site.clock.at += 60_000;
  viewer = await site.signIn('viewer');
});
afterEach(() => site.close());

const path = '/api/v1/sessions';
const listed = async (who: SignedIn) => ((await (await who.request(path)).json()) as SessionList).sessions;
const end = (who: SignedIn, id = 'none') => who.request(`${path}/${id}`, { method: 'DELETE' });
const isSignedIn = async (who: SignedIn) => (await who.request('/api/v1/session')).status === 200;

describe('who is signed in', () => {
  test('is shown to an owner whole, to others as far as it is they, and no secret of it', async () => {
    const all = await listed(owner);
    expect(all.map(({ user, own }) => [user.name, own])).toEqual([
      ['admin', true],
      ['viewer', false],
    ]);
    expect(all[0]).toMatchObject({
      ...{ from: '192.168.1.50', usedAt: new Date(testTime + 60_000).toISOString() },
      begunAt: new Date(testTime).toISOString(),
    });
    expect((await listed(viewer)).map(({ user, own }) => [user.name, own])).toEqual([['viewer', true]]);
    const written = JSON.stringify(all);
    for (const { cookie, csrfToken } of [owner, viewer]) {
      expect(written).not.toContain(csrfToken);
      expect(written).not.toContain(cookie.split('=')[1]);
    }
  });

  test('is for people and the command line: no token reads it', async () => {
    const { tokens } = site.accounts;
    const made = await tokens.make({ name: 'x', access: ['own', 'read'], days: 1, createdBy: 'admin' });
    const authorization = `Bearer ${made.outcome === 'made' ? made.secret : ''}`;
    expect((await site.request(path, { headers: { authorization } })).status).toBe(403);
    expect((await site.request(path)).status).toBe(401);
    const local = (await (await site.request(path, {}, 'local')).json()) as SessionList;
    expect(local.sessions.map(({ own }) => own)).toEqual([false, false]);
  });

  test('is named by a browser that is called as long as it likes, cut', async () => {
    const [name, password] = ['admin', 'correct horse battery'];
    await site.request('/api/v1/session', {
      ...{ method: 'POST', body: JSON.stringify({ name, password }) },
      headers: { 'content-type': 'application/json', 'user-agent': 'x'.repeat(5_000) },
    });
    const [newest] = await listed(owner).then((all) => all.filter(({ own }) => !own));
    expect(newest?.browser).toBe('x'.repeat(limits.shownUserAgent));
  });
});

describe('a session that is ended', () => {
  test('by an owner is over at once, with its stream, and the audit says whose', async () => {
    const stream = await viewer.request('/api/v1/events', { headers: { accept: 'text/event-stream' } });
    const reader = stream.body?.getReader();
    await reader?.read();
    const other = (await listed(owner)).find(({ own }) => !own);
    await confirm(owner);
    expect((await end(owner, other?.id)).status).toBe(204);
    expect(await isSignedIn(viewer)).toBe(false);
    while (!(await reader?.read())?.done);
    expect(site.audit.entries[0]).toMatchObject({
      ...{ who: 'admin', act: 'session end', what: 'viewer', outcome: 'done' },
    });
    expect(await isSignedIn(owner)).toBe(true);
  });

  test('may be one’s own, and is not another’s for who owns nothing', async () => {
    const all = await listed(owner);
    const of = (name: string) => all.find(({ user }) => user.name === name)?.id;
    expect(await codeOf(end(viewer, of('admin')))).toBe('session-not-there');
    expect(await codeOf(end(owner))).toBe('session-not-there');
    expect(await isSignedIn(owner)).toBe(true);
    expect((await end(viewer, of('viewer'))).status).toBe(204);
    expect(await isSignedIn(viewer)).toBe(false);
  });

  test('is another’s only with the password said again, and one’s own elsewhere without', async () => {
    const elsewhere = await site.signIn();
    const id = (await listed(owner)).find(({ user }) => user.name === 'viewer')?.id;
    expect(await codeOf(end(owner, id))).toBe('confirm-password');
    expect(await isSignedIn(viewer)).toBe(true);
    const own = (await listed(elsewhere)).find(({ own }) => own)?.id;
    expect((await end(owner, own)).status).toBe(204);
    expect(await isSignedIn(elsewhere)).toBe(false);
    await confirm(owner);
    expect((await end(owner, id)).status).toBe(204);
    expect(await isSignedIn(viewer)).toBe(false);
  });

  test('is not ended from another site', async () => {
    const id = (await listed(owner)).find(({ own }) => !own)?.id;
    const headers = { cookie: owner.cookie };
    expect((await site.request(`${path}/${id}`, { method: 'DELETE', headers })).status).toBe(403);
    expect(await isSignedIn(viewer)).toBe(true);
  });
});

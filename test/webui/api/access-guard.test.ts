import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiEnvironment, registeredRoutes } from '../../../firmware/webui/api/route.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post, type TestSite, testPassword } from '../test-site.ts';
import { claimOf, codeOf, confirm, signInAt, signInBody } from './sign-in-requests.ts';

let site: TestSite;
beforeEach(async () => {
  site = await openTestSite();
});
afterEach(() => site.close());

const signIn = (name: string, password: string, from?: string) => signInAt(site, name, password, from);
const claim = () => claimOf(site);

describe('the session’s cookie', () => {
  test('is for this box, over TLS, out of reach of scripts and of other sites', async () => {
    await claim();
    const answer = await signIn('admin', testPassword);
    const [cookie = '', ...more] = answer.headers.getSetCookie();
    expect(more).toEqual([]);
    const [pair = '', ...attributes] = cookie.split('; ');
    expect(pair).toMatch(/^__Host-hithe-session=[A-Za-z0-9_-]{43}$/);
    expect(attributes.sort()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure']);
    expect(await answer.text()).not.toContain(pair.split('=')[1]);
  });

  test('is a new one with each sign-in: one that was there before, set by somebody else, is not taken over', async () => {
    const owner = await site.signIn();
    const planted = `__Host-hithe-session=${'A'.repeat(43)}`;
    const init = signInBody('admin', testPassword);
    const answer = await site.request('/api/v1/session', {
      ...init,
      headers: { ...init.headers, cookie: planted },
    });
    expect(answer.headers.getSetCookie()[0]).not.toContain('AAAA');
    expect((await site.request('/api/v1/config', { headers: { cookie: planted } })).status).toBe(401);
    // Who signs in anew has left the session before.
    const anew = await owner.request('/api/v1/session', init);
    expect(anew.headers.getSetCookie()[0]).not.toContain(owner.cookie);
    expect((await owner.request('/api/v1/session')).status).toBe(401);
  });

  test('is followed by one with the same header for the same user, so that other pages go on', async () => {
    const owner = await site.signIn();
    const csrfOf = async (answer: Response) => ((await answer.json()) as { csrfToken: string }).csrfToken;
    const init = signInBody('admin', testPassword);
    expect(await csrfOf(await owner.request('/api/v1/session', init))).toBe(owner.csrfToken);
    expect(await csrfOf(await site.request('/api/v1/session', init))).not.toBe(owner.csrfToken);
    const again = await site.signIn();
    await site.accounts.users.add('eve', 'viewer', testPassword);
    const other = await again.request('/api/v1/session', signInBody('eve', testPassword));
    expect(await csrfOf(other)).not.toBe(again.csrfToken);
  });

  test('that is forged, cut, expired, doubled or in the wrong place is nobody’s', async () => {
    const owner = await site.signIn();
    const secret = owner.cookie.split('=')[1] ?? '';
    const as = (cookie: string) => site.request('/api/v1/session', { headers: { cookie } });
    expect((await as(owner.cookie)).status).toBe(200);
    for (const cookie of [
      '',
      '__Host-hithe-session=',
      `hithe-session=${secret}`,
      `__host-hithe-session=${secret}`,
      `__Host-hithe-session=${secret.slice(1)}`,
      `__Host-hithe-session=${secret}A`,
      `__Host-hithe-session="${secret}`,
      `__Host-hithe-session=${secret.split('').reverse().join('')}`,
      `__Host-hithe-session=__proto__`,
      `__Host-hithe-session=%00`,
      `__Host-hithe-session=${'%'.repeat(50)}`,
    ])
      expect([cookie, (await as(cookie)).status]).toEqual([cookie, 401]);
    site.clock.at += limits.sessionIdleMs;
    expect((await as(owner.cookie)).status).toBe(401);
  });

  test('no header of a cookie makes the box fail', async () => {
    await claim();
    const value = fc.string({ unit: fc.constantFrom(...'=;, "%\\__Host-hithe-session0Aä') });
    await fc.assert(
      fc.asyncProperty(value, async (cookie) => {
        const answer = await site.request('/api/v1/config', { headers: { cookie: encodeURI(cookie) } });
        expect(answer.status).toBe(401);
      }),
    );
  });

  test('used from another address or browser is refused and ended, and the log says so', async () => {
    const owner = await site.signIn();
    expect((await owner.request('/api/v1/config', {}, '192.168.1.66')).status).toBe(401);
    expect((await owner.request('/api/v1/config')).status).toBe(401);
    expect(site.log.lines.at(-1)?.message).toBe(
      'The session of admin was used from elsewhere (192.168.1.66) and has ended.',
    );
    const again = await site.signIn();
    expect((await again.request('/api/v1/config', { headers: { 'user-agent': 'curl' } })).status).toBe(401);
  });

  test('signing out ends the session and takes the cookie away', async () => {
    const owner = await site.signIn();
    const answer = await owner.request('/api/v1/session', { method: 'DELETE' });
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()[0]).toMatch(/^__Host-hithe-session=; Max-Age=0/);
    expect((await owner.request('/api/v1/session')).status).toBe(401);
  });
});

describe('a request that another site is behind', () => {
  test.each<[string, Record<string, string>]>([
    ['without the CSRF token', { 'x-csrf-token': '' }],
    ['with a CSRF token that was made up', { 'x-csrf-token': 'A'.repeat(43) }],
    ['from another site', { 'sec-fetch-site': 'cross-site' }],
    ['from another port or scheme of this host', { 'sec-fetch-site': 'same-site' }],
    ['from a sandbox', { origin: 'null' }],
    ['from another origin', { origin: 'https://192.168.1.1.evil.example' }],
    ['over plain HTTP', { origin: 'http://192.168.1.1' }],
    ['as a form that is sent by a visit', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  ])('%s changes nothing', async (_, headers) => {
    const owner = await site.signIn();
    const init = post('{"discard":true}', headers);
    expect(await codeOf(owner.request('/api/v1/config/draft', init))).toBe('cross-site');
    expect(await codeOf(owner.request('/api/v1/session', { method: 'DELETE', headers }))).toBe('cross-site');
    expect((await owner.request('/api/v1/session')).status).toBe(200);
  });

  test('one session’s CSRF token is not another’s', async () => {
    const [one, other] = [await site.signIn(), await site.signIn()];
    const init = post('{"discard":true}', { 'x-csrf-token': other.csrfToken });
    expect(await codeOf(one.request('/api/v1/config/draft', init))).toBe('cross-site');
  });

  test('reads nothing either, not even the status of an unclaimed box', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' };
    expect(await codeOf(site.request('/api/v1/status', { headers }))).toBe('cross-site');
    expect(await codeOf(site.request('/api/v1/events', { headers }))).toBe('cross-site');
    const visit = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await site.request('/api/v1/box', { headers: visit })).status).toBe(200);
  });

  test('under a name that was bound to the box’s address (DNS rebinding) is told nothing, signed in or not', async () => {
    const owner = await site.signIn();
    const init = post('{"discard":true}', { host: 'evil.example', origin: 'https://evil.example' });
    expect(await codeOf(owner.request('/api/v1/config/draft', init))).toBe('unknown-host');
    const answer = await owner.request('/api/v1/session', { headers: { host: 'evil.example' } });
    expect(answer.status).toBe(421);
    expect(await answer.text()).not.toContain(owner.csrfToken);
  });
});

describe('tokens', () => {
  async function make(access: readonly string[], days: number | null = null) {
    const owner = await site.signIn();
    await confirm(owner);
    const answer = await owner.request(
      '/api/v1/tokens',
      post(JSON.stringify({ name: 'test', access, days })),
    );
    const { secret, token }: { secret: string; token: { id: string } } = await answer.json();
    const request = (path: string, init: RequestInit = {}) =>
      site.request(path, { ...init, headers: { ...init.headers, authorization: `Bearer ${secret}` } });
    return { owner, secret, token, request };
  }

  test('have the accesses that they were made with, and no others; they need no CSRF token', async () => {
    const { request } = await make(['read']);
    expect((await request('/api/v1/config')).status).toBe(200);
    expect(await codeOf(request('/api/v1/config/draft', post('{"discard":true}')))).toBe('not-allowed');
    const writing = await make(['change']);
    expect((await writing.request('/api/v1/config/draft', post('{"discard":true}'))).status).toBe(200);
    expect(await codeOf(writing.request('/api/v1/config'))).toBe('not-allowed');
  });

  test('make no users and no other tokens, whatever they may: one that got out ends when it is revoked', async () => {
    const { request, owner, token } = await make(['read', 'diagnose', 'change', 'own']);
    const user = post(JSON.stringify({ name: 'eve', role: 'owner', password: testPassword }));
    expect(await codeOf(request('/api/v1/users', user))).toBe('not-allowed');
    const other = post(JSON.stringify({ name: 'eve', access: ['own'], days: null }));
    expect(await codeOf(request('/api/v1/tokens', other))).toBe('not-allowed');
    expect((await request('/api/v1/session')).status).toBe(403);
    expect((await request('/api/v1/users')).status).toBe(200);
    expect((await owner.request(`/api/v1/tokens/${token.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await request('/api/v1/users')).status).toBe(401);
  });

  test('in an address are refused, though they are right, and the answer does not repeat them', async () => {
    const { secret } = await make(['read']);
    for (const query of [`access_token=${secret}`, `a=1&token=${secret}`]) {
      const answer = await site.request(`/api/v1/config?${query}`);
      expect(answer.status).toBe(400);
      expect(await answer.text()).not.toContain(secret);
    }
    expect(site.log.lines.some(({ message }) => message.includes(secret))).toBe(false);
  });

  test('are sent in one way, and a wrong one is not made up for by a cookie', async () => {
    const { secret, owner } = await make(['read']);
    const as = (authorization: string, headers: Record<string, string> = {}) =>
      site.request('/api/v1/config', { headers: { authorization, ...headers } });
    expect((await as(`bearer  ${secret}`)).status).toBe(200);
    for (const text of [
      secret,
      `Basic ${secret}`,
      `Bearer ${secret} x`,
      `Bearer ${secret.slice(0, -1)}`,
      'Bearer',
      '',
    ])
      expect([text, (await as(text)).status]).toEqual([text, 401]);
    expect((await as('Bearer hithe_nothing', { cookie: owner.cookie })).status).toBe(401);
  });

  test('no Authorization header makes the box fail', async () => {
    await claim();
    const text = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `Bearer ${rest}`),
      fc.string().map((rest) => `Bearer hithe_${rest}`),
    );
    await fc.assert(
      fc.asyncProperty(text, async (authorization) => {
        const answer = await site.request('/api/v1/config', {
          headers: { authorization: encodeURI(authorization) },
        });
        expect(answer.status).toBe(401);
      }),
    );
  });
});

test('a route that says not who may use it is a mistake of ours, found at the first request', () => {
  const api = new OpenAPIHono<ApiEnvironment>();
  expect(registeredRoutes(api)).toEqual([]);
  const route = createRoute({ method: 'get', path: '/open', responses: { 204: { description: 'x' } } });
  api.openapi(route, (context) => context.body(null, 204));
  expect(() => registeredRoutes(api)).toThrow('says not who may use it');
});

describe('what goes on after it was allowed', () => {
  test('the stream of an unclaimed box ends once the box is claimed, and one’s own with the session', async () => {
    const owner = await site.signIn();
    const stream = await owner.request('/api/v1/events', { headers: { accept: 'text/event-stream' } });
    const reader = stream.body?.getReader();
    await reader?.read();
    site.clock.at += limits.sessionIdleMs;
    const rest = async () => {
      for (;;) if ((await reader?.read())?.done) return 'ended';
    };
    expect(await rest()).toBe('ended');
  });

  test('a body that is too large for anybody but the settings is refused before it is read, and large ones wait', async () => {
    const owner = await site.signIn();
    const large = JSON.stringify({ document: { version: 1, hostname: 'x'.repeat(100_000) } });
    expect(await codeOf(site.request('/api/v1/config/plan', post(large)))).toBe('not-signed-in');
    const length = { 'content-length': String(limits.bodyBytes + 1) };
    const answers = await Promise.all(
      Array.from({ length: limits.largeBodiesAtOnce + 2 }, () =>
        owner.request('/api/v1/config/plan', post(large, length)).then((answer) => answer.status),
      ),
    );
    expect(answers.filter((status) => status === 503)).toHaveLength(2);
    expect((await owner.request('/api/v1/config/plan', post(large, length))).status).not.toBe(503);
  });
});

describe('a request whose body is still coming', () => {
  /** Sends all but the end of a request, does something, and sends the rest. */
  async function slowly(
    ask: (init: RequestInit) => Promise<Response>,
    { method, headers, body }: { method: string; headers: Record<string, string>; body: string },
    meanwhile: () => Promise<unknown>,
  ): Promise<Response> {
    let end = () => {};
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(body.slice(0, 1)));
        end = () => {
          controller.enqueue(new TextEncoder().encode(body.slice(1)));
          controller.close();
        };
      },
    });
    const answer = ask({ method, headers, body: stream, duplex: 'half' } as RequestInit);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await meanwhile();
    end();
    return answer;
  }
  const draft = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ path: 'hostname', value: 'taken' }),
  };

  test('does nothing once its token is revoked', async () => {
    const made = await site.accounts.tokens.make({
      ...{ name: 't', access: ['read', 'change'], createdBy: 'x', days: 1 },
    });
    if (made.outcome !== 'made') throw new Error(made.outcome);
    const asToken = (init: RequestInit) =>
      site.request('/api/v1/config/draft', {
        ...init,
        headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${made.secret}` },
      });
    const whole = await slowly(asToken, draft, async () => undefined);
    expect(whole.status).toBe(200);
    const cut = await slowly(asToken, draft, () => site.accounts.tokens.revoke(made.token.id));
    expect([cut.status, await codeOf(Promise.resolve(cut))]).toEqual([401, 'not-signed-in']);
  });

  test('does nothing once its session has ended', async () => {
    const owner = await site.signIn();
    const asOwner = (init: RequestInit) => owner.request('/api/v1/config/draft', init);
    const cut = await slowly(asOwner, draft, async () => site.accounts.sessions.endAll({}));
    expect(await codeOf(Promise.resolve(cut))).toBe('not-signed-in');
    expect(
      (
        await slowly(
          (init) => site.request('/api/v1/config/draft', init, 'local'),
          draft,
          async () => {},
        )
      ).status,
    ).toBe(200);
  });
});

describe('the audit', () => {
  test('keeps only so many of what strangers are told, whatever it is', async () => {
    await claim();
    site.audit.entries.length = 0;
    const claiming = post(JSON.stringify({ code: 'AAAA-AAAA', password: 'wholly new password' }));
    for (let index = 0; index < 4 * limits.auditBurst; index++)
      await site.request('/api/v1/claim', claiming, 'https', `10.0.${index}.1`);
    expect(site.audit.entries.length).toBeLessThanOrEqual(limits.auditBurst);
    expect(site.audit.entries.every(({ outcome }) => outcome === 'refused')).toBe(true);
  });

  test('has every change and every refusal, with who, from where and what, and no secret', async () => {
    const secrets = [testPassword, 'wrong password', 'wholly new password'];
    await signIn('eve hunter2hunter2', 'wrong password');
    const owner = await site.signIn();
    await confirm(owner);
    await owner.request(
      '/api/v1/users',
      post(JSON.stringify({ name: 'ada', role: 'viewer', password: testPassword })),
    );
    const made = await owner.request(
      '/api/v1/tokens',
      post(JSON.stringify({ name: 'nightly', access: ['read'], days: 1 })),
    );
    const { secret }: { secret: string } = await made.json();
    await site.request(
      '/api/v1/config/draft',
      post('{"discard":true}', { authorization: `Bearer ${secret}` }),
    );
    await signIn('admin', 'wrong password');
    await signIn('my password by mistake', 'x');
    await site.request('/api/v1/config/draft', post('{"discard":true}'), 'local');
    await owner.request('/api/v1/config/plan', post('{"document":{"version":1}}'));
    const page = await owner.request('/api/v1/audit');
    const { entries }: { entries: Record<string, string | null>[] } = await page.json();
    const told = entries.map(({ who, from, act, what, outcome }) => [who, from, act, what, outcome]);
    const from = '192.168.1.50';
    expect(told).toEqual([
      ['command line', null, 'config draft', '', 'done'],
      ['unknown', from, 'sign in', '', 'refused'],
      ['admin', from, 'sign in', '', 'refused'],
      ['token nightly', from, 'config draft', '', 'refused'],
      ['admin', from, 'token make', 'nightly: read', 'done'],
      ['admin', from, 'user add', 'ada as viewer', 'done'],
      ['admin', from, 'confirm password', '', 'done'],
      ['admin', from, 'sign in', '', 'done'],
      ['unknown', from, 'sign in', '', 'refused'],
    ]);
    const everywhere = JSON.stringify([site.audit.entries, site.log.lines, site.files]);
    for (const text of [...secrets, secret, owner.csrfToken, owner.cookie.split('=')[1] ?? '', 'hunter2'])
      expect(everywhere).not.toContain(text);
  });

  test('is not filled by a guesser: refusals enter it at a bounded rate', async () => {
    await claim();
    for (let index = 0; index < limits.auditBurst + 20; index++)
      await site.request('/api/v1/config/draft', post('{"discard":true}'), 'https', `10.0.0.${index}`);
    expect(site.audit.entries.filter(({ outcome }) => outcome === 'refused')).toHaveLength(limits.auditBurst);
    site.clock.at += limits.auditRefillMs;
    await site.request('/api/v1/config/draft', post('{"discard":true}'));
    expect(site.audit.entries).toHaveLength(limits.auditBurst + 1);
  });

  test('is for owners, and cannot be written or emptied over the API', async () => {
    const [owner, operator] = [await site.signIn(), await site.signIn('operator')];
    expect(await codeOf(operator.request('/api/v1/audit'))).toBe('not-allowed');
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect(await codeOf(owner.request('/api/v1/audit', { method }))).toBe('method-not-allowed');
  });
});

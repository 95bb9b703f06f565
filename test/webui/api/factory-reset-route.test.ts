import { describe, expect, test } from 'vitest';
import { normalStatus } from '../status-fixtures.ts';
import { openTestSite, testTime } from '../test-site.ts';

async function ask(body: unknown, transport: 'https' | 'local' = 'local', pressed = true) {
  const site = await openTestSite();
  site.presence.pressed = pressed;
  const init = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  };
  const response = await site.request('/api/v1/factory-reset', init, transport);
  return {
    status: response.status,
    body: await response.json(),
    said: site.claimed,
    uses: site.presence.uses,
  };
}
const { hostname } = normalStatus(testTime);

describe('POST /api/v1/factory-reset', () => {
  test('where the box is named begins, and says by whom; the identity stays unless told', async () => {
    expect(await ask({ hostname })).toEqual({
      ...{ status: 200, body: { resetting: true }, said: ['reset kept by command line'], uses: 1 },
    });
    expect((await ask({ hostname, identity: 'new' })).said).toEqual(['reset new by command line']);
  });

  test('for another box does nothing, and says which one this is', async () => {
    expect(await ask({ hostname: 'gate-bremen' })).toMatchObject({
      ...{ status: 409, said: [], body: { code: 'other-box', detail: expect.stringContaining(hostname) } },
    });
  });

  test('waits for the button where the box has one', async () => {
    expect(await ask({ hostname }, 'local', false)).toMatchObject({
      ...{ status: 409, said: [], uses: 0, body: { code: 'press-button' } },
    });
    // Who does not know the box's name is not worth a walk to it.
    expect(await ask({ hostname: 'x' }, 'local', false)).toMatchObject({ body: { code: 'other-box' } });
  });

  test('from a port is refused to whoever is not signed in', async () => {
    expect(await ask({ hostname }, 'https')).toMatchObject({
      ...{ status: 401, said: [], body: { code: 'not-signed-in' } },
    });
  });

  test.each([{}, { hostname: 7 }, { hostname: 'x', identity: 'both' }, { hostname: 'x', more: 1 }])(
    '%j is no request',
    async (body) => {
      expect(await ask(body)).toMatchObject({ status: 400, said: [] });
    },
  );
});

describe('POST /api/v1/claim on a box with a button', () => {
  test('takes no code before the button was pressed, and one press for it', async () => {
    const site = await openTestSite();
    const claim = (code: string | null) =>
      site.request('/api/v1/claim', {
        method: 'POST',
        body: JSON.stringify({ code, password: 'nine herons in the reeds' }),
        headers: { 'content-type': 'application/json' },
      });
    site.presence.pressed = false;
    const early = await claim(site.claim.code());
    expect([early.status, await early.json()]).toMatchObject([409, { code: 'press-button' }]);
    expect(site.claim.claimed()).toBe(false);
    site.presence.pressed = true;
    expect((await claim('0000-0000')).status).toBe(403);
    expect(site.presence.uses).toBe(0);
    expect((await claim(site.claim.code())).status).toBe(200);
    expect(site.presence.uses).toBe(1);
    // A code that the console shows to whoever stands there is proof by itself.
    site.presence.pressed = false;
    expect((await claim(site.claim.offerRecovery())).status).toBe(200);
  });
});

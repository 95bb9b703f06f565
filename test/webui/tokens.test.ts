import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../firmware/system/sha256.ts';
import { limits } from '../../firmware/webui/limits.ts';
import { openTokens, parseTokens } from '../../firmware/webui/tokens.ts';

async function open(files: Record<string, string> = {}) {
  const clock = { at: Date.UTC(2026, 5, 1) };
  const lines: string[] = [];
  const secrets = {
    read: async (name: string) => files[name] ?? null,
    write: async (name: string, text: string) => {
      files[name] = text;
    },
  };
  const tokens = await openTokens({
    ...{ secrets, sha256, now: () => clock.at },
    random: (length) => new Uint8Array(randomBytes(length)),
    log: (_level, message) => void lines.push(message),
  });
  const make = async (days: number | null = null) => {
    const made = await tokens.make({ name: 'backup', access: ['own', 'read'], createdBy: 'ada', days });
    if (made.outcome !== 'made') throw new Error(made.outcome);
    return made;
  };
  return { tokens, files, clock, lines, secrets, make };
}

describe('tokens', () => {
  test('are known again after a restart; what is kept is their digest alone', async () => {
    const { make, files } = await open();
    const { token, secret } = await make();
    expect(secret).toMatch(/^hithe_[0-9a-f]{8}_[0-9a-f]{64}$/);
    expect(token).toMatchObject({
      name: 'backup',
      access: ['read', 'own'],
      createdBy: 'ada',
      expiresAt: null,
    });
    expect(files['tokens.json']).not.toContain(secret.slice(15));
    const again = await open(files);
    expect(again.tokens.list()).toEqual([token]);
    expect(again.tokens.find(secret)).toMatchObject({ id: token.id });
    expect(again.tokens.list()[0]?.lastUsedAt).toBe('2026-06-01T00:00:00.000Z');
    expect(JSON.stringify(again.tokens.list())).not.toContain('sha256');
  });

  test('are good until their day, to the millisecond', async () => {
    const { make, tokens, clock } = await open();
    const { token, secret } = await make(30);
    expect(token.expiresAt).toBe('2026-07-01T00:00:00.000Z');
    clock.at = Date.UTC(2026, 6, 1) - 1;
    expect([tokens.find(secret) !== null, tokens.lasts(token.id)]).toEqual([true, true]);
    clock.at += 1;
    expect([tokens.find(secret), tokens.lasts(token.id)]).toEqual([null, false]);
  });

  test('that are revoked are gone at once', async () => {
    const { make, tokens } = await open();
    const { token, secret } = await make();
    expect(await tokens.revoke(token.id)).toBe('revoked');
    expect([tokens.find(secret), tokens.lasts(token.id), tokens.list()]).toEqual([null, false, []]);
    expect(await tokens.revoke(token.id)).toBe('not-there');
  });

  test('another digit anywhere is another token', async () => {
    const { make, tokens } = await open();
    const { secret } = await make();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: secret.length - 1 }), (at) => {
        const other = secret[at] === '0' ? '1' : '0';
        expect(tokens.find(secret.slice(0, at) + other + secret.slice(at + 1))).toBeNull();
      }),
    );
    for (const text of [
      '',
      secret.toUpperCase(),
      ` ${secret}`,
      `${secret}0`,
      `${secret}\n`,
      secret.slice(0, -1),
    ])
      expect(tokens.find(text)).toBeNull();
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(tokens.find(text)).toBeNull();
      }),
    );
  });

  test('are as many as limits say; those that lapsed make room, and the file can be read', async () => {
    const { make, tokens, clock, files } = await open();
    for (let index = 0; index < limits.tokens; index++) await make(index === 0 ? 1 : null);
    const refused = await tokens.make({ name: 'x', access: ['read'], createdBy: 'ada', days: null });
    expect(refused).toEqual({ outcome: 'too-many' });
    expect(files['tokens.json']?.length).toBeLessThan(64 * 1024);
    clock.at += 86_400_000;
    await make();
    expect(tokens.list()).toHaveLength(limits.tokens);
  });

  test('that cannot be stored are none', async () => {
    const { tokens, secrets } = await open();
    secrets.write = async () => Promise.reject(new Error('disk full'));
    expect(await tokens.make({ name: 'x', access: ['read'], createdBy: 'ada', days: null })).toEqual({
      outcome: 'not-stored',
    });
    expect(tokens.list()).toEqual([]);
  });

  test('reading takes all of them or none, and never fails', async () => {
    const { make, files } = await open();
    await make();
    const text = files['tokens.json'] ?? '';
    const [record] = JSON.parse(text).tokens;
    expect(parseTokens(text)).toHaveLength(1);
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(parseTokens(json)).toBeNull();
      }),
    );
    const changed = (change: object) =>
      parseTokens(JSON.stringify({ version: 1, tokens: [{ ...record, ...change }] }));
    for (const change of [
      { expiresAt: 'never' },
      { access: ['fly'] },
      { access: ['read', 'read'] },
      { sha256: '' },
      { id: '../x' },
    ])
      expect(changed(change)).toBeNull();
    const damaged = await open({ 'tokens.json': '{' });
    expect(damaged.tokens.list()).toEqual([]);
    expect(damaged.lines.join()).toContain('new ones');
  });
});

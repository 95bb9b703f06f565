import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BackupSeal, Backups } from '../../firmware/boot/backups.ts';
import { limits } from '../../firmware/store/limits.ts';
import { hiddenSecret } from '../../firmware/store/secret-settings.ts';
import { backupSeal, backupSealWith } from '../../firmware/system/backup-seal.ts';
import type { Backup } from '../../firmware/webui/api/backup-route.ts';
import { deriveQuickly } from '../webui/quick-passwords.ts';
import { openTestConfiguration } from '../webui/test-configuration.ts';

const receiver = {
  ...{ name: 'collector', type: 'otlp', url: 'https://collector.example/v1/logs' },
  headers: { authorization: 's3cret' },
};
const document = { version: 1, hostname: 'plant-7', flows: { export: [receiver] } };
const options = { author: 'admin', seconds: 60, automatic: false };
const password = 'correct horse battery';

/** Quick, so that many can be tried; the real one is tried by itself. */
const quickSeal: BackupSeal = {
  seal: async (secret, text, header) => ({
    ...{ salt: '00'.repeat(16), nonce: '00'.repeat(12) },
    content: Buffer.from(JSON.stringify([secret, text, header])).toString('base64'),
  }),
  open: async (secret, { content }, header) => {
    const [sealedWith, text, about] = JSON.parse(Buffer.from(content, 'base64').toString()) as string[];
    return sealedWith === secret && about === header ? (text ?? null) : null;
  },
};

/** As a box seals, for a thousandth of its cost: that of a box is paid where a backup goes from one to another. */
const cheapSeal = backupSealWith(deriveQuickly);

async function box(seal: BackupSeal = quickSeal, saved: object | null = document) {
  const { configuration, applied } = openTestConfiguration();
  if (saved !== null) {
    await configuration.apply(saved, options);
    await configuration.confirm(true);
  }
  const backups = new Backups({
    ...{ configuration, seal, now: () => '2026-06-01T12:00:00.000Z' },
    origin: () => ({ hostname: 'plant-7', product: '0.9.0' }),
  });
  return { backups, configuration, applied };
}

async function made(backups: Backups, secret: string | null): Promise<Backup> {
  const result = await backups.make(secret);
  if (!result.ok) throw new Error(result.detail);
  // As it comes back from whoever kept it.
  return JSON.parse(JSON.stringify(result.value)) as Backup;
}

describe('a backup', () => {
  test('hides secrets, and says what it is of', async () => {
    const { backups } = await box();
    const backup = await made(backups, null);
    expect(backup).toEqual({
      hitheBackup: 1,
      made: { hostname: 'plant-7', product: '0.9.0', time: '2026-06-01T12:00:00.000Z', revision: 1 },
      settings: {
        ...document,
        flows: { export: [{ ...receiver, headers: { authorization: hiddenSecret } }] },
      },
    });
  });

  test('under a password shows nothing of the settings', async () => {
    const { backups } = await box(backupSeal);
    const backup = await made(backups, password);
    expect(backup.settings).toBeUndefined();
    const text =
      JSON.stringify(backup) + Buffer.from(backup.sealed?.content ?? '', 'base64').toString('latin1');
    for (const secret of ['s3cret', 'collector', password]) expect(text).not.toContain(secret);
    const again = await made(backups, password);
    expect([again.sealed?.salt, again.sealed?.nonce]).not.toEqual([
      backup.sealed?.salt,
      backup.sealed?.nonce,
    ]);
  });

  test('of a box that was never set up', async () => {
    const { backups } = await box(quickSeal, null);
    expect(await made(backups, null)).toMatchObject({ made: { revision: null }, settings: { version: 1 } });
  });
});

describe('restoring', () => {
  test('on another box: what changes is shown, then it is on trial, secrets and all', async () => {
    const backup = await made((await box(backupSeal)).backups, password);
    const other = await box(backupSeal, null);
    expect(await other.backups.plan(backup, password)).toMatchObject({
      ok: true,
      value: { made: { hostname: 'plant-7' }, missing: [], plan: { changes: expect.any(Array) } },
    });
    expect(other.applied).toHaveLength(0);
    const restored = await other.backups.restore(backup, password, options);
    expect(restored).toMatchObject({ ok: true, value: { trial: { author: 'admin', secondsLeft: 60 } } });
    expect(other.applied[0]).toMatchObject({ hostname: 'plant-7', flows: { export: [receiver] } });
    await other.configuration.close();
  });

  test('with another password, or a changed header or content, opens nothing', async () => {
    const { backups } = await box(cheapSeal);
    const backup = await made(backups, password);
    const content = Buffer.from(backup.sealed?.content ?? '', 'base64');
    content[0] = (content[0] ?? 0) ^ 1;
    const wrong: [unknown, string | null][] = [
      [backup, 'correct horse batterx'],
      [backup, null],
      [{ ...backup, made: { ...backup.made, hostname: 'other' } }, password],
      [{ ...backup, sealed: { ...backup.sealed, content: content.toString('base64') } }, password],
      [{ ...backup, sealed: { ...backup.sealed, content: 'AAAA' } }, password],
    ];
    for (const [file, secret] of wrong)
      expect(await backups.plan(file, secret)).toMatchObject({ ok: false, code: 'backup-password' });
  });

  test('a password is the same however its letters are composed', async () => {
    const { backups } = await box(cheapSeal);
    const backup = await made(backups, 'Schlüsselbrett'.normalize('NFD'));
    expect(await backups.plan(backup, 'Schlüsselbrett'.normalize('NFC'))).toMatchObject({ ok: true });
  });

  test('without secrets takes those that the box has, and tells of those that it has not', async () => {
    const { backups, configuration, applied } = await box();
    const backup = await made(backups, null);
    await configuration.apply({ ...document, hostname: 'changed' }, options);
    await configuration.confirm(true);
    expect(await backups.restore(backup, null, options)).toMatchObject({ ok: true });
    expect(applied.at(-1)).toMatchObject({ hostname: 'plant-7', flows: { export: [receiver] } });
    await configuration.close();

    const other = await box(quickSeal, null);
    expect(await other.backups.plan(backup, null)).toMatchObject({
      value: { missing: ['collector: authorization'] },
    });
    expect(await other.backups.restore(backup, null, options)).toMatchObject({ ok: true });
    expect(other.applied[0]?.flows.export[0]).toMatchObject({ headers: {} });
    await other.configuration.close();
  });

  test('what is no settings document is refused by its fields', async () => {
    const { backups } = await box();
    const backup = await made(backups, null);
    const restored = await backups.plan({ ...backup, settings: { version: 1, hostname: 7 } }, null);
    expect(restored).toMatchObject({ code: 'settings-invalid', detail: expect.stringContaining('hostname') });
  });

  test.each([
    [null],
    [{}],
    [[]],
    ['text'],
    [{ hitheBackup: 2 }],
    [{ hitheBackup: 1 }],
    [{ hitheBackup: 1, made: {}, settings: {} }],
    [{ hitheBackup: 1, made: { hostname: 'a', time: 'b', product: 'c', revision: 0 }, settings: {} }],
  ])('%j is no backup', async (file) => {
    const { backups } = await box();
    expect(await backups.plan(file, null)).toMatchObject({ ok: false, code: 'backup-wrong' });
  });

  test('whatever a file says, the answer is one, and nothing is applied', async () => {
    const { backups, applied } = await box();
    const before = applied.length;
    const backup = await made(backups, password);
    const member = fc.constantFrom('hitheBackup', 'made', 'sealed', 'settings', 'extra');
    await fc.assert(
      fc.asyncProperty(member, fc.jsonValue(), fc.option(fc.string()), async (name, value, secret) => {
        const result = await backups.plan({ ...backup, [name]: value }, secret);
        if (result.ok) expect(result.value.plan).toBeDefined();
        else expect(result.code).toMatch(/^(backup|settings)-/);
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (settings) => {
        const { made: origin } = backup;
        const sealed = await quickSeal.seal(password, JSON.stringify(settings), '');
        for (const file of [
          { hitheBackup: 1, made: origin, settings },
          { hitheBackup: 1, made: origin, sealed },
        ])
          expect(typeof (await backups.plan(file, password)).ok).toBe('boolean');
      }),
    );
    expect(applied).toHaveLength(before);
  });

  test('what is sealed has its bound, which the largest settings fit', async () => {
    const { backups } = await box(cheapSeal);
    const backup = await made(backups, password);
    const sized = (length: number) => ({
      ...backup,
      sealed: { ...backup.sealed, content: 'A'.repeat(length) },
    });
    expect(await backups.plan(sized(limits.sealedLength), password)).toMatchObject({
      code: 'backup-password',
    });
    expect(await backups.plan(sized(limits.sealedLength + 1), password)).toMatchObject({
      code: 'backup-wrong',
      detail: expect.stringContaining('sealed.content'),
    });
    expect(4 * Math.ceil((limits.documentSize + 16) / 3)).toBe(limits.sealedLength);
  });

  test('what is sealed may be hostile too', async () => {
    const { backups } = await box();
    const { made: origin } = await made(backups, null);
    const { sealedHeader } = await import('../../firmware/store/backup-file.ts');
    const seal = async (text: string) => ({
      ...{ hitheBackup: 1, made: origin },
      sealed: await quickSeal.seal(password, text, sealedHeader(origin)),
    });
    for (const text of ['', '{', `${'['.repeat(100_000)}${']'.repeat(100_000)}`])
      expect(await backups.plan(await seal(text), password)).toMatchObject({ code: 'backup-wrong' });
  });
});

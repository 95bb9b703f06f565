import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/webui/limits.ts';
import { createPasswords } from '../../firmware/webui/passwords.ts';
import { openUsers, parseUsers, userNameSyntax } from '../../firmware/webui/users.ts';
import { deriveQuickly } from './quick-passwords.ts';

const random = (length: number) => new Uint8Array(randomBytes(length));

async function open(files: Record<string, string> = {}, derive = deriveQuickly) {
  const lines: string[] = [];
  const secrets = {
    read: async (name: string) => files[name] ?? null,
    write: async (name: string, text: string) => {
      files[name] = text;
    },
  };
  const users = await openUsers({
    ...{ secrets, passwords: createPasswords(derive, random), now: () => Date.UTC(2026, 5, 1) },
    log: (_level, message) => void lines.push(message),
  });
  return { users, files, lines, secrets };
}

/** Where only the bookkeeping matters: as quick as it can be. */
const quick = async (password: string, salt: Uint8Array, _cost: unknown, octets: number) =>
  Uint8Array.from({ length: octets }, (_, index) => password.length + (salt[index % salt.length] ?? 0));

describe('users', () => {
  test('are known again after a restart, by name and password', async () => {
    const { users, files } = await open();
    expect(await users.begin('admin', 'correct horse')).toMatchObject({ outcome: 'done' });
    expect(await users.add('Ada.Ö', 'viewer', 'battery staple')).toMatchObject({
      outcome: 'done',
      user: { name: 'Ada.Ö', role: 'viewer', createdAt: '2026-06-01T00:00:00.000Z' },
    });
    const again = (await open(files)).users;
    expect(again.list()).toEqual(users.list());
    expect(await again.verify('admin', 'correct horse')).toMatchObject({ role: 'owner' });
    expect(await again.verify('ada.ö', 'battery staple')).toMatchObject({ name: 'Ada.Ö' });
    expect(await again.verify('admin', 'battery staple')).toBeNull();
    expect(await again.verify('nobody', 'correct horse')).toBeNull();
  });

  test('neither the file nor the list holds a password', async () => {
    const { users, files } = await open();
    await users.begin('admin', 'correct horse');
    expect(files['users.json']).not.toContain('correct');
    expect(JSON.stringify(users.list())).not.toMatch(/salt|key|correct/);
  });

  test('that people cannot tell apart are one', async () => {
    const { users } = await open({}, quick);
    await users.begin('admin', 'x');
    expect(await users.add('ADMIN', 'viewer', 'x')).toEqual({ outcome: 'name-taken' });
    expect(await users.add('ａdmin', 'viewer', 'x')).toEqual({ outcome: 'name-taken' });
    expect(await users.add('admin2', 'viewer', 'x')).toMatchObject({ outcome: 'done' });
  });

  test('the last owner stays one', async () => {
    const { users } = await open({}, quick);
    await users.begin('admin', 'x');
    expect(await users.remove('admin')).toEqual({ outcome: 'last-owner' });
    expect(await users.change('admin', { role: 'viewer' })).toEqual({ outcome: 'last-owner' });
    await users.add('second', 'owner', 'x');
    // Two who would each leave the other as the last one: the second is too late.
    const both = await Promise.all([users.remove('admin'), users.remove('second')]);
    expect(both.map(({ outcome }) => outcome)).toEqual(['done', 'last-owner']);
  });

  test('of two who are added at once under one name there is one', async () => {
    const { users } = await open({}, quick);
    const added = await Promise.all([users.add('ada', 'viewer', 'x'), users.add('ada', 'owner', 'y')]);
    expect(added.map(({ outcome }) => outcome)).toEqual(['done', 'name-taken']);
  });

  test('are as many as limits say; the console makes an owner all the same, and their file can be read', async () => {
    const { users, files } = await open({}, quick);
    const name = (index: number) => `${index}`.padStart(limits.userNameLength, 'x');
    for (let index = 0; index < limits.users; index++)
      expect(await users.add(name(index), 'operator', 'x')).toMatchObject({ outcome: 'done' });
    expect(await users.add('one-more', 'viewer', 'x')).toEqual({ outcome: 'too-many' });
    expect(await users.setOwner('rescue', 'x')).toMatchObject({ outcome: 'done', user: { role: 'owner' } });
    expect(files['users.json']?.length).toBeLessThan(64 * 1024);
    expect((await open(files, quick)).users.list()).toHaveLength(limits.users + 1);
  });

  test('the console makes a viewer of the same name an owner with the new password', async () => {
    const { users } = await open();
    await users.begin('admin', 'forgotten long ago');
    await users.add('ada', 'viewer', 'battery staple');
    await users.setOwner('ADA', 'correct horse');
    expect(await users.verify('ada', 'correct horse')).toMatchObject({ name: 'ada', role: 'owner' });
    expect(await users.verify('ada', 'battery staple')).toBeNull();
    expect(users.list()).toHaveLength(2);
  });

  test('a password that was changed while it was looked at is the old one no more', async () => {
    const { users } = await open();
    await users.begin('admin', 'correct horse');
    const [verified] = await Promise.all([
      users.verify('admin', 'correct horse'),
      users
        .change('admin', { password: 'battery staple' })
        .then(() => users.verify('admin', 'correct horse')),
    ]);
    const late = await users.verify('admin', 'correct horse');
    expect(late).toBeNull();
    expect(verified === null || (verified !== 'busy' && verified.name === 'admin')).toBe(true);
  });

  test('a password that an owner has set meanwhile is not replaced by whoever knew the one before', async () => {
    const { users } = await open({}, quick);
    await users.begin('admin', 'a');
    await users.add('bob', 'viewer', 'bb');
    const mark = users.passwordMark('bob');
    const [byOwner, byBob] = await Promise.all([
      users.change('bob', { password: 'owner’s' }),
      users.replacePassword('bob', mark, 'bob’s new one'),
    ]);
    expect([byOwner.outcome, byBob.outcome]).toEqual(['done', 'moved-on']);
    expect(await users.verify('bob', 'owner’s')).toMatchObject({ name: 'bob' });
    expect(await users.replacePassword('bob', users.passwordMark('bob'), 'third')).toMatchObject({
      outcome: 'done',
    });
    const last = users.passwordMark('bob');
    await users.remove('bob');
    expect(await users.replacePassword('bob', last, 'x')).toEqual({ outcome: 'moved-on' });
    expect(await users.replacePassword('bob', null, 'x')).toEqual({ outcome: 'moved-on' });
  });

  test('what cannot be stored has not happened', async () => {
    const { users, secrets, lines } = await open({}, quick);
    await users.begin('admin', 'x');
    secrets.write = async () => Promise.reject(new Error('disk full'));
    expect(await users.add('ada', 'viewer', 'x')).toEqual({ outcome: 'not-stored' });
    expect(users.list().map(({ name }) => name)).toEqual(['admin']);
    expect(lines.join()).toContain('disk full');
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"version":2,"users":[]}',
    '{"version":1}',
    '{"version":1,"users":[{}]}',
  ])('the damaged file %j lets nobody in, and the log says what to do', async (text) => {
    const { users, lines } = await open({ 'users.json': text }, quick);
    expect(users.list()).toEqual([]);
    expect(await users.verify('admin', 'x')).toBeNull();
    expect(lines.join()).toContain('console');
  });
});

describe('reading users', () => {
  test('takes all or none, and never fails', async () => {
    const { users, files } = await open({}, quick);
    await users.begin('admin', 'x');
    const text = files['users.json'] ?? '';
    expect(parseUsers(text)).toHaveLength(1);
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(parseUsers(json)).toBeNull();
      }),
    );
    const record = JSON.parse(text);
    fc.assert(
      fc.property(
        fc.constantFrom('name', 'role', 'createdAt', 'passwordSetAt', 'password'),
        fc.anything(),
        (field, value) => {
          const changed = parseUsers(
            JSON.stringify({ version: 1, users: [{ ...record.users[0], [field]: value }] }),
          );
          if (changed !== null) expect(typeof value).toBe('string');
        },
      ),
    );
  });

  test('names have no spaces, line ends, slashes or marks that could be taken for something else', () => {
    for (const name of ['admin', 'Ada.Ö', 'a@b', 'x_1-2', 'محمد', 'x'.repeat(limits.userNameLength)])
      expect(userNameSyntax.test(name)).toBe(true);
    for (const name of [
      '',
      ' a',
      'a b',
      'a\nb',
      '../x',
      '-rf',
      '.x',
      'a/b',
      'a\u202eb',
      'x'.repeat(limits.userNameLength + 1),
    ])
      expect(userNameSyntax.test(name)).toBe(false);
  });
});

const credential = (octet: number) => ({
  application: new Uint8Array(32).fill(9),
  handle: new Uint8Array(255).fill(octet),
  publicKey: new Uint8Array(65).fill(octet),
});

describe('security keys', () => {
  test('are known again after a restart, with what they counted', async () => {
    const { users, files } = await open({}, quick);
    await users.begin('admin', 'x');
    await users.addKey('admin', { id: 'aa', name: 'blue' }, credential(1));
    expect(await users.useKey('admin', 'aa', 7)).toBe('done');
    const again = (await open(files, quick)).users;
    expect(again.keys('admin')).toEqual(users.keys('admin'));
    expect(again.keys('admin')).toMatchObject([
      { key: { id: 'aa', name: 'blue', usedAt: '2026-06-01T00:00:00.000Z' }, credential: credential(1) },
    ]);
    expect(again.find('admin')?.securityKeys).toBe(1);
    for (const counter of [7, 6, 0]) expect(await again.useKey('admin', 'aa', counter)).toBe('copied');
    expect(await again.useKey('admin', 'aa', 8)).toBe('done');
    expect(await again.useKey('admin', 'bb', 9)).toBe('not-there');
  });

  test('that never count are no copies of themselves; those that have counted may not stop', async () => {
    const { users } = await open({}, quick);
    await users.begin('admin', 'x');
    await users.addKey('admin', { id: 'aa', name: 'blue' }, credential(1));
    for (const counter of [0, 0, 0, 1]) expect(await users.useKey('admin', 'aa', counter)).toBe('done');
    for (const counter of [1, 0]) expect(await users.useKey('admin', 'aa', counter)).toBe('copied');
  });

  test('stay with a new password or role, and go with the user and with the console’s password', async () => {
    const { users } = await open({}, quick);
    await users.begin('admin', 'x');
    await users.add('ada', 'owner', 'x');
    for (const name of ['admin', 'ada']) await users.addKey(name, { id: 'aa', name: 'blue' }, credential(1));
    await users.change('ada', { password: 'y', role: 'viewer' });
    expect(users.keys('ada')).toHaveLength(1);
    await users.setOwner('admin', 'y');
    expect(users.keys('admin')).toEqual([]);
    await users.remove('ada');
    await users.add('ada', 'viewer', 'x');
    expect(users.keys('ada')).toEqual([]);
    expect(users.keys('nobody')).toBeNull();
    expect(await users.removeKey('ada', 'aa')).toEqual({ outcome: 'key-not-there' });
  });

  test('that are half understood let nobody in: their user would need none', async () => {
    const { users, files } = await open({}, quick);
    await users.begin('admin', 'x');
    await users.addKey('admin', { id: 'aa', name: 'blue' }, credential(1));
    const written = JSON.parse(files['users.json'] ?? '');
    const [user] = written.users;
    const [key] = user.securityKeys;
    for (const wrong of [
      'none',
      [null],
      ...[{ handle: 'xyz' }, { handle: '' }, { counter: 'x' }, { usedAt: 3 }, { id: null }].map((part) => [
        { ...key, ...part },
      ]),
    ])
      expect(
        parseUsers(JSON.stringify({ ...written, users: [{ ...user, securityKeys: wrong }] })),
      ).toBeNull();
    // A file of before there were any.
    const { securityKeys: _, ...before } = user;
    expect(parseUsers(JSON.stringify({ ...written, users: [before] }))).toMatchObject([{ securityKeys: [] }]);
  });

  test('are as many as limits say, and the users’ file can be read with all of them', async () => {
    const { users, files } = await open({}, quick);
    const name = (index: number) => `${index}`.padStart(limits.userNameLength, 'x');
    for (let index = 0; index < limits.users; index++) await users.add(name(index), 'operator', 'x');
    for (let index = 0; index < limits.keysOfAll; index++) {
      const user = name(Math.floor(index / limits.keysOfUser));
      const key = { id: `0000000${index}`.slice(-8), name: name(index) };
      expect(await users.addKey(user, key, credential(index))).toMatchObject({ outcome: 'done' });
      await users.useKey(user, key.id, 0xffff_ffff);
    }
    expect(await users.addKey(name(0), { id: 'aa', name: 'x' }, credential(1))).toEqual({
      outcome: 'too-many',
    });
    expect(await users.addKey(name(63), { id: 'aa', name: 'x' }, credential(1))).toEqual({
      outcome: 'too-many',
    });
    await users.setOwner('rescue', 'x');
    expect(files['users.json']?.length).toBeLessThan(64 * 1024);
    expect((await open(files, quick)).users.list()).toHaveLength(limits.users + 1);
  });

  test('a full disk keeps nobody out, and does not forget what a key has counted', async () => {
    const { users, secrets } = await open({}, quick);
    await users.begin('admin', 'x');
    await users.addKey('admin', { id: 'aa', name: 'blue' }, credential(1));
    secrets.write = async () => Promise.reject(new Error('disk full'));
    expect(await users.useKey('admin', 'aa', 7)).toBe('done');
    expect(await users.useKey('admin', 'aa', 7)).toBe('copied');
    expect(await users.removeKey('admin', 'aa')).toEqual({ outcome: 'not-stored' });
    expect(users.keys('admin')).toHaveLength(1);
  });
});

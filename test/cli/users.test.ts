import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../firmware/cli/audit.ts';
import { sessions } from '../../firmware/cli/sessions.ts';
import { tokens } from '../../firmware/cli/tokens.ts';
import { users } from '../../firmware/cli/users.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
beforeEach(async () => {
  box = await startTestBox();
});
afterEach(async () => {
  await box.close();
});

type Verb = (args: readonly string[]) => Promise<number>;
const run = (verb: Verb, ...args: readonly string[]) => runHere(verb, [...args, '--socket', box.socket]);
const passwordFile = (password: string) => {
  const file = join(box.folder, 'password');
  writeFileSync(file, `${password}\nsecond line\n`);
  return file;
};

describe('hithe users', () => {
  test('adds, changes, lists and removes them; all of it is in the audit, and no password', async () => {
    const file = passwordFile('wholly new password');
    const added = await run(users, 'add', 'ada', '--role', 'owner', '--password-file', file);
    expect(added).toMatchObject({ status: 0, stdout: 'ada (owner) is added.\n' });
    await run(users, 'add', 'bert', '--role', 'viewer', '--password-file', file);
    expect((await run(users, 'set', 'bert', '--role', 'operator')).stdout).toBe(
      'bert (operator) is changed.\n',
    );
    expect((await run(users, 'list')).stdout).toMatch(/^bert +operator +2\d{3}-/m);
    expect(await run(users, 'remove', 'bert')).toMatchObject({ status: 0, stdout: 'bert is removed.\n' });
    expect(JSON.parse((await run(users, 'list', '--json')).stdout)).toMatchObject([
      { name: 'ada', role: 'owner' },
    ]);
    const shown = await run(audit);
    expect(shown.stdout).toMatch(/command_line +- +done +user remove: bert$/m);
    expect(shown.stdout).toMatch(/command_line +- +done +user add: ada as owner$/m);
    expect(shown.stdout).not.toContain('wholly');
    const page = JSON.parse((await run(audit, '--limit', '1', '--json')).stdout);
    expect(page).toMatchObject({ entries: [{ act: 'user remove', who: 'command line', from: null }] });
    const older = await run(audit, '--before', String(page.before), '--json');
    expect(JSON.parse(older.stdout)).toMatchObject({
      entries: [{ act: 'user change' }, {}, {}],
      before: null,
    });
  });

  test('a box without an owner is not made', async () => {
    await run(users, 'add', 'ada', '--role', 'owner', '--password-file', passwordFile('wholly new password'));
    const refused = await run(users, 'remove', 'ada');
    expect(refused).toMatchObject({ status: 3, stderr: expect.stringContaining('no owner') });
  });

  test('a password that cannot be taken is refused with why', async () => {
    const refused = await run(
      users,
      'add',
      'ada',
      '--role',
      'owner',
      '--password-file',
      passwordFile('short'),
    );
    expect(refused).toMatchObject({ status: 3, stderr: expect.stringContaining('10 characters') });
  });

  test.each([
    [],
    ['list', 'more'],
    ['add', 'ada'],
    ['add', 'ada', '--role', 'king', '--password-file', '/dev/null'],
    ['set', 'ada'],
    ['set', 'ada', '--password-file', '/nonexistent'],
    ['remove'],
    ['paint', 'ada'],
  ])('%j is wrong use', async (...args) => expect(await run(users, ...args)).toMatchObject({ status: 2 }));
});

describe('hithe sessions', () => {
  test('lists who is signed in, and signs them out', async () => {
    await box.claim();
    const listed = await run(sessions, 'list');
    const [, id = ''] = /^(\S+) +admin +owner +127\.0\.0\.1 +2\d{3}-/m.exec(listed.stdout) ?? [];
    expect(await run(sessions, 'end', id)).toMatchObject({ status: 0, stdout: `Session ${id} has ended.\n` });
    expect(JSON.parse((await run(sessions, 'list', '--json')).stdout)).toEqual([]);
    expect(await run(sessions, 'end', id)).toMatchObject({ status: 3 });
  });

  test.each([[], ['end'], ['list', 'more'], ['end', 'a', 'b'], ['paint', 'x']])(
    '%j is wrong use',
    async (...args) => expect(await run(sessions, ...args)).toMatchObject({ status: 2 }),
  );
});

describe('hithe tokens', () => {
  test('makes one that is shown once, lists and revokes it', async () => {
    const made = await run(tokens, 'make', 'night backup', '--access', 'read,own', '--days', '30');
    expect(made.status).toBe(0);
    expect(made.stdout).toMatch(/^hithe_[0-9a-f]{8}_[0-9a-f]{64}\n$/);
    const id = made.stdout.slice(6, 14);
    const listed = await run(tokens, 'list');
    expect(listed.stdout).toMatch(new RegExp(`^${id} +read,own +command_line .* night backup$`, 'm'));
    expect(listed.stdout).not.toContain(made.stdout.trim());
    expect(await run(tokens, 'revoke', id)).toMatchObject({ status: 0, stdout: `Token ${id} is revoked.\n` });
    expect(JSON.parse((await run(tokens, 'list', '--json')).stdout)).toEqual([]);
    expect(await run(tokens, 'revoke', id)).toMatchObject({ status: 3 });
    const lasting = await run(tokens, 'make', 'x', '--access', 'read', '--no-end', '--json');
    expect(JSON.parse(lasting.stdout)).toMatchObject({ token: { expiresAt: null } });
  });

  test.each([
    [],
    ['make', 'x'],
    ['make', 'x', '--access', 'fly'],
    ['make', 'x', '--access', 'read', '--days', '0'],
    ['make', 'x', '--access', 'read', '--days', '3', '--no-end'],
    ['revoke'],
  ])('%j is wrong use', async (...args) => expect(await run(tokens, ...args)).toMatchObject({ status: 2 }));
});

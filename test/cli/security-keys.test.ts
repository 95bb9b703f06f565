import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../firmware/cli/audit.ts';
import { securityKeys } from '../../firmware/cli/security-keys.ts';
import { users } from '../../firmware/cli/users.ts';
import { VirtualKey } from '../security-key/virtual-key.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
let key: VirtualKey;
beforeEach(async () => {
  box = await startTestBox();
  await box.claim();
  key = await VirtualKey.make();
});
afterEach(async () => {
  await box.close();
});

type Verb = (args: readonly string[]) => Promise<number>;
const run = (verb: Verb, ...args: readonly string[]) => runHere(verb, [...args, '--socket', box.socket]);

describe('hithe security-keys', () => {
  test('adds a key that is touched, lists and removes it', async () => {
    box.keys.plug(key);
    key.touch();
    const added = await run(securityKeys, 'add', 'admin', 'blue one');
    expect(added).toMatchObject({ status: 0, stderr: expect.stringContaining('Touch') });
    expect(added.stdout).toMatch(/^[0-9a-f]{8} +2\d{3}-\S+ +- +blue one$/m);
    expect((await run(users, 'list')).stdout).toMatch(/^admin .* 1$/m);
    const [{ id }] = JSON.parse((await run(securityKeys, 'list', 'admin', '--json')).stdout);
    const removed = await run(securityKeys, 'remove', 'admin', id);
    expect(removed).toMatchObject({ status: 0, stdout: `Security key ${id} is removed.\n` });
    expect(JSON.parse((await run(securityKeys, 'list', 'admin', '--json')).stdout)).toEqual([]);
    expect((await run(audit)).stdout).toMatch(/security key remove: blue one of admin$/m);
  });

  test('says why there is no new key, and what it takes', async () => {
    const other = await VirtualKey.make();
    other.flaws.add('no-u2f');
    box.keys.plug(other);
    const refused = await run(securityKeys, 'add', 'admin', 'blue');
    expect(refused).toMatchObject({ status: 3, stderr: expect.stringContaining('does not speak U2F') });
    expect(await run(securityKeys, 'list', 'nobody')).toMatchObject({ status: 3 });
    for (const wrong of [[], ['list'], ['add', 'admin'], ['remove', 'admin'], ['list', 'a', 'b'], ['x', 'a']])
      expect(await run(securityKeys, ...wrong)).toMatchObject({ status: 2 });
  });
});

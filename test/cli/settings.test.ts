import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { settings } from '../../firmware/cli/settings.ts';
import { runHere } from './run-here.ts';

const folder = mkdtempSync(join(tmpdir(), 'hithe-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (text: string) => {
  const path = join(folder, 'settings.json');
  writeFileSync(path, text);
  return path;
};
const check = (...words: string[]) => runHere(settings, ['check', ...words]);

test.each([
  ['as it stands', '{"version":1}'],
  ['behind a byte order mark', '\ufeff{"version":1}'],
  ['with other ends of lines', '{\r\n"version":1}\r\n'],
])('a document %s can be used', async (_, text) => {
  const path = file(text);
  expect(await check(path)).toEqual({ status: 0, stdout: `${path} can be used.\n`, stderr: '' });
});

test('what is wrong is said by path', async () => {
  const { status, stdout } = await check(file('{"version":1,"hostname":7}'));
  expect([status, stdout]).toEqual([1, expect.stringMatching(/^hostname: /)]);
});

test.each([
  ['a file that is not there', '/nonexistent', /^settings check: ENOENT/],
  ['a folder', folder, /^settings check: EISDIR/],
  ['what has no end', '/dev/zero', /^settings check: more than/],
])('%s cannot be read, which is no judgement', async (_, path, problem) => {
  expect(await check(path)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(problem) });
});

test('one file at a time: a second one would be taken for good', async () => {
  expect((await check(file('{"version":1}'), '/nonexistent')).status).toBe(2);
});

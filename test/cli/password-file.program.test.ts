import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../image-builder/places.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';

let box: TestBox;
let folder: string;
beforeAll(async () => {
  box = await startTestBox();
  folder = mkdtempSync(join(tmpdir(), 'hithe-password-'));
});
afterAll(async () => {
  await box.close();
  rmSync(folder, { recursive: true });
});

/** Runs the command line at a terminal, and types once it asks. */
async function atTerminal(typed: string, ...words: readonly string[]) {
  const command = [process.execPath, join(projectRoot, 'firmware/main.ts'), ...words, '--socket', box.socket];
  const terminal = spawn('/usr/bin/script', [
    '-qec',
    command.map((word) => `'${word}'`).join(' '),
    '/dev/null',
  ]);
  let shown = '';
  let isTyped = false;
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (isTyped || !shown.includes('Password: ')) return;
    isTyped = true;
    terminal.stdin.write(typed);
  });
  const [status] = await once(terminal, 'exit');
  return { status, shown };
}

test('a password is asked for at a terminal, which does not show it, and ends with Enter', async () => {
  const file = join(folder, 'backup.json');
  const { status, shown } = await atTerminal(
    'correct horse battery\r',
    'backup',
    file,
    '--password-file',
    '-',
  );
  expect([status, shown]).toEqual([0, expect.stringContaining('sealed')]);
  expect(shown).not.toContain('horse');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('sealed');
});

test('Ctrl-C there ends it, and nothing is written', async () => {
  const file = join(folder, 'none.json');
  const { status, shown } = await atTerminal('corr\u0003', 'backup', file, '--password-file', '-');
  expect([status, shown.includes('corr')]).toEqual([130, false]);
  expect(() => readFileSync(file)).toThrow('ENOENT');
});

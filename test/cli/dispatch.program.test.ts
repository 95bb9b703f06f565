import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commands, help } from '../../firmware/cli/commands.ts';
import { dispatch } from '../../firmware/cli/dispatch.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { runHere } from './run-here.ts';

const hithe = (...words: string[]) => runHere(dispatch, words);

describe('what is typed by habit', () => {
  test.each([['help'], ['--help'], ['-h'], ['help', '--help'], ['help', 'help']])(
    '%j tells the commands',
    async (...words) => expect(await hithe(...words)).toEqual({ status: 0, stdout: help(), stderr: '' }),
  );

  test('nothing tells them, too, but is no success', async () =>
    expect(await hithe()).toEqual({ status: 2, stdout: help(), stderr: '' }));

  test.each([
    ['help', 'policy'],
    ['-h', 'policy'],
    ['policy', '-h'],
    ['policy', 'explain', '-h'],
    ['help', 'policy', 'explain'],
  ])('%s %s tells of that command', async (...words) => {
    const told = await hithe('policy', '--help');
    expect(told.stdout).toContain('hithe policy');
    expect(await hithe(...words)).toEqual(told);
  });

  test.each(['--version', '-V'])('%s is the version', async (word) =>
    expect(await hithe(word)).toEqual(await hithe('version')),
  );

  test.each([
    ['tunnels', '; there is tunnel'],
    ['stauts', '; there is status'],
    ['Config', '; there is config'],
    ['zzz', ''],
    ['', ''],
    ['\u001b[31m', ''],
  ])('%j is no command, which takes one line to say', async (word, similar) => {
    const { status, stdout, stderr } = await hithe(word);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^hithe: there is no command .*; hithe --help lists them\n$/);
    expect(stderr).toContain(similar);
    expect(stderr).not.toContain('\u001b');
  });

  test.each(['toString', '__proto__', 'constructor'])('%s is no command', async (word) =>
    expect(await hithe(word)).toMatchObject({ status: 2, stdout: '' }),
  );

  test('words behind -- ask for no help', async () =>
    expect((await hithe('policy', '--', '--help')).status).toBe(2));

  test.each(['status', 'log', 'version', 'alarms', 'audit', 'support', 'restart'])(
    '%s takes no word that it would leave out of account',
    async (name) => {
      const { status, stdout, stderr } = await hithe(name, 'surplus');
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toContain(`Usage: hithe ${commands[name]?.usage}`);
    },
  );

  test.each([
    ['status'],
    ['identity'],
    ['tunnel', 'list'],
    ['alarms'],
    ['config', 'get'],
    ['config', 'history'],
    ['users', 'list'],
  ])('%s %s says where no box is, with --json as JSON', async (...words) => {
    const nowhere = ['--socket', '/nonexistent/hithe.sock'];
    const reason = 'No Hithe is running here (nothing answers on /nonexistent/hithe.sock).';
    const plain = await hithe(...words, ...nowhere);
    expect(plain).toMatchObject({ stdout: '', stderr: `hithe: ${reason}\n` });
    expect([1, 3]).toContain(plain.status);
    const { status, stdout } = await hithe(...words, ...nowhere, '--json');
    expect([status, JSON.parse(stdout)]).toEqual([plain.status, { error: reason }]);
  });
});

test.each(['log', 'flows'])(
  '%s, which prints a document a line, says on standard error why none come',
  async (name) => {
    const answer = await hithe(name, '--json', '--socket', '/nonexistent/hithe.sock');
    expect(answer).toMatchObject({
      status: 3,
      stdout: '',
      stderr: expect.stringContaining('No Hithe is running'),
    });
  },
);

describe('the program', () => {
  const run = (stdout: 'pipe' | number, ...words: string[]) =>
    spawnSync(process.execPath, [join(projectRoot, 'firmware/main.ts'), ...words], {
      stdio: ['ignore', stdout, 'pipe'],
      encoding: 'utf8',
    });

  test('ends with the status of its command', () => {
    expect(run('pipe', 'help')).toMatchObject({ status: 0, stdout: help(), stderr: '' });
    expect(run('pipe', 'nonsense').status).toBe(2);
  });

  test('says that its output cannot be written, and does not end well', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = run(full, 'help');
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^hithe: what it says cannot be written: ENOSPC.*\n$/);
  });

  test('ends as SIGPIPE ends a program where nobody reads on', () => {
    const { stdout } = spawnSync(
      'bash',
      [
        '-c',
        `set -o pipefail; "$0" "$1" help | true; echo $?`,
        process.execPath,
        join(projectRoot, 'firmware/main.ts'),
      ],
      { encoding: 'utf8' },
    );
    expect(stdout).toBe('141\n');
  });
});

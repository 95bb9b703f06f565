import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backup, restore } from '../../firmware/cli/backup.ts';
import { config } from '../../firmware/cli/config.ts';
import { restart } from '../../firmware/cli/restart.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
let folder: string;
beforeAll(async () => {
  box = await startTestBox();
  folder = mkdtempSync(join(tmpdir(), 'hithe-backup-'));
  const document = join(folder, 'settings.json');
  writeFileSync(document, '{"version":1,"hostname":"plant-7"}');
  writeFileSync(join(folder, 'password'), 'correct horse battery\n');
  await runHere(config, ['apply', document, '--socket', box.socket]);
  await runHere(config, ['confirm', '--anyway', '--socket', box.socket]);
});
afterAll(async () => {
  await box.close();
  rmSync(folder, { recursive: true });
});
const at = (name: string) => join(folder, name);
const here = (command: Parameters<typeof runHere>[0], ...args: string[]) =>
  runHere(command, [...args, '--socket', box.socket]);

describe('hithe backup and restore', () => {
  test('a file of its own for the owner’s eyes, never over another', async () => {
    expect(await here(backup, at('plain.json'))).toMatchObject({
      status: 0,
      stdout: `${at('plain.json')}: the settings of gate-hamburg, without secrets\n`,
    });
    expect(statSync(at('plain.json')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(at('plain.json'), 'utf8'))).toMatchObject({
      settings: { hostname: 'plant-7' },
    });
    expect(await here(backup, at('plain.json'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('EEXIST'),
    });
  });

  test('sealed, shown, and put on trial', async () => {
    const password = ['--password-file', at('password')];
    const made = await here(backup, at('sealed.json'), ...password, '--json');
    expect([made.status, JSON.parse(made.stdout)]).toMatchObject([
      0,
      { sealed: true, made: { revision: 1 } },
    ]);
    expect(readFileSync(at('sealed.json'), 'utf8')).not.toContain('plant-7');
    writeFileSync(at('settings.json'), '{"version":1,"hostname":"plant-8"}');
    await here(config, 'apply', at('settings.json'));
    await here(config, 'confirm', '--anyway');
    expect(await here(restore, at('sealed.json'))).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('give its password'),
    });
    const planned = await here(restore, at('sealed.json'), ...password, '--plan');
    expect(planned).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('hostname: "plant-8" → "plant-7"'),
    });
    expect(await here(restore, at('sealed.json'), ...password, '--seconds', '90')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/on trial; it is taken back in 90 s/),
    });
    expect(JSON.parse((await here(config, 'get', 'hostname', '--json')).stdout)).toBe('plant-7');
    await here(config, 'revert');
  });

  test('what is no backup is wrong use, or refused', async () => {
    writeFileSync(at('broken.json'), '{');
    writeFileSync(at('other.json'), '{}');
    writeFileSync(at('short'), 'short\n');
    for (const args of [[], ['a', 'b'], [at('broken.json')], [at('none.json')]])
      expect(await here(restore, ...args)).toMatchObject({ status: 2 });
    expect(await here(restore, at('other.json'))).toMatchObject({ status: 3 });
    expect(await here(backup, at('new.json'), '--password-file', at('short'))).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('10 characters'),
    });
    expect(await here(backup, at('new.json'), '--password-file', at('none'))).toMatchObject({ status: 2 });
  });
});

test('hithe restart', async () => {
  expect(await here(restart)).toMatchObject({ status: 0, stdout: 'The box restarts now.\n' });
  expect(box.restarts()).toBe(1);
  expect(await here(restart, 'now')).toMatchObject({ status: 2 });
});

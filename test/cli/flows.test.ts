import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flows } from '../../firmware/cli/flows.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
beforeAll(async () => {
  box = await startTestBox();
});
afterAll(async () => {
  await box.close();
});

const run = (...args: readonly string[]) => runHere(flows, [...args, '--socket', box.socket]);
const ids = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { id?: number }).id);

describe('hithe flows', () => {
  test('shows a table for people', async () => {
    const { status, stdout } = await run('--limit', '1');
    expect(status).toBe(0);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^START +SECONDS +FROM +TO +PROTO /),
      expect.stringMatching(
        /^2023-11-14T22:13:20\.000Z +5\.0 +192\.168\.1\.10\(hmi\) +192\.168\.2\.20@plant +tcp +502 +outbound +allow +rule +modbus +- +7\/5 +700\/900$/,
      ),
      '',
    ]);
  });

  test('prints a line of JSON for each with --json, and follows pages', async () => {
    expect(ids((await run('--json')).stdout)).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect(ids((await run('--json', '--limit', '3')).stdout)).toEqual([7, 6, 5]);
  });

  test('hands filters on, times as ago or as dates', async () => {
    expect((await run('--json', '--from', '10.0.0.1')).stdout).toBe('');
    expect(
      ids((await run('--json', '--from', '192.168.1.10', '--since', '2h', '--limit', '1')).stdout),
    ).toEqual([7]);
    expect(await run('--verdict', 'perhaps')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('verdict'),
    });
  });

  test('follows from now on, until the box cannot say any more', async () => {
    const { status, stdout, stderr } = await run('--follow', '--json');
    expect([status, ids(stdout)]).toEqual([3, [7]]);
    expect(stderr).toContain('the disk is gone');
  });

  test('shows those that live, without an end', async () => {
    const { stdout } = await run('--live', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ end: null, rule: 'modbus' });
  });

  test('says what was lost', async () => {
    const { status, stdout } = await run('--status');
    expect([status, stdout]).toEqual([
      0,
      expect.stringContaining('3 connections and 0 denied packets unheard'),
    ]);
    expect(JSON.parse((await run('--status', '--json')).stdout)).toMatchObject({
      records: 7,
      persistent: true,
    });
  });

  test.each([
    [['all'], 'options alone'],
    [['--port', '65536'], '--port takes 0 to 65535'],
    [['--limit', '0'], '--limit takes 1 to'],
    [['--live', '--follow'], 'each for themselves'],
    [['--since', 'yesterday'], '--since takes'],
    [['--colour'], '--colour'],
  ])('%j is wrong use', async (args, complaint) => {
    expect(await run(...args)).toMatchObject({ status: 2, stderr: expect.stringContaining(complaint) });
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { alarms } from '../../firmware/cli/alarms.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
beforeAll(async () => {
  box = await startTestBox();
});
afterAll(async () => {
  await box.close();
});

const run = (...args: readonly string[]) => runHere(alarms, [...args, '--socket', box.socket]);

test('hithe alarms shows what lasts and what to do, and ends with 1', async () => {
  const { status, stdout } = await run();
  expect(status).toBe(1);
  expect(stdout).toMatch(
    /^tunnel-down +plant +1970-01-01T00:00:01\.000Z +- +The tunnel to plant is down\. See to it\.$/m,
  );
  expect(stdout).not.toContain('press');
  expect(JSON.parse((await run('--json')).stdout)).toMatchObject([{ kind: 'tunnel-down' }]);
});

test('hithe alarms --all shows what is over too', async () => {
  const { stdout } = await run('--all');
  expect(stdout).toMatch(/^denied +press .* 900 packets were denied$/m);
  expect(JSON.parse((await run('--all', '--json')).stdout)).toHaveLength(2);
  expect(await run('plant')).toMatchObject({ status: 2 });
});

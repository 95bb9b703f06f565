import { afterEach, beforeEach, expect, test } from 'vitest';
import { tunnel } from '../../firmware/cli/tunnel.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
let renewed: string[];
const { tunnels } = normalStatus(0);
const wien = tunnels.find(({ peer }) => peer === 'wien')?.hit ?? '';

beforeEach(async () => {
  renewed = [];
  box = await startTestBox({
    associations: {
      renew: (hit) => {
        renewed.push(hit);
        return hit === wien;
      },
    },
  });
});
afterEach(() => box.close());

const run = (...args: readonly string[]) => runHere(tunnel, [...args, '--socket', box.socket]);

test('list has a line for each peer', async () => {
  const { status, stdout } = await run('list');
  expect(status).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1 + tunnels.length);
  expect(stdout).toMatch(/^wien +ESTABLISHED +always +initiator /m);
  expect(JSON.parse((await run('list', '--json')).stdout)).toHaveLength(tunnels.length);
});

test.each(['wien', wien])('renew takes %s, a name or a HIT', async (peer) => {
  expect(await run('renew', peer)).toMatchObject({ status: 0, stdout: expect.stringContaining(peer) });
  expect(renewed).toEqual([wien]);
  expect(JSON.parse((await run('renew', peer, '--json')).stdout)).toEqual({ hit: wien });
});

test('renew of somebody who is no peer says so', async () => {
  expect(await run('renew', 'nobody')).toMatchObject({
    status: 3,
    stderr: expect.stringContaining('No peer of this box'),
  });
});

test.each([[], ['list', 'wien'], ['renew'], ['renew', 'wien', 'more'], ['close', 'wien']])(
  'tunnel %s %s %s is no use of it',
  async (...args) => expect((await run(...args)).status).toBe(2),
);

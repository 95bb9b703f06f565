import { expect, test } from 'vitest';
import { factoryReset } from '../../firmware/cli/factory-reset.ts';
import { startTestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

test('hithe factory-reset: begins for the box that is named, and for no other', async () => {
  const box = await startTestBox();
  const run = (...args: readonly string[]) => runHere(factoryReset, [...args, '--socket', box.socket]);
  try {
    expect(await run('--yes', 'elsewhere')).toMatchObject({
      ...{ status: 3, stderr: expect.stringContaining('Nothing was deleted') },
    });
    expect(box.restarts()).toBe(0);
    expect(await run('--yes', 'gate-hamburg', '--new-identity')).toMatchObject({ status: 0 });
    expect(box.restarts()).toBe(1);
    expect(await run()).toMatchObject({ status: 2, stderr: expect.stringContaining('--yes HOSTNAME') });
  } finally {
    await box.close();
  }
});

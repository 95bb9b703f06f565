import { expect, test } from 'vitest';
import { runFamily } from './run-family.ts';

test('replayed, reflected, misdelivered, changed and forged packets, floods, impostors: no key is given away', async () => {
  const { failures, counts } = await runFamily('hostile', 500);
  expect(failures).toEqual([]);
  expect(counts.hostile).toBeGreaterThan(500 * 50);
  expect(counts.refused).toBeGreaterThan(500);
});

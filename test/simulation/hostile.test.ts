import { describe, expect, test } from 'vitest';
import { runFamily } from './run-family.ts';

describe('networks that work against them, from seeds', () => {
  test('NATs of every kind that forget their mappings, with and without a forwarded port', async () => {
    const { failures, counts } = await runFamily('translated', 350);
    expect(failures).toEqual([]);
    expect(counts.associations).toBeGreaterThan(350 * 10);
  });

  test('replayed, reflected, misdelivered, changed and forged packets, floods, impostors', async () => {
    const { failures, counts } = await runFamily('hostile', 350);
    expect(failures).toEqual([]);
    expect(counts.hostile).toBeGreaterThan(350 * 50);
    expect(counts.refused).toBeGreaterThan(350);
  });

  test('all of it together', async () => {
    const { failures, counts } = await runFamily('everything', 300);
    expect(failures).toEqual([]);
    expect(counts.hostile).toBeGreaterThan(300 * 20);
    expect(counts.refused).toBeGreaterThan(300);
  });
});

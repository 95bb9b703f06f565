import { describe, expect, test } from 'vitest';
import { chunks, runFamily } from './run-family.ts';

describe('networks that work against them, from seeds', () => {
  test.each(chunks(350))('NATs of every kind that forget their mappings; from seed %i', async (seed) => {
    const { failures, counts } = await runFamily('translated', seed);
    expect(failures).toEqual([]);
    expect(counts.associations).toBeGreaterThan(500);
  });

  test.each(chunks(350))('replays, reflections, forgeries, floods, impostors; from seed %i', async (seed) => {
    const { failures, counts } = await runFamily('hostile', seed);
    expect(failures).toEqual([]);
    expect(counts.hostile).toBeGreaterThan(1_000);
    expect(counts.refused).toBeGreaterThan(50);
  });

  test.each(chunks(300))('all of it together; from seed %i', async (seed) => {
    const { failures, counts } = await runFamily('everything', seed);
    expect(failures).toEqual([]);
    expect(counts.hostile).toBeGreaterThan(500);
    expect(counts.refused).toBeGreaterThan(50);
  });
});

import { describe, expect, test } from 'vitest';
import { chunks, runFamily } from './run-family.ts';

describe('networks of three to six gateways, from seeds', () => {
  test.each(chunks(250))('nothing is lost, however often the keys change; from seed %i', async (seed) => {
    const { failures, counts } = await runFamily('quiet', seed);
    expect(failures).toEqual([]);
    expect(counts.associations).toBeGreaterThan(1_000);
    // Only exchanges that crossed replace an association in use.
    expect(counts.delivered / counts.sent).toBeGreaterThan(0.999);
  });

  test.each(chunks(400))(
    'loss, doubled and overtaking packets, partitions, crashes, sleep, changed settings; from seed %i',
    async (seed) => {
      const { failures, counts } = await runFamily('rough', seed);
      expect(failures).toEqual([]);
      expect(counts.associations).toBeGreaterThan(500);
      expect(counts.delivered).toBeLessThan(counts.sent);
    },
  );

  test.each(chunks(350))(
    'addresses change, also in the middle of an exchange; from seed %i',
    async (seed) => {
      const { failures, counts } = await runFamily('moving', seed);
      expect(failures).toEqual([]);
      expect(counts.associations).toBeGreaterThan(500);
    },
  );
});

import { describe, expect, test } from 'vitest';
import { runFamily } from './run-family.ts';

describe('networks of three to six gateways, from seeds', () => {
  test('a network that loses nothing: no packet is lost, however often the keys change', async () => {
    const { failures, counts } = await runFamily('quiet', 250);
    expect(failures).toEqual([]);
    expect(counts.associations).toBeGreaterThan(250 * 30);
    // Only exchanges that crossed replace an association in use.
    expect(counts.delivered / counts.sent).toBeGreaterThan(0.999);
  });

  test('loss, doubled and overtaking packets, partitions, crashes, restarts, sleep, changed settings', async () => {
    const { failures, counts } = await runFamily('rough', 400);
    expect(failures).toEqual([]);
    expect(counts.associations).toBeGreaterThan(400 * 10);
    expect(counts.delivered).toBeLessThan(counts.sent);
  });

  test('addresses that change, also at both ends and in the middle of an exchange', async () => {
    const { failures, counts } = await runFamily('moving', 350);
    expect(failures).toEqual([]);
    expect(counts.associations).toBeGreaterThan(350 * 10);
  });
});

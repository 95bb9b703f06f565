import { describe, expect, test } from 'vitest';
import { runFamily } from './run-family.ts';

describe('networks of three to six gateways, from seeds', () => {
  test('a network that loses nothing: once an association is up no packet is lost', async () => {
    const { failures, counts } = await runFamily('quiet', 300);
    expect(failures).toEqual([]);
    expect(counts.associations).toBeGreaterThan(300 * 4);
    // Only exchanges that crossed replace an association in use.
    expect(counts.delivered / counts.sent).toBeGreaterThan(0.999);
  });

  test('loss, doubled and overtaking packets, partitions, crashes, restarts, sleep, changed settings', async () => {
    const { failures, counts } = await runFamily('rough', 500);
    expect(failures).toEqual([]);
    expect(counts.associations).toBeGreaterThan(500 * 6);
    expect(counts.delivered).toBeLessThan(counts.sent);
  });
});

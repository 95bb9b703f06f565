import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generate } from './generate.ts';
import { keptReplays, loadReplay } from './replay-file.ts';
import { simulate } from './simulation.ts';

describe('failures of the past', () => {
  test.each(keptReplays().map((path) => [basename(path), path]))('%s', async (_, path) => {
    const { fault } = await simulate(loadReplay(path).scenario);
    expect(fault).toBeNull();
  });
});

describe('a simulation repeats itself', () => {
  async function traceHash(seed: number): Promise<string> {
    const hash = createHash('sha256');
    const outcome = await simulate(generate('everything', seed), (line) => hash.update(line));
    return hash.update(JSON.stringify(outcome)).digest('hex');
  }

  test.each([1, 2, 3])('seed %i, to the last line of its trace', async (seed) => {
    expect(await traceHash(seed)).toBe(await traceHash(seed));
  });

  test('another seed is another run', async () => {
    expect(await traceHash(1)).not.toBe(await traceHash(2));
  });

  test('a scenario survives being written down', async () => {
    const scenario = generate('everything', 4);
    const read = JSON.parse(JSON.stringify(scenario));
    expect(read).toEqual(scenario);
    expect(await simulate(read)).toEqual(await simulate(scenario));
  });
});

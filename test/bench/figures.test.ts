import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { smallestThatWorks } from './bisect.ts';
import { type Figure, median, table } from './figures.ts';

describe('median', () => {
  test('is the middle one, or the mean of the middle two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

test('smallestThatWorks finds the edge, to the step', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 65, max: 512 }), async (edge) => {
      const found = await smallestThatWorks(64, 512, 16, async (value) => value >= edge);
      expect(found).toBe(Math.ceil(edge / 16) * 16);
    }),
  );
});

describe('the table', () => {
  const figure: Figure = {
    ...{
      name: 'power-on-to-page-ratio',
      value: 1.5,
      unit: 'ratio',
      better: 'lower',
      target: 1.4,
      against: 'a shell',
      samples: [1.5],
    },
  };
  const machine = { cpu: 'a processor', cores: 2, accelerator: 'tcg' };
  const row = (changes: Partial<Figure>) =>
    table({ bench: 'boot', machine, figures: [{ ...figure, ...changes }] })
      .split('\n')
      .at(3);

  test('says whether a target was reached, by the direction that is better', () => {
    expect(row({})).toMatch(/1\.5 ratio +≤ 1\.4 +missed +a shell/);
    expect(row({ value: 1.4 })).toContain('reached');
    expect(row({ better: 'higher' })).toMatch(/≥ 1\.4 +reached/);
  });

  test('a figure without a target is neither', () => {
    expect(row({ target: null })).not.toMatch(/reached|missed/);
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderSetChange } from '../../../firmware/netd/overlay/set-change.ts';

/** What nftables makes of the lines: it refuses to delete what is not there, and here to add what is. */
function carriedOut(elements: ReadonlySet<string>, lines: string): { set: Set<string>; touched: string[] } {
  const set = new Set(elements);
  const touched: string[] = [];
  for (const line of lines.split('\n').filter((each) => each !== '')) {
    const [, verb, list = ''] = /^(add|delete) element inet t s \{ (.*) \}$/.exec(line) ?? [];
    for (const element of list.split(', ')) {
      expect(set.has(element)).toBe(verb === 'delete');
      if (verb === 'add') set.add(element);
      else set.delete(element);
      touched.push(element);
    }
  }
  return { set, touched };
}

const elements: fc.Arbitrary<string[]> = fc.array(
  fc.constantFrom('0x1 . 10.0.0.0/8', '0x2 . 10.0.0.0/8', '0x1 . 10.1.0.0/16', '0x3'),
);

test('makes one set of the other, and touches nothing that stays', () => {
  fc.assert(
    fc.property(elements, elements, (before, after) => {
      const lines = renderSetChange('inet t s', before, after);
      const { set, touched } = carriedOut(new Set(before), lines);
      expect(set).toEqual(new Set(after));
      expect(touched.filter((element) => before.includes(element) && after.includes(element))).toEqual([]);
    }),
  );
});

test('where nothing changes there is nothing to say', () => {
  expect(renderSetChange('inet t s', ['0x1', '0x2'], ['0x2', '0x1'])).toBe('');
});

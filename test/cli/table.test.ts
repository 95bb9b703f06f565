import { expect, test } from 'vitest';
import { formatTable } from '../../firmware/cli/table.ts';

test('a table has the same columns in every line, whatever is missing', () => {
  const text = formatTable(
    ['PEER', 'MTU', 'ERROR'],
    [
      ['branch office', 1420, null],
      ['b', null, 'no route\nto 192.0.2.1'],
      ['c', 0, ''],
    ],
  );
  expect(text).toBe(`PEER           MTU   ERROR
branch_office  1420  -
b              -     no route to 192.0.2.1
c              0     -
`);
  expect(formatTable(['A', 'B'], [])).toBe('A  B\n');
});

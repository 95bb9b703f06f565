import { expect, test } from 'vitest';
import { apiFilter, fields, readFilter } from '../../../firmware/webui/client/pages/flows/filter.ts';

const read = (query: string) => readFilter(new URLSearchParams(query));

test('an address without a filter asks for denied flows of all times', () => {
  expect(read('')).toEqual({ verdict: 'deny', last: 'all', fields: [] });
  expect(apiFilter(read(''), 1_000_000)).toBe('verdict=deny');
});

test('what an address says that is no filter is left out', () => {
  expect(read('verdict=perhaps&last=2y&flow=7&device=')).toEqual(read(''));
});

test.each([
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
])('the last %s is so many milliseconds', (last, milliseconds) => {
  expect(apiFilter(read(`verdict=all&last=${last}`), 100_000_000.4)).toBe(
    `since=${100_000_000 - milliseconds}`,
  );
});

test('every field goes to the API as it stands in the address', () => {
  const query = fields.map((field) => `${field}=a+b%26${field}`).join('&');
  expect(new URLSearchParams(apiFilter(read(query), 0)).toString()).toBe(
    new URLSearchParams(`${query}&verdict=deny`).toString(),
  );
});

test('connections that live are asked for whatever their verdict and time', () => {
  expect(apiFilter(read('last=5m&port=502'), 0, true)).toBe('port=502');
});

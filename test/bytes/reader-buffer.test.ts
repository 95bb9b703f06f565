import { expect, test } from 'vitest';
import { Reader } from '../../firmware/bytes/reader.ts';

test('a field read from a Buffer is a plain view, so that slice() is a copy that outlives the datagram', () => {
  const datagram = Buffer.from([9, 1, 2, 3]).subarray(1);
  const kept = new Reader(datagram).bytes(3, 'field').slice();
  datagram.fill(0);
  expect([...kept]).toEqual([1, 2, 3]);
});

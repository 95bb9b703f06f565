import { expect, test } from 'vitest';
import { Reader } from '../../firmware/bytes/reader.ts';

test('a field read from a Buffer is a plain view, so that slice() is a copy that outlives the datagram', () => {
  const datagram = Buffer.from([9, 1, 2, 3]).subarray(1);
  const kept = new Reader(datagram).bytes(3, 'field').slice();
  datagram.fill(0);
  expect([...kept]).toEqual([1, 2, 3]);
});

test('little-endian fields are read from the lowest octet up', () => {
  const reader = new Reader(Uint8Array.of(0x01, 0x80, 1, 2, 3, 0xff, 1, 2, 3, 4, 5, 6, 7, 0x80));
  expect(reader.u16le('a')).toBe(0x8001);
  expect(reader.u32le('b')).toBe(0xff030201);
  expect(reader.u64le('c')).toBe(0x80_07_06_05_04_03_02_01n);
  expect(reader.remaining).toBe(0);
  expect(() => reader.u16le('d')).toThrow(/needs 2 octets/);
});

import { Writer } from './writer.ts';

/** Reads the hexadecimal forms of an IPv6 address (RFC 4291 §2.2, 1 and 2); undefined for anything else. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '');
  const tail = groups(halves[1] ?? '');
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const writer = new Writer(16);
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) writer.u16(group);
  return writer.finish();
}

function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  return parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))
    ? parts.map((part) => Number.parseInt(part, 16))
    : undefined;
}

/** The canonical text form (RFC 5952 §4): lower case, no leading zeros, the longest run of two or more zero groups as `::`. */
export function formatIpv6(address: Uint8Array): string {
  const view = new DataView(address.buffer, address.byteOffset, 16);
  const words = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2));
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (words[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  const text = (part: readonly number[]) => part.map((word) => word.toString(16)).join(':');
  if (best.length < 2) return text(words);
  return `${text(words.slice(0, best.start))}::${text(words.slice(best.start + best.length))}`;
}

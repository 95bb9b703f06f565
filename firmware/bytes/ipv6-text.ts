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
  const longest = longestRunOfZeros(view);
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === longest.start) {
      text += '::';
      group = longest.end - 1;
    } else {
      if (group > 0 && group !== longest.end) text += ':';
      text += view.getUint16(group * 2).toString(16);
    }
  }
  return text;
}

/** Of two groups or more, the first of those that are as long; both -1 where there is none. */
function longestRunOfZeros(view: DataView): { readonly start: number; readonly end: number } {
  let longest = { start: -1, end: -1 };
  let length = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && view.getUint16(end * 2) === 0) end++;
    if (end - start > length) {
      longest = { start, end };
      length = end - start;
    }
    if (end > start) start = end;
  }
  return longest;
}

import { BuildError } from './build-error.ts';

/** DER (X.690 §10) as far as PKCS #7 signatures need it. */

export const derTag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A constructed context tag [n]. */
export const contextTag = (number: number): number => 0xa0 | number;

export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(content.length)]), content]);
}

/** An object identifier in its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(derTag.oid, Uint8Array.from(octets));
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256);
  return [0x80 | octets.length, ...octets];
}

/** One element: its tag, its content, and all of it with tag and length. */
export type DerElement = { readonly tag: number; readonly content: Uint8Array; readonly whole: Uint8Array };

/** The elements that stand one after the other. */
export function derElements(octets: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  for (let start = 0; start < octets.length; ) {
    const tag = octets[start] ?? 0;
    const first = octets[start + 1] ?? 0;
    const count = first < 0x80 ? 0 : first & 0x7f;
    const long = octets.subarray(start + 2, start + 2 + count);
    const length = first < 0x80 ? first : long.reduce((value, octet) => value * 256 + octet, 0);
    const content = start + 2 + count;
    if (content + length > octets.length) throw new BuildError('usage', 'A certificate ends in its middle.');
    elements.push({
      tag,
      content: octets.subarray(content, content + length),
      whole: octets.subarray(start, content + length),
    });
    start = content + length;
  }
  return elements;
}

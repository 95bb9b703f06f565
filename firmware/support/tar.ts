const blockLength = 512;

export interface TarEntry {
  /** Letters of ASCII, at most 100 (POSIX.1-2017 pax, ustar interchange format). */
  readonly name: string;
  readonly octets: Uint8Array;
}

/**
 * A ustar archive (POSIX.1-2017, pax) of plain files that everybody may read.
 *
 * @param seconds when they were made, since 1970
 * @throws RangeError where a name does not fit its field
 */
export function writeTar(entries: readonly TarEntry[], seconds: number): Uint8Array {
  const blocks = entries.map(({ octets }) => 1 + Math.ceil(octets.length / blockLength));
  // Two blocks of zeros end an archive.
  const archive = new Uint8Array((blocks.reduce((sum, count) => sum + count, 0) + 2) * blockLength);
  let offset = 0;
  for (const { name, octets } of entries) {
    writeHeader(archive.subarray(offset, offset + blockLength), name, octets.length, seconds);
    archive.set(octets, offset + blockLength);
    offset += (1 + Math.ceil(octets.length / blockLength)) * blockLength;
  }
  return archive;
}

function writeHeader(block: Uint8Array, name: string, length: number, seconds: number): void {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new RangeError(`not a name in an archive: ${name}`);
  const put = (at: number, text: string) => block.set(new TextEncoder().encode(text), at);
  const octal = (at: number, digits: number, value: number) =>
    put(at, Math.floor(value).toString(8).padStart(digits, '0'));
  put(0, name);
  octal(100, 7, 0o644);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, length);
  octal(136, 11, Math.max(0, seconds));
  // The checksum counts its own field as spaces.
  put(148, ' '.repeat(8));
  put(156, '0');
  put(257, 'ustar\u000000');
  const sum = block.reduce((total, octet) => total + octet, 0);
  octal(148, 6, sum);
  put(154, '\u0000 ');
}

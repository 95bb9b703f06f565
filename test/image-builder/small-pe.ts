/** What `smallPe` lays out, so that a test can say what it expects. */
export type SmallPe = {
  readonly sections: readonly { readonly name: string; readonly data: Uint8Array }[];
  /** Room for section headers, octets from the file's start; a multiple of the file alignment. */
  readonly headerSize?: number;
  readonly timestamp?: number;
  readonly checksum?: number;
};

export const fileAlignment = 0x200;
export const sectionAlignment = 0x1000;

/**
 * A PE32+ image by hand (Microsoft PE/COFF, revision 11): DOS header, signature, COFF header, optional header with 16
 * data directories, section table, sections.
 */
export function smallPe({ sections, headerSize = 0x400, timestamp = 0, checksum = 0 }: SmallPe): Uint8Array {
  const align = (value: number, to: number) => Math.ceil(value / to) * to;
  const size = sections.reduce((sum, { data }) => sum + align(data.length, fileAlignment), headerSize);
  const image = new Uint8Array(size);
  const view = new DataView(image.buffer);
  const text = (offset: number, value: string) => image.set(new TextEncoder().encode(value), offset);
  text(0, 'MZ');
  view.setUint32(0x3c, 0x80, true);
  text(0x80, 'PE\0\0');
  const coff = 0x84;
  view.setUint16(coff, 0x8664, true);
  view.setUint16(coff + 2, sections.length, true);
  view.setUint32(coff + 4, timestamp, true);
  view.setUint16(coff + 16, 240, true);
  const optional = coff + 20;
  view.setUint16(optional, 0x20b, true);
  view.setUint32(optional + 32, sectionAlignment, true);
  view.setUint32(optional + 36, fileAlignment, true);
  view.setUint32(optional + 60, headerSize, true);
  view.setUint32(optional + 64, checksum, true);
  view.setUint32(optional + 108, 16, true);
  let pointer = headerSize;
  let address = sectionAlignment;
  for (const [index, { name, data }] of sections.entries()) {
    const entry = optional + 240 + index * 40;
    text(entry, name);
    view.setUint32(entry + 8, data.length, true);
    view.setUint32(entry + 12, address, true);
    view.setUint32(entry + 16, align(data.length, fileAlignment), true);
    view.setUint32(entry + 20, pointer, true);
    view.setUint32(entry + 36, 0x6000_0020, true);
    image.set(data, pointer);
    pointer += align(data.length, fileAlignment);
    address = align(address + data.length, sectionAlignment);
  }
  view.setUint32(optional + 56, address, true);
  return image;
}

import { createHash } from 'node:crypto';
import { BuildError } from './build-error.ts';

/**
 * The few parts of Microsoft's PE/COFF format (revision 11) that a unified kernel image needs: sections appended to
 * the EFI stub, the Authenticode hash that the firmware measures, and the place of a signature over it. Written here
 * because binutils' objcopy leaves a time and its own alignment in the file and has no arm64 PE target in the same
 * package.
 */
export type PeSection = { readonly name: string; readonly data: Uint8Array };

const offsets = {
  peHeader: 0x3c,
  /** From the start of the COFF header, which follows the 4-octet signature. */
  coff: { sectionCount: 2, timestamp: 4, optionalSize: 16, length: 20 },
  /** From the start of the PE32+ optional header. */
  optional: {
    initializedData: 8,
    sectionAlignment: 32,
    fileAlignment: 36,
    imageSize: 56,
    headerSize: 60,
    checksum: 64,
    certificates: 144,
  },
  section: {
    length: 40,
    virtualSize: 8,
    virtualAddress: 12,
    rawSize: 16,
    rawPointer: 20,
    characteristics: 36,
  },
} as const;
const pe32Plus = 0x20b;
/** IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ */
const readOnlyData = 0x4000_0040;

function layout(view: DataView): { coff: number; optional: number; table: number; count: number } {
  const signature = view.getUint32(offsets.peHeader, true);
  if (signature + 24 > view.byteLength || view.getUint32(signature, false) !== 0x5045_0000) {
    throw new BuildError('content', 'Not a PE file: the signature is missing.');
  }
  const coff = signature + 4;
  const optional = coff + offsets.coff.length;
  if (view.getUint16(optional, true) !== pe32Plus) throw new BuildError('content', 'Not a PE32+ file.');
  const table = optional + view.getUint16(coff + offsets.coff.optionalSize, true);
  return { coff, optional, table, count: view.getUint16(coff + offsets.coff.sectionCount, true) };
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength);

const align = (value: number, to: number) => Math.ceil(value / to) * to;

/**
 * Appends sections to a PE image, in their order, and sets its time stamp to 0.
 *
 * @throws BuildError `content` if the image is not PE32+ or its header has no room for more section entries
 */
export function appendSections(image: Uint8Array, sections: readonly PeSection[]): Uint8Array {
  const view = viewOf(image);
  const { coff, optional, table, count } = layout(view);
  const fileAlignment = view.getUint32(optional + offsets.optional.fileAlignment, true);
  const sectionAlignment = view.getUint32(optional + offsets.optional.sectionAlignment, true);
  const tableEnd = table + (count + sections.length) * offsets.section.length;
  if (tableEnd > view.getUint32(optional + offsets.optional.headerSize, true)) {
    throw new BuildError('content', 'The EFI stub has no room for more section headers.');
  }
  let address = 0;
  for (let index = 0; index < count; index += 1) {
    const entry = table + index * offsets.section.length;
    const end =
      view.getUint32(entry + offsets.section.virtualAddress, true) +
      view.getUint32(entry + offsets.section.virtualSize, true);
    address = Math.max(address, end);
  }
  address = align(address, sectionAlignment);
  let pointer = align(image.length, fileAlignment);
  const total = sections.reduce((size, { data }) => size + align(data.length, fileAlignment), pointer);
  const result = new Uint8Array(total);
  result.set(image);
  const out = new DataView(result.buffer);
  let initialized = out.getUint32(optional + offsets.optional.initializedData, true);
  for (const [index, { name, data }] of sections.entries()) {
    const entry = table + (count + index) * offsets.section.length;
    const rawSize = align(data.length, fileAlignment);
    result.set(new TextEncoder().encode(name).subarray(0, 8), entry);
    out.setUint32(entry + offsets.section.virtualSize, data.length, true);
    out.setUint32(entry + offsets.section.virtualAddress, address, true);
    out.setUint32(entry + offsets.section.rawSize, rawSize, true);
    out.setUint32(entry + offsets.section.rawPointer, pointer, true);
    out.setUint32(entry + offsets.section.characteristics, readOnlyData, true);
    result.set(data, pointer);
    address = align(address + data.length, sectionAlignment);
    pointer += rawSize;
    initialized += rawSize;
  }
  out.setUint16(coff + offsets.coff.sectionCount, count + sections.length, true);
  out.setUint32(coff + offsets.coff.timestamp, 0, true);
  out.setUint32(optional + offsets.optional.initializedData, initialized, true);
  out.setUint32(optional + offsets.optional.imageSize, address, true);
  out.setUint32(optional + offsets.optional.checksum, 0, true);
  return result;
}

/** The sections of a PE image by name, each with its content up to its virtual size. */
export function readSections(image: Uint8Array): Map<string, Uint8Array> {
  const view = viewOf(image);
  const { table, count } = layout(view);
  const sections = new Map<string, Uint8Array>();
  for (let index = 0; index < count; index += 1) {
    const entry = table + index * offsets.section.length;
    const name = new TextDecoder().decode(image.subarray(entry, entry + 8)).replace(/\0+$/, '');
    const pointer = view.getUint32(entry + offsets.section.rawPointer, true);
    const size = view.getUint32(entry + offsets.section.virtualSize, true);
    sections.set(
      name,
      image.subarray(
        pointer,
        pointer + Math.min(size, view.getUint32(entry + offsets.section.rawSize, true)),
      ),
    );
  }
  return sections;
}

/**
 * The hash that UEFI firmware measures into PCR 4 for an image it starts: all of the file but the checksum, the
 * certificate table's directory entry and the certificates (Windows Authenticode Portable Executable Signature
 * Format 1.0, "Calculating the PE Image Hash"), padded with zeros to 8 octets.
 */
export function authenticodeHash(image: Uint8Array, algorithm: 'sha256' | 'sha384' = 'sha256'): string {
  const view = viewOf(image);
  const { optional } = layout(view);
  const checksum = optional + offsets.optional.checksum;
  const directory = optional + offsets.optional.certificates;
  const certificates = view.getUint32(directory, true);
  const end = certificates === 0 ? image.length : certificates;
  const hash = createHash(algorithm);
  hash.update(image.subarray(0, checksum));
  hash.update(image.subarray(checksum + 4, directory));
  hash.update(image.subarray(directory + 8, end));
  hash.update(new Uint8Array((8 - (end % 8)) % 8));
  return hash.digest('hex');
}

/**
 * Puts a PKCS #7 signature, DER, at the end of a PE image as its only certificate (Microsoft PE/COFF, "The Attribute
 * Certificate Table").
 */
export function appendCertificates(image: Uint8Array, signature: Uint8Array): Uint8Array {
  const header = 8;
  const directory = layout(viewOf(image)).optional + offsets.optional.certificates;
  const old = viewOf(image).getUint32(directory, true);
  const start = align(old === 0 ? image.length : old, 8);
  const length = align(header + signature.length, 8);
  const result = new Uint8Array(start + length);
  result.set(image.subarray(0, Math.min(start, image.length)));
  result.set(signature, start + header);
  const out = viewOf(result);
  out.setUint32(directory, start, true);
  out.setUint32(directory + 4, length, true);
  out.setUint32(start, length, true);
  // WIN_CERT_REVISION_2_0, WIN_CERT_TYPE_PKCS_SIGNED_DATA
  out.setUint16(start + 4, 0x0200, true);
  out.setUint16(start + 6, 0x0002, true);
  return result;
}

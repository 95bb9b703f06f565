import { decode, describeDecodeError } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { readDevicePath } from './device-path.ts';
import { type BootEvent, startsWith } from './event-log.ts';
import { eventType } from './event-types.ts';
import { guidName, readGuid } from './guid.ts';
import { limits } from './limits.ts';
import { type PartitionTable, readPartitionTable } from './partition-table.ts';
import { guessText, latin1Text, readableHex, readableText, utf16Text } from './readable-text.ts';
import { readVariable, type Variable } from './uefi-variable.ts';

/** An event's data as what its type says it is. Addresses and lengths of 64 bits are hexadecimal text. */
export type EventDetail =
  | { readonly kind: 'log-header'; readonly specification: string }
  | { readonly kind: 'startup-locality'; readonly locality: number }
  | { readonly kind: 'separator'; readonly meaning: 'end-of-firmware' | 'error' }
  | { readonly kind: 'text'; readonly text: string }
  /** A section of a unified kernel image, whose name and content systemd's stub measures one after the other. */
  | { readonly kind: 'section'; readonly name: string }
  | { readonly kind: 'tagged'; readonly tag: string; readonly text: string }
  | ({ readonly kind: 'variable' } & Variable)
  | ({ readonly kind: 'partition-table' } & PartitionTable)
  | { readonly kind: 'image'; readonly path: string; readonly address: string; readonly length: string }
  | {
      readonly kind: 'firmware-blob';
      readonly name: string;
      readonly address: string;
      readonly length: string;
    }
  | { readonly kind: 'tables'; readonly tables: readonly string[] }
  | { readonly kind: 'octets'; readonly hex: string }
  /** Not of the form that its type has. */
  | { readonly kind: 'malformed'; readonly problem: string; readonly hex: string };

/** UAPI.7 "Linux TPM PCR Registry". */
const kernelImagePcr = 11;

/** Decodes an event's data. Never fails: data that is not of its type's form is `malformed`. */
export function eventDetail(event: BootEvent): EventDetail {
  const result = decode(() => readDetail(event));
  if (result.ok) return result.value;
  return { kind: 'malformed', problem: describeDecodeError(result.error), hex: readableHex(event.data) };
}

function readDetail({ index, pcr, type, data }: BootEvent): EventDetail {
  const reader = new Reader(data, `events[${index}].event`);
  switch (type) {
    case eventType.noAction:
      return readNoAction(data);
    case eventType.separator:
      return readSeparator(reader);
    case eventType.eventTag:
      return readTagged(reader);
    case eventType.crtmVersion:
      return readVersion(reader, data);
    case eventType.variableDriverConfig:
    case eventType.variableBoot:
    case eventType.variableBoot2:
      return { kind: 'variable', ...readVariable(reader, false) };
    case eventType.variableAuthority:
      return { kind: 'variable', ...readVariable(reader, true) };
    case eventType.bootServicesApplication:
    case eventType.bootServicesDriver:
    case eventType.runtimeServicesDriver:
      return readImage(reader);
    case eventType.gpt:
    case eventType.gpt2:
      return { kind: 'partition-table', ...readPartitionTable(reader) };
    case eventType.postCode:
    case eventType.crtmContents:
      return data.length === 16 ? readBlob(reader, '') : anyData(data);
    case eventType.firmwareBlob:
      return readBlob(reader, '');
    case eventType.firmwareBlob2:
    case eventType.postCode2:
      return readBlob(reader, readDescription(reader));
    case eventType.ipl:
      return readIpl(pcr, data);
    case eventType.handoffTables:
      return readTables(reader);
    case eventType.handoffTables2:
      readDescription(reader);
      return readTables(reader);
    default:
      return anyData(data);
  }
}

function anyData(data: Uint8Array): EventDetail {
  const text = guessText(data);
  return text === undefined
    ? { kind: 'octets', hex: readableHex(data) }
    : { kind: 'text', text: readableText(text) };
}

/** What loaders say of what they measured: text, and in the PCR of unified kernel images the names of sections. */
function readIpl(pcr: number, data: Uint8Array): EventDetail {
  const text = guessText(data);
  if (pcr === kernelImagePcr && text !== undefined && /^\.[a-z]{1,7}$/.test(text))
    return { kind: 'section', name: text };
  return anyData(data);
}

function readNoAction(data: Uint8Array): EventDetail {
  if (startsWith(data, 'Spec ID Event'))
    return { kind: 'log-header', specification: readableText(latin1Text(data.subarray(0, 15))) };
  if (startsWith(data, 'StartupLocality\0')) return { kind: 'startup-locality', locality: data[16] ?? 0 };
  return anyData(data);
}

/** §10.4.1: 0 or 0xffffffff at the end of what the firmware measures, 1 where something went wrong before. */
function readSeparator(reader: Reader): EventDetail {
  const value = reader.u32le('separator');
  reader.end();
  if (value === 0 || value === 0xffff_ffff) return { kind: 'separator', meaning: 'end-of-firmware' };
  if (value === 1) return { kind: 'separator', meaning: 'error' };
  return reader.fail(`the value ${value}`, 'separator', 0);
}

/** TCG_PCClientTaggedEvent (§10.2.7): systemd-boot and Linux's EFI stub name so what they measured. */
const tags: ReadonlyMap<number, string> = new Map([
  [0xf5bc_582a, 'systemd-boot: loader.conf'],
  [0x8f3b_22ed, 'Linux: load options'],
  [0x8f3b_22ec, 'Linux: initrd'],
]);

function readTagged(reader: Reader): EventDetail {
  const tag = reader.u32le('taggedEventID');
  const data = reader.bytes(reader.u32le('taggedEventDataSize'), 'taggedEventData');
  const text = readableText(guessText(data) ?? readableHex(data));
  return { kind: 'tagged', tag: tags.get(tag) ?? `0x${tag.toString(16).padStart(8, '0')}`, text };
}

/** A version is a UCS-2 string or a GUID (§3.3.4.1). */
function readVersion(reader: Reader, data: Uint8Array): EventDetail {
  const text = utf16Text(data);
  if (/^[\x20-\x7e]+$/.test(text)) return { kind: 'text', text: readableText(text) };
  if (data.length === 16) return { kind: 'text', text: readGuid(reader, 'version') };
  if (data.every((octet) => octet === 0)) return { kind: 'text', text: '' };
  return anyData(data);
}

/** UEFI_IMAGE_LOAD_EVENT (§10.2.3). */
function readImage(reader: Reader): EventDetail {
  const address = hex(reader.u64le('imageLocationInMemory'));
  const length = hex(reader.u64le('imageLengthInMemory'));
  reader.u64le('imageLinkTimeAddress');
  const pathLength = reader.u64le('lengthOfDevicePath');
  if (pathLength > BigInt(reader.remaining))
    reader.fail(`a path of ${pathLength} octets`, 'lengthOfDevicePath');
  const path = readDevicePath(reader.sub(Number(pathLength), 'devicePath'));
  return { kind: 'image', path, address, length };
}

/** UEFI_PLATFORM_FIRMWARE_BLOB (§10.2.4). */
function readBlob(reader: Reader, name: string): EventDetail {
  const address = hex(reader.u64le('blobBase'));
  return { kind: 'firmware-blob', name, address, length: hex(reader.u64le('blobLength')) };
}

function readDescription(reader: Reader): string {
  const octets = reader.bytes(reader.u8('descriptionSize'), 'description');
  return readableText(latin1Text(octets).replace(/\0+$/, ''));
}

/** UEFI_HANDOFF_TABLE_POINTERS (§10.2.2): the tables' kinds; where they lie says nothing. */
function readTables(reader: Reader): EventDetail {
  const count = reader.u64le('numberOfTables');
  if (count > BigInt(limits.listEntries)) reader.fail(`${count} tables`, 'numberOfTables');
  const tables = Array.from({ length: Number(count) }, (_, index) => {
    const guid = readGuid(reader, `table[${index}].vendorGuid`);
    reader.u64le(`table[${index}].vendorTable`);
    return guidName(guid) ?? guid;
  });
  return { kind: 'tables', tables };
}

const hex = (value: bigint) => `0x${value.toString(16)}`;

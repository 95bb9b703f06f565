import { Reader } from '../bytes/reader.ts';
import { readDevicePath } from './device-path.ts';
import { guidName, readGuid } from './guid.ts';
import { limits } from './limits.ts';
import { guessText, readableHex, readableText, utf16Text } from './readable-text.ts';
import { authoritySubject, readSignatureDatabase, type SignatureDatabase } from './signature-list.ts';

/** What a variable's value says, as far as its name tells what it is. */
export type VariableValue =
  | { readonly kind: 'absent' }
  /** SecureBoot, SetupMode and the like: one octet. */
  | { readonly kind: 'switch'; readonly on: boolean }
  | ({ readonly kind: 'signatures' } & SignatureDatabase)
  | { readonly kind: 'authority'; readonly subject: string }
  | { readonly kind: 'boot-order'; readonly entries: readonly string[] }
  | {
      readonly kind: 'boot-entry';
      readonly description: string;
      readonly active: boolean;
      readonly path: string;
    }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'octets'; readonly hex: string };

export type Variable = {
  readonly name: string;
  /** The vendor's GUID, and what it stands for where that is known. */
  readonly guid: string;
  readonly vendor: string | null;
  readonly value: VariableValue;
};

const switches = ['SecureBoot', 'SetupMode', 'AuditMode', 'DeployedMode', 'VendorKeys'];
const signatureDatabases = ['PK', 'KEK', 'db', 'dbx', 'dbt', 'dbr'];

/**
 * UEFI_VARIABLE_DATA (PC Client Platform Firmware Profile §10.2.6): whose variable, its name, its value.
 *
 * @param authority the value is the one entry that let an image start (EV_EFI_VARIABLE_AUTHORITY)
 */
export function readVariable(reader: Reader, authority: boolean): Variable {
  const guid = readGuid(reader, 'variableName');
  const nameLength = length(reader, 'unicodeNameLength');
  const valueLength = length(reader, 'variableDataLength');
  const name = readableText(utf16Text(reader.bytes(nameLength * 2, 'unicodeName')));
  const value = reader.sub(valueLength, 'variableData');
  return {
    name,
    guid,
    vendor: guidName(guid) ?? null,
    value: authority ? authorityValue(value.rest()) : readValue(name, value),
  };
}

function readValue(name: string, value: Reader): VariableValue {
  if (value.remaining === 0) return { kind: 'absent' };
  if (signatureDatabases.includes(name)) return { kind: 'signatures', ...readSignatureDatabase(value) };
  if (switches.includes(name) && value.remaining === 1)
    return { kind: 'switch', on: value.u8('value') === 1 };
  if (name === 'BootOrder' || name === 'DriverOrder') return readOrder(value);
  if (/^(Boot|Driver|SysPrep)[0-9A-F]{4}$/.test(name)) return readLoadOption(value);
  return anyValue(value.rest());
}

function authorityValue(octets: Uint8Array): VariableValue {
  const subject = authoritySubject(octets);
  return subject === undefined ? anyValue(octets) : { kind: 'authority', subject };
}

function anyValue(octets: Uint8Array): VariableValue {
  const text = guessText(octets);
  if (text !== undefined) return { kind: 'text', text: readableText(text) };
  return { kind: 'octets', hex: readableHex(octets) };
}

function readOrder(value: Reader): VariableValue {
  const entries: string[] = [];
  while (value.remaining > 0) {
    if (entries.length >= limits.listEntries) value.fail(`more than ${limits.listEntries} entries`);
    entries.push(`Boot${value.u16le('entry').toString(16).toUpperCase().padStart(4, '0')}`);
  }
  return { kind: 'boot-order', entries };
}

/** EFI_LOAD_OPTION (UEFI 2.10 §3.1.3). */
function readLoadOption(value: Reader): VariableValue {
  const attributes = value.u32le('attributes');
  const pathLength = value.u16le('filePathListLength');
  const rest = value.rest();
  const description = utf16Text(rest);
  const path = rest.subarray(description.length * 2 + 2);
  const pathReader = new Reader(path, 'loadOption').sub(pathLength, 'filePathList');
  return {
    kind: 'boot-entry',
    description: readableText(description),
    active: (attributes & 1) === 1,
    path: readDevicePath(pathReader),
  };
}

/** A UINT64 that counts what is in the log, and so is far below what a number holds. */
function length(reader: Reader, field: string): number {
  const value = reader.u64le(field);
  if (value > BigInt(limits.logSize)) reader.fail(`a length of ${value}`, field);
  return Number(value);
}

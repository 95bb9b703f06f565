import { toHex } from '../bytes/bytes.ts';
import type { Reader } from '../bytes/reader.ts';

/** A GUID as text: its first three fields are little-endian (UEFI 2.10 appendix A). */
export function readGuid(reader: Reader, field: string): string {
  const octets = reader.bytes(16, field);
  const group = (...indexes: number[]) => toHex(Uint8Array.from(indexes, (index) => octets[index] ?? 0));
  return [group(3, 2, 1, 0), group(5, 4), group(7, 6), group(8, 9), group(10, 11, 12, 13, 14, 15)].join('-');
}

/** What GUIDs stand for that are met in event logs: of variables (UEFI 2.10 §3.3, §32.4), partitions, tables. */
const names: ReadonlyMap<string, string> = new Map([
  ['8be4df61-93ca-11d2-aa0d-00e098032b8c', 'UEFI global variables'],
  ['d719b2cb-3d3a-4596-a3bc-dad00e67656f', 'image security database'],
  ['77fa9abd-0359-4d32-bd60-28f4e78f784b', 'Microsoft'],
  ['605dab50-e046-4300-abb6-3dd810dd8b23', 'shim'],
  ['4a67b082-0a4c-41cf-b6c7-440b29bb8c4f', 'systemd-boot'],
  ['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', 'EFI system partition'],
  ['0fc63daf-8483-4772-8e79-3d69d8477de4', 'Linux data'],
  ['4f68bce3-e8cd-4db1-96e7-fbcaf984b709', 'Linux root (x86-64)'],
  ['b921b045-1df0-41c3-af44-4c6f280d3fae', 'Linux root (arm64)'],
  ['2c7357ed-ebd2-46d9-aec1-23d437ec2bf5', 'Linux root verity (x86-64)'],
  ['0657fd6d-a4ab-43c4-84e5-0933c84b4f4f', 'Linux swap'],
  ['e6d6d379-f507-44c2-a23c-238f2a3df928', 'Linux LVM'],
  ['21686148-6449-6e6f-744e-656564454649', 'BIOS boot'],
  ['ebd0a0a2-b9e5-4433-87c0-68b6b72699c7', 'Microsoft basic data'],
  ['e3c9e316-0b5c-4db8-817d-f92df00215ae', 'Microsoft reserved'],
  ['fe3a2a5d-4f32-41a7-b725-accc3285a309', 'ChromeOS kernel'],
  ['3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec', 'ChromeOS root'],
  ['8868e871-e4f1-11d3-bc22-0080c73c8881', 'ACPI 2.0 tables'],
  ['eb9d2d30-2d88-11d3-9a16-0090273fc14d', 'ACPI 1.0 tables'],
  ['eb9d2d31-2d88-11d3-9a16-0090273fc14d', 'SMBIOS tables'],
  ['f2fd1544-9794-4a2c-992e-e5bbcf20e394', 'SMBIOS 3 tables'],
]);

export function guidName(guid: string): string | undefined {
  return names.get(guid);
}

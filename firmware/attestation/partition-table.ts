import type { Reader } from '../bytes/reader.ts';
import { guidName, readGuid } from './guid.ts';
import { limits } from './limits.ts';
import { readableText, utf16Text } from './readable-text.ts';

export type PartitionTable = {
  readonly diskGuid: string;
  readonly partitions: readonly {
    readonly name: string;
    /** What the type's GUID stands for, or the GUID. */
    readonly type: string;
    readonly guid: string;
    readonly firstBlock: string;
    readonly lastBlock: string;
  }[];
};

const entrySize = 128;

/**
 * UEFI_GPT_DATA (PC Client Platform Firmware Profile §10.2.5): the header of the GUID partition table (UEFI 2.10 §5.3.2)
 * and the entries that are in use. Block numbers have 64 bits and are decimal text.
 */
export function readPartitionTable(reader: Reader): PartitionTable {
  const header = reader.sub(92, 'header');
  header.bytes(56, 'beforeDiskGuid');
  const diskGuid = readGuid(header, 'diskGuid');
  header.bytes(12, 'beforeEntrySize');
  const size = header.u32le('sizeOfPartitionEntry');
  if (size < entrySize) reader.fail(`partition entries of ${size} octets`, 'header.sizeOfPartitionEntry');
  const count = reader.u64le('numberOfPartitions');
  if (count > BigInt(limits.partitions)) reader.fail(`${count} partitions`, 'numberOfPartitions');
  const partitions = Array.from({ length: Number(count) }, (_, index) => {
    const entry = reader.sub(size, `partition[${index}]`);
    const type = readGuid(entry, 'type');
    const guid = readGuid(entry, 'guid');
    const firstBlock = entry.u64le('firstBlock').toString();
    const lastBlock = entry.u64le('lastBlock').toString();
    entry.u64le('attributes');
    const name = readableText(utf16Text(entry.bytes(72, 'name')));
    return { name, type: guidName(type) ?? type, guid, firstBlock, lastBlock };
  });
  return { diskGuid, partitions };
}

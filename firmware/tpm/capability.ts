import type { Reader } from '../bytes/reader.ts';
import { capability } from './constants.ts';
import { limits } from './limits.ts';
import { type PcrSelection, readPcrSelections } from './pcr-selection.ts';
import { readCount } from './sized.ts';

/** TPMS_TAGGED_PROPERTY, Part 2, section 10.8.2: a TPM_PT and its value. */
export type TaggedProperty = { readonly property: number; readonly value: number };

/** What GetCapability answers: one page, and whether there is more behind it. */
export type CapabilityPage<Value> = { readonly moreData: boolean; readonly values: readonly Value[] };

/** TPML_TAGGED_TPM_PROPERTY, section 10.9.8. */
export function readProperties(reader: Reader): CapabilityPage<TaggedProperty> {
  return readPage(reader, capability.tpmProperties, () => {
    const count = readCount(reader, limits.properties, 'tpmProperties');
    return Array.from({ length: count }, (_, index) => ({
      property: reader.u32(`tpmProperties[${index}].property`),
      value: reader.u32(`tpmProperties[${index}].value`),
    }));
  });
}

/** TPML_HANDLE, section 10.9.3. */
export function readHandles(reader: Reader): CapabilityPage<number> {
  return readPage(reader, capability.handles, () => {
    const count = readCount(reader, limits.handles, 'handles');
    return Array.from({ length: count }, (_, index) => reader.u32(`handles[${index}]`));
  });
}

/** The PCR banks that are allocated; a bank may be there with no PCR in it. */
export function readPcrBanks(reader: Reader): CapabilityPage<PcrSelection> {
  return readPage(reader, capability.pcrs, () => readPcrSelections(reader, 'assignedPcr'));
}

/** TPMS_CAPABILITY_DATA, section 10.10.2. */
function readPage<Value>(reader: Reader, asked: number, readValues: () => Value[]): CapabilityPage<Value> {
  const more = reader.u8('moreData');
  if (more > 1) reader.fail(`${more} is neither YES nor NO`, 'moreData', reader.offset - 1);
  const answered = reader.u32('capability');
  if (answered !== asked) {
    reader.fail(
      `0x${answered.toString(16)}, asked for 0x${asked.toString(16)}`,
      'capability',
      reader.offset - 4,
    );
  }
  return { moreData: more === 1, values: readValues() };
}

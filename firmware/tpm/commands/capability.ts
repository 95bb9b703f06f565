import type { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import {
  type CapabilityPage,
  readHandles,
  readPcrBanks,
  readProperties,
  type TaggedProperty,
} from '../capability.ts';
import { capability, commandCode } from '../constants.ts';
import type { Command } from '../frame.ts';
import { limits } from '../limits.ts';
import type { PcrSelection } from '../pcr-selection.ts';
import { plain } from './plain.ts';

/** Part 3, section 30.2, TPM_CAP_TPM_PROPERTIES from TPM_PT `first` on. */
export function getProperties(first: number, count: number): Command<CapabilityPage<TaggedProperty>> {
  return getCapability(capability.tpmProperties, first, Math.min(count, limits.properties), readProperties);
}

/** Part 3, section 30.2, TPM_CAP_HANDLES: the handles in use from `first` on, of the range that `first` is in. */
export function getHandles(first: number, count: number): Command<CapabilityPage<number>> {
  return getCapability(capability.handles, first, Math.min(count, limits.handles), readHandles);
}

/** Part 3, section 30.2, TPM_CAP_PCRS. */
export function getPcrBanks(): Command<CapabilityPage<PcrSelection>> {
  return getCapability(capability.pcrs, 0, limits.pcrBanks, readPcrBanks);
}

function getCapability<Value>(
  asked: number,
  first: number,
  count: number,
  read: (reader: Reader) => CapabilityPage<Value>,
): Command<CapabilityPage<Value>> {
  const parameters = new Writer().u32(asked).u32(first).u32(count).finish();
  return { ...plain, name: 'TPM2_GetCapability', code: commandCode.getCapability, parameters, read };
}

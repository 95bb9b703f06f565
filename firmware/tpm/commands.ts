import type { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { parseQuote, type QuoteAttest } from './attest.ts';
import {
  type CapabilityPage,
  readHandles,
  readPcrBanks,
  readProperties,
  type TaggedProperty,
} from './capability.ts';
import { algorithm, capability, commandCode, hashById, startupType, structureTag } from './constants.ts';
import { type Command, emptyPassword, type PasswordSession } from './frame.ts';
import { limits } from './limits.ts';
import { type PcrSelection, readPcrSelections, writePcrSelections } from './pcr-selection.ts';
import { encodePublicArea, type PublicArea, readPublicArea } from './public-area.ts';
import { readSignature, type Signature } from './signature.ts';
import { readCount, readSized, readSizedWith, writeSized, writeSizedWith } from './sized.ts';

/** What most commands have in common: no handles, no authorization, no handle in the answer. */
const plain = { handles: [], sessions: [], answersHandle: false } as const;

const readNothing = () => undefined;

/** Part 3, section 9.3. Firmware does this at boot; a second one is refused with TPM_RC_INITIALIZE. */
export function startup(type: keyof typeof startupType): Command<undefined> {
  const parameters = new Writer().u16(startupType[type]).finish();
  return { ...plain, name: 'TPM2_Startup', code: commandCode.startup, parameters, read: readNothing };
}

/** Part 3, section 10.2. `full` tests everything again, else only what was not tested yet. */
export function selfTest(full: boolean): Command<undefined> {
  const parameters = new Writer().u8(full ? 1 : 0).finish();
  return { ...plain, name: 'TPM2_SelfTest', code: commandCode.selfTest, parameters, read: readNothing };
}

/** Part 3, section 16.1. The answer may be shorter than asked for: at most the TPM's largest digest. */
export function getRandom(octets: number): Command<Uint8Array> {
  return {
    ...plain,
    name: 'TPM2_GetRandom',
    code: commandCode.getRandom,
    parameters: new Writer().u16(octets).finish(),
    read: (reader) => readSized(reader, Math.min(octets, limits.digestSize), 'randomBytes').slice(),
  };
}

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

/** PCRs as one PCR_Read gave them: at most eight, so `selections` may name fewer than were asked for. */
export type PcrReading = {
  /** Counts every change of any PCR; two readings with the same count belong together. */
  readonly updateCounter: number;
  readonly selections: readonly PcrSelection[];
  /** In the order of `selections` and ascending within each. */
  readonly digests: readonly Uint8Array[];
};

/** Part 3, section 22.4. */
export function pcrRead(selections: readonly PcrSelection[]): Command<PcrReading> {
  return {
    ...plain,
    name: 'TPM2_PCR_Read',
    code: commandCode.pcrRead,
    parameters: writePcrSelections(new Writer(), selections).finish(),
    read: readPcrReading,
  };
}

/** One bank's digest that a PCR is extended with: TPMT_HA, Part 2, section 10.3.2. */
export type BankDigest = { readonly hash: number; readonly digest: Uint8Array };

/** Part 3, section 22.2: each bank that `digests` names gets its own digest; the other banks stay as they are. */
export function pcrExtend(index: number, digests: readonly BankDigest[]): Command<undefined> {
  const parameters = new Writer().u32(digests.length);
  for (const { hash, digest } of digests) {
    if (hashById(hash)?.digestSize !== digest.length)
      throw new RangeError(`${digest.length} octets are no such digest`);
    parameters.u16(hash).bytes(digest);
  }
  return {
    ...plain,
    name: 'TPM2_PCR_Extend',
    code: commandCode.pcrExtend,
    handles: [index],
    sessions: [emptyPassword],
    parameters: parameters.finish(),
    read: readNothing,
  };
}

/** A key that the TPM has just made. */
export type CreatedPrimary = {
  /** Transient: whoever asked flushes it. */
  readonly handle: number;
  readonly publicArea: PublicArea;
  readonly name: Uint8Array;
};

/**
 * Part 3, section 24.1: a key derived from the hierarchy's seed and the template, the same at each call until the TPM is
 * cleared. The new key's authorization and the hierarchy's are empty passwords unless given.
 */
export function createPrimary(
  hierarchyHandle: number,
  template: PublicArea,
  {
    keyAuth = emptyPassword,
    hierarchyAuth = emptyPassword,
  }: { readonly keyAuth?: PasswordSession; readonly hierarchyAuth?: PasswordSession } = {},
): Command<CreatedPrimary> {
  const parameters = new Writer();
  const noData = new Uint8Array();
  // TPM2B_SENSITIVE_CREATE, TPM2B_PUBLIC, outsideInfo, creationPCR.
  writeSizedWith(parameters, (sensitive) => writeSized(writeSized(sensitive, keyAuth.password), noData));
  writeSized(parameters, encodePublicArea(template));
  writePcrSelections(writeSized(parameters, noData), []);
  return {
    name: 'TPM2_CreatePrimary',
    code: commandCode.createPrimary,
    handles: [hierarchyHandle],
    sessions: [hierarchyAuth],
    parameters: parameters.finish(),
    answersHandle: true,
    read: readCreatedPrimary,
  };
}

/** `qualifiedName` also names the hierarchy and the parents that the object is below (Part 1, section 16). */
export type ObjectPublic = {
  readonly publicArea: PublicArea;
  readonly name: Uint8Array;
  readonly qualifiedName: Uint8Array;
};

/** Part 3, section 12.4. */
export function readPublic(handle: number): Command<ObjectPublic> {
  return {
    ...plain,
    name: 'TPM2_ReadPublic',
    code: commandCode.readPublic,
    handles: [handle],
    parameters: new Uint8Array(),
    read: (reader) => {
      const publicArea = readSizedWith(reader, limits.frameSize, 'outPublic', readPublicArea);
      const name = readSized(reader, limits.nameSize, 'name').slice();
      const qualifiedName = readSized(reader, limits.nameSize, 'qualifiedName').slice();
      return { publicArea, name, qualifiedName };
    },
  };
}

/** A quote with its signature over `attest.raw`. */
export type SignedQuote = { readonly attest: QuoteAttest; readonly signature: Signature };

/** Part 3, section 18.4. `qualifyingData` is at most 66 octets; the key signs with the scheme that it was made with. */
export function quote(
  keyHandle: number,
  qualifyingData: Uint8Array,
  selections: readonly PcrSelection[],
  keyAuth: PasswordSession = emptyPassword,
): Command<SignedQuote> {
  if (qualifyingData.length > limits.qualifyingData) {
    throw new RangeError(
      `${qualifyingData.length} octets of qualifying data, at most ${limits.qualifyingData} are taken`,
    );
  }
  const parameters = writeSized(new Writer(), qualifyingData).u16(algorithm.null);
  return {
    ...plain,
    name: 'TPM2_Quote',
    code: commandCode.quote,
    handles: [keyHandle],
    sessions: [keyAuth],
    parameters: writePcrSelections(parameters, selections).finish(),
    read: readSignedQuote,
  };
}

/** Part 3, section 28.4. The handle is a parameter of this command, not in its handle area. */
export function flushContext(handle: number): Command<undefined> {
  const parameters = new Writer().u32(handle).finish();
  return {
    ...plain,
    name: 'TPM2_FlushContext',
    code: commandCode.flushContext,
    parameters,
    read: readNothing,
  };
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

function readPcrReading(reader: Reader): PcrReading {
  const updateCounter = reader.u32('pcrUpdateCounter');
  const selections = readPcrSelections(reader, 'pcrSelectionOut');
  const count = readCount(reader, limits.digestsPerList, 'pcrValues');
  const digests = Array.from({ length: count }, (_, index) =>
    readSized(reader, limits.digestSize, `pcrValues[${index}]`).slice(),
  );
  const selected = selections.reduce((sum, { indexes }) => sum + indexes.length, 0);
  if (selected !== count) reader.fail(`${count} digests for ${selected} PCRs`, 'pcrValues');
  return { updateCounter, selections, digests };
}

function readCreatedPrimary(reader: Reader, handle: number): CreatedPrimary {
  const publicArea = readSizedWith(reader, limits.frameSize, 'outPublic', readPublicArea);
  readSized(reader, limits.frameSize, 'creationData');
  readSized(reader, limits.digestSize, 'creationHash');
  // TPMT_TK_CREATION, Part 2, section 10.7.3: only TPM2_CertifyCreation takes it, and it carries no secret.
  const tag = reader.u16('creationTicket.tag');
  if (tag !== structureTag.creation) {
    reader.fail(`0x${tag.toString(16)} is not TPM_ST_CREATION`, 'creationTicket.tag', reader.offset - 2);
  }
  reader.u32('creationTicket.hierarchy');
  readSized(reader, limits.digestSize, 'creationTicket.digest');
  const name = readSized(reader, limits.nameSize, 'name').slice();
  return { handle, publicArea, name };
}

function readSignedQuote(reader: Reader): SignedQuote {
  const start = reader.offset + 2;
  const attest = parseQuote(readSized(reader, limits.frameSize, 'quoted'));
  if (!attest.ok) reader.fail(attest.error.problem, attest.error.path, start + attest.error.offset);
  return { attest: attest.value, signature: readSignature(reader) };
}

import type { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { type Authorization, emptyPassword, type PasswordSession } from '../authorization.ts';
import { commandCode, hierarchy, structureTag } from '../constants.ts';
import type { Command, Handle } from '../frame.ts';
import { limits } from '../limits.ts';
import { writePcrSelections } from '../pcr-selection.ts';
import { encodePublicArea, type PublicArea, readPublicArea } from '../public-area.ts';
import { readSized, readSizedWith, writeSized, writeSizedWith } from '../sized.ts';
import { readTicket } from '../ticket.ts';
import { plain, readNothing } from './plain.ts';

/** A key that the TPM has just made. */
export type CreatedPrimary = {
  /** Transient: whoever asked flushes it. */
  readonly handle: number;
  readonly publicArea: PublicArea;
  readonly name: Uint8Array;
};

/**
 * Part 3, section 24.1: a key derived from the hierarchy's seed and the template, the same at each call until the
 * hierarchy's seed is changed. The new key's authorization and the hierarchy's are empty passwords unless given.
 */
export function createPrimary(
  hierarchyHandle: number,
  template: PublicArea,
  {
    keyAuth = emptyPassword,
    hierarchyAuth = emptyPassword,
  }: { readonly keyAuth?: PasswordSession; readonly hierarchyAuth?: Authorization } = {},
): Command<CreatedPrimary> {
  return {
    name: 'TPM2_CreatePrimary',
    code: commandCode.createPrimary,
    handles: [hierarchyHandle],
    sessions: [hierarchyAuth],
    parameters: creationParameters(template, keyAuth.password, new Uint8Array()),
    answersHandle: true,
    read: (reader, handle) => {
      const publicArea = readCreation(reader);
      const name = readSized(reader, limits.nameSize, 'name').slice();
      return { handle, publicArea, name };
    },
  };
}

/** An object below a parent, as its creator keeps it: `privateArea` is encrypted by the parent. */
export type CreatedObject = { readonly privateArea: Uint8Array; readonly publicArea: PublicArea };

/** Part 3, section 12.1: a key, or with `sealed` data (at most 128 octets) that Unseal gives back. */
export function create(
  parent: Handle,
  template: PublicArea,
  {
    objectAuth = emptyPassword,
    sealed = new Uint8Array(),
    parentAuth = emptyPassword,
  }: {
    readonly objectAuth?: PasswordSession;
    readonly sealed?: Uint8Array;
    readonly parentAuth?: Authorization;
  } = {},
): Command<CreatedObject> {
  return {
    ...plain,
    name: 'TPM2_Create',
    code: commandCode.create,
    handles: [parent],
    sessions: [parentAuth],
    parameters: creationParameters(template, objectAuth.password, sealed),
    read: (reader) => {
      const privateArea = readSized(reader, limits.frameSize, 'outPrivate').slice();
      return { privateArea, publicArea: readCreation(reader) };
    },
  };
}

/** An object in the TPM's memory: whoever loaded it flushes it. */
export type LoadedObject = { readonly handle: number; readonly name: Uint8Array };

/** Part 3, section 12.2. */
export function load(
  parent: Handle,
  { privateArea, publicArea }: CreatedObject,
  parentAuth: Authorization = emptyPassword,
): Command<LoadedObject> {
  const parameters = writeSized(new Writer(), privateArea);
  return {
    name: 'TPM2_Load',
    code: commandCode.load,
    handles: [parent],
    sessions: [parentAuth],
    parameters: writeSized(parameters, encodePublicArea(publicArea)).finish(),
    answersHandle: true,
    read: readLoaded,
  };
}

/** Part 3, section 12.3, for a public key alone: to check signatures and, with a hierarchy, to get tickets for them. */
export function loadExternal(
  publicArea: PublicArea,
  inHierarchy: number = hierarchy.owner,
): Command<LoadedObject> {
  const parameters = writeSized(new Writer(), new Uint8Array());
  return {
    ...plain,
    name: 'TPM2_LoadExternal',
    code: commandCode.loadExternal,
    parameters: writeSized(parameters, encodePublicArea(publicArea)).u32(inHierarchy).finish(),
    answersHandle: true,
    read: readLoaded,
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

/** Part 3, section 12.7: the data of a sealed object. Send it protected: the answer is a secret. */
export function unseal(object: Handle, authorization: Authorization = emptyPassword): Command<Uint8Array> {
  return {
    ...plain,
    name: 'TPM2_Unseal',
    code: commandCode.unseal,
    handles: [object],
    sessions: [authorization],
    parameters: new Uint8Array(),
    read: (reader) => readSized(reader, limits.sealedData, 'outData').slice(),
  };
}

/**
 * Part 3, section 28.5: makes a transient object persistent at `persistentHandle`, or, with the persistent object
 * itself, removes it. Below 0x81800000 the owner authorizes.
 */
export function evictControl(
  object: Handle,
  persistentHandle: number,
  ownerAuth: Authorization = emptyPassword,
): Command<undefined> {
  return {
    ...plain,
    name: 'TPM2_EvictControl',
    code: commandCode.evictControl,
    handles: [hierarchy.owner, object],
    sessions: [ownerAuth],
    parameters: new Writer().u32(persistentHandle).finish(),
    read: readNothing,
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

/** TPM2B_SENSITIVE_CREATE, TPM2B_PUBLIC, outsideInfo, creationPCR. */
function creationParameters(template: PublicArea, password: Uint8Array, data: Uint8Array): Uint8Array {
  if (password.length > limits.authSize) throw new RangeError(`a password of ${password.length} octets`);
  if (data.length > limits.sealedData) throw new RangeError(`${data.length} octets to seal`);
  const parameters = new Writer();
  writeSizedWith(parameters, (sensitive) => writeSized(writeSized(sensitive, password), data));
  writeSized(parameters, encodePublicArea(template));
  return writePcrSelections(writeSized(parameters, new Uint8Array()), []).finish();
}

/** outPublic, creationData, creationHash and the ticket, which only TPM2_CertifyCreation takes. */
function readCreation(reader: Reader): PublicArea {
  const publicArea = readSizedWith(reader, limits.frameSize, 'outPublic', readPublicArea);
  readSized(reader, limits.frameSize, 'creationData');
  readSized(reader, limits.digestSize, 'creationHash');
  readTicket(reader, structureTag.creation, 'creationTicket');
  return publicArea;
}

function readLoaded(reader: Reader, handle: number): LoadedObject {
  return { handle, name: readSized(reader, limits.nameSize, 'name').slice() };
}

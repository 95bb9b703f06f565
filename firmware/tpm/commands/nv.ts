import { Writer } from '../../bytes/writer.ts';
import { type Authorization, emptyPassword, type PasswordSession } from '../authorization.ts';
import { commandCode, hierarchy } from '../constants.ts';
import type { Command, Handle } from '../frame.ts';
import { limits } from '../limits.ts';
import { readSized, readSizedWith, writeSized, writeSizedWith } from '../sized.ts';
import { plain, readNothing } from './plain.ts';

/** TPMS_NV_PUBLIC, Part 2, section 13.5. `attributes` are TPMA_NV bits. */
export type NvPublic = {
  readonly index: number;
  readonly nameAlgorithm: number;
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  readonly dataSize: number;
};

/** Part 3, section 31.6. */
export function nvReadPublic(
  index: number,
): Command<{ readonly publicArea: NvPublic; readonly name: Uint8Array }> {
  return {
    ...plain,
    name: 'TPM2_NV_ReadPublic',
    code: commandCode.nvReadPublic,
    handles: [index],
    parameters: new Uint8Array(),
    read: (reader) => {
      const publicArea = readSizedWith(reader, limits.frameSize, 'nvPublic', (inner) => ({
        index: inner.u32('nvIndex'),
        nameAlgorithm: inner.u16('nameAlg'),
        attributes: inner.u32('attributes'),
        authPolicy: readSized(inner, limits.digestSize, 'authPolicy').slice(),
        dataSize: inner.u16('dataSize'),
      }));
      return { publicArea, name: readSized(reader, limits.nameSize, 'nvName').slice() };
    },
  };
}

/** Part 3, section 31.13. `authHandle` is the index itself, or a hierarchy whose attribute allows the reading. */
export function nvRead(
  authHandle: Handle,
  index: Handle,
  { size, offset }: { readonly size: number; readonly offset: number },
  authorization: Authorization = emptyPassword,
): Command<Uint8Array> {
  return {
    ...plain,
    name: 'TPM2_NV_Read',
    code: commandCode.nvRead,
    handles: [authHandle, index],
    sessions: [authorization],
    parameters: new Writer().u16(size).u16(offset).finish(),
    read: (reader) => readSized(reader, size, 'data').slice(),
  };
}

/** Part 3, section 31.3, by the owner. */
export function nvDefineSpace(
  { index, nameAlgorithm, attributes, authPolicy, dataSize }: NvPublic,
  indexAuth: PasswordSession = emptyPassword,
  ownerAuth: Authorization = emptyPassword,
): Command<undefined> {
  const parameters = writeSized(new Writer(), indexAuth.password);
  writeSizedWith(parameters, (area) =>
    writeSized(area.u32(index).u16(nameAlgorithm).u32(attributes), authPolicy).u16(dataSize),
  );
  return {
    ...plain,
    name: 'TPM2_NV_DefineSpace',
    code: commandCode.nvDefineSpace,
    handles: [hierarchy.owner],
    sessions: [ownerAuth],
    parameters: parameters.finish(),
    read: readNothing,
  };
}

/** Part 3, section 31.4, by the owner. */
export function nvUndefineSpace(index: Handle, ownerAuth: Authorization = emptyPassword): Command<undefined> {
  return {
    ...plain,
    name: 'TPM2_NV_UndefineSpace',
    code: commandCode.nvUndefineSpace,
    handles: [hierarchy.owner, index],
    sessions: [ownerAuth],
    parameters: new Uint8Array(),
    read: readNothing,
  };
}

/** Part 3, section 31.7: at most 512 octets at once. */
export function nvWrite(
  authHandle: Handle,
  index: Handle,
  data: Uint8Array,
  offset: number,
  authorization: Authorization = emptyPassword,
): Command<undefined> {
  if (data.length > limits.nvChunk) throw new RangeError(`${data.length} octets to write at once`);
  return {
    ...plain,
    name: 'TPM2_NV_Write',
    code: commandCode.nvWrite,
    handles: [authHandle, index],
    sessions: [authorization],
    parameters: writeSized(new Writer(), data).u16(offset).finish(),
    read: readNothing,
  };
}

import { Writer } from '../../bytes/writer.ts';
import { type ClockInfo, readClockInfo } from '../attest.ts';
import { type Authorization, emptyPassword } from '../authorization.ts';
import { commandCode, hierarchy, startupType } from '../constants.ts';
import type { Command } from '../frame.ts';
import { limits } from '../limits.ts';
import { readSized, writeSized } from '../sized.ts';
import { plain, readNothing } from './plain.ts';

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

/** TPMS_TIME_INFO, Part 2, section 10.11.6; `time` is milliseconds since the TPM was last powered on. */
export type TimeInfo = ClockInfo & { readonly time: bigint };

/** Part 3, section 29.1. */
export function readClock(): Command<TimeInfo> {
  return {
    ...plain,
    name: 'TPM2_ReadClock',
    code: commandCode.readClock,
    parameters: new Uint8Array(),
    read: (reader) => ({ time: reader.u64('time'), ...readClockInfo(reader) }),
  };
}

/** Part 3, section 24.6: gives the storage hierarchy a new seed, so that every key made in it is gone for ever. */
export function clear(
  authHandle: number = hierarchy.lockout,
  authorization: Authorization = emptyPassword,
): Command<undefined> {
  return {
    ...plain,
    name: 'TPM2_Clear',
    code: commandCode.clear,
    handles: [authHandle],
    sessions: [authorization],
    parameters: new Uint8Array(),
    read: readNothing,
  };
}

/** Part 3, section 24.8. Send it protected: the new value would cross the bus in the clear otherwise. */
export function hierarchyChangeAuth(
  authHandle: number,
  newAuth: Uint8Array,
  authorization: Authorization = emptyPassword,
): Command<undefined> {
  return {
    ...plain,
    name: 'TPM2_HierarchyChangeAuth',
    code: commandCode.hierarchyChangeAuth,
    handles: [authHandle],
    sessions: [authorization],
    parameters: writeSized(new Writer(), newAuth).finish(),
    read: readNothing,
  };
}

/** Part 3, section 25.2: forgets the failed authorizations, which ends a lockout. */
export function dictionaryAttackLockReset(authorization: Authorization = emptyPassword): Command<undefined> {
  return {
    ...plain,
    name: 'TPM2_DictionaryAttackLockReset',
    code: commandCode.dictionaryAttackLockReset,
    handles: [hierarchy.lockout],
    sessions: [authorization],
    parameters: new Uint8Array(),
    read: readNothing,
  };
}

import type { TpmError } from '../../tpm/error.ts';
import { adviceForTpmError } from '../tpm-status.ts';

/** Why the box has no identity that it can use, or what is wrong with the one that it has. */
export type IdentityProblem = {
  readonly code:
    | 'TPM_MISSING'
    | 'TPM_FAILED'
    | 'TPM_LOCKED'
    | 'TPM_CLEARED'
    | 'TPM_REPLACED'
    | 'TPM_KEY_FOREIGN'
    | 'IMAGE_NOT_RELEASED'
    | 'RELEASE_KEY_CHANGED'
    | 'SOFTWARE_REFUSED'
    | 'SOFTWARE_UNREADABLE'
    | 'IDENTITY_RECORD_UNREADABLE'
    | 'IDENTITY_NOT_KEPT';
  readonly message: string;
  readonly advice: string;
};

/** What a person does who gives an identity up. It is never done for them. */
const reEnrol = (hit: string | null) =>
  `To give the old identity up and make a new one: "hithe identity re-enrol --replaces ${hit ?? 'none'}", or a settings ` +
  `disc with identity.replaces; peers have to be told the new HIT.`;

export const identityProblems = {
  tpmMissing: (hit: string, reason: string): IdentityProblem => ({
    code: 'TPM_MISSING',
    message: `The identity ${hit} lives in a TPM, and none is found: ${reason}.`,
    advice: `Switch the TPM on in the firmware settings, or put it back. ${reEnrol(hit)}`,
  }),
  tpmUnusable: (hit: string | null, reason: string, advice: string): IdentityProblem => ({
    code: 'TPM_FAILED',
    message: `The TPM does not work, so there is no identity: ${reason}`,
    advice: `${advice} ${reEnrol(hit)}`,
  }),
  tpmFailed: (hit: string | null, error: TpmError): IdentityProblem => {
    const locked = error.responseCode?.name === 'TPM_RC_LOCKOUT';
    return {
      code: locked ? 'TPM_LOCKED' : 'TPM_FAILED',
      message: locked
        ? `The TPM is locked after too many wrong passwords: ${error.message}`
        : `The TPM refuses, so there is no identity: ${error.message}`,
      advice: locked
        ? 'Leave the box switched on until the TPM unlocks itself, which can take a day. The identity is kept.'
        : `${adviceForTpmError(error)} ${reEnrol(hit)}`,
    };
  },
  tpmCleared: (hit: string): IdentityProblem => ({
    code: 'TPM_CLEARED',
    message: `The TPM was cleared: the key of ${hit} is gone from it for ever.`,
    advice: reEnrol(hit),
  }),
  tpmReplaced: (hit: string): IdentityProblem => ({
    code: 'TPM_REPLACED',
    message: `This is another TPM than the one that holds the key of ${hit}: the TPM, the board or the disk was swapped.`,
    advice: `If nobody of yours did that, take the box out of service. Put the old TPM back. ${reEnrol(hit)}`,
  }),
  tpmKeyForeign: (hit: string | null): IdentityProblem => ({
    code: 'TPM_KEY_FOREIGN',
    message: 'The TPM holds a key where the identity belongs that this firmware did not make.',
    advice: `Find out which program made it. ${reEnrol(hit)}`,
  }),
  imageNotReleased: (hit: string | null, reason: string): IdentityProblem => ({
    code: 'IMAGE_NOT_RELEASED',
    message: `The TPM does not let this image use the identity: ${reason}.`,
    advice: `Start a released image: the other slot, or write one anew. ${reEnrol(hit)}`,
  }),
  releaseKeyChanged: (hit: string | null): IdentityProblem => ({
    code: 'RELEASE_KEY_CHANGED',
    message: 'The identity was made for images of another release key than the one that signed this image.',
    advice: `Start an image of the earlier key. ${reEnrol(hit)}`,
  }),
  softwareRefused: (hit: string | null, reason: string): IdentityProblem => ({
    code: 'SOFTWARE_REFUSED',
    message: `There is no identity, since ${reason} and the settings refuse a key that is a file.`,
    advice:
      'Switch a TPM on in the firmware settings, or allow it with identity.software = "allowed".'.concat(
        hit === null ? '' : ` ${hit} is kept.`,
      ),
  }),
  softwareUnreadable: (hit: string | null, reason: string): IdentityProblem => ({
    code: 'SOFTWARE_UNREADABLE',
    message: `The key of the identity cannot be used: ${reason}`,
    advice: `The key is left as it is. Restore the state partition. ${reEnrol(hit)}`,
  }),
  recordUnreadable: (): IdentityProblem => ({
    code: 'IDENTITY_RECORD_UNREADABLE',
    message:
      'What the box noted of its identity cannot be read, so it cannot tell whether this is the same one.',
    advice: `It is left as it is. Restore the state partition. ${reEnrol(null)}`,
  }),
  notKept: (reason: string): IdentityProblem => ({
    code: 'IDENTITY_NOT_KEPT',
    message: `A new identity was made and could not be written down: ${reason}`,
    advice: 'Check the disk; until then the box does not use the identity.',
  }),
};

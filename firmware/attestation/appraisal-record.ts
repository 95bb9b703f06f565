import { fromHex, toHex } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';
import { type JsonProblem, readJson } from './json-fields.ts';

/** PCRs that are the machine's own and change with its firmware, boot configuration and Secure Boot keys alone. */
export const machinePcrs = [0, 1, 2, 3, 7] as const;

/** What a verifier keeps of a box that passed: the next appraisal is held against it. */
export type AppraisalRecord = {
  readonly version: 1;
  readonly attestationKeyName: string;
  /** True where the attestation key was proven to be in a TPM of a vendor or root that the verifier named. */
  readonly proven: boolean;
  readonly hostKeyName: string;
  readonly nonce: string;
  /** Milliseconds, decimal. */
  readonly clock: string;
  readonly resetCount: number;
  readonly restartCount: number;
  /** Decimal. */
  readonly firmwareVersion: string;
  /** Of the machine's own PCRs, in hexadecimal, by index. */
  readonly machinePcrs: Readonly<Record<string, string>>;
  /** SHA-256 of the settings that were in force; null where the runtime told none. */
  readonly settings: string | null;
};

export function readAppraisalRecord(document: unknown): Result<AppraisalRecord, JsonProblem> {
  return readJson(document, 'record', (fields) => {
    if (fields.count('version') !== 1) fields.fail('version', 'is not 1');
    const own = fields.object('machinePcrs');
    return {
      version: 1,
      attestationKeyName: toHex(fields.octets('attestationKeyName', 66)),
      proven: fields.flag('proven'),
      hostKeyName: toHex(fields.octets('hostKeyName', 66)),
      nonce: toHex(fields.octets('nonce', 64)),
      clock: String(fields.u64('clock')),
      resetCount: fields.count('resetCount'),
      restartCount: fields.count('restartCount'),
      firmwareVersion: String(fields.u64('firmwareVersion')),
      machinePcrs: Object.fromEntries(machinePcrs.map((pcr) => [pcr, toHex(own.octets(String(pcr), 32))])),
      settings: fields.optional('settings', () => toHex(fields.octets('settings', 32))),
    };
  });
}

/** A nonce as text, or undefined where it is none: 8 to 64 octets in hexadecimal. */
export function readNonce(text: string): Uint8Array | undefined {
  const octets = fromHex(text);
  return octets !== undefined && octets.length >= 8 && octets.length <= 64 ? octets : undefined;
}

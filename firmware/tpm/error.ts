import type { DecodeError, Result } from '../bytes/decode.ts';
import { describeDecodeError } from '../bytes/decode.ts';
import { decodeResponseCode, describeResponseCode, type ResponseCode } from './response-code.ts';

/**
 * - `TRANSPORT`: the command could not be sent or no answer came; `cause` has the reason.
 * - `MALFORMED`: the answer is not what the specification allows.
 * - `REFUSED`: the TPM answered with an error; `responseCode` has it.
 * - `UNTRUSTED`: the answer's HMAC is not the TPM's: something between here and there changed it.
 * - `BUSY`: the TPM kept asking for a retry until the limit; `responseCode` has the last answer.
 * - `UNAVAILABLE`: the TPM has no such PCR, bank or key.
 * - `UNSTABLE`: PCRs went on changing while they were read.
 */
export type TpmErrorCode =
  | 'TRANSPORT'
  | 'MALFORMED'
  | 'REFUSED'
  | 'UNTRUSTED'
  | 'BUSY'
  | 'UNAVAILABLE'
  | 'UNSTABLE';

/** Returned, not thrown: `TpmResult` carries it. */
export class TpmError extends Error {
  override readonly name = 'TpmError';
  readonly code: TpmErrorCode;
  /** The command's name as the specification writes it, such as `TPM2_Quote`. */
  readonly command: string;
  readonly responseCode: ResponseCode | undefined;

  constructor(
    code: TpmErrorCode,
    command: string,
    problem: string,
    { responseCode, cause }: { readonly responseCode?: ResponseCode; readonly cause?: unknown } = {},
  ) {
    super(`${command}: ${problem}`, cause === undefined ? {} : { cause });
    this.code = code;
    this.command = command;
    this.responseCode = responseCode;
  }
}

export type TpmResult<Value> = Result<Value, TpmError>;

export function malformed(command: string, error: DecodeError): TpmError {
  return new TpmError('MALFORMED', command, `malformed response: ${describeDecodeError(error)}`);
}

export function refused(command: string, value: number): TpmError {
  const responseCode = decodeResponseCode(value);
  return new TpmError('REFUSED', command, describeResponseCode(responseCode), { responseCode });
}

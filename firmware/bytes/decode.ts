/** What was wrong with received bytes: the field's path, the offset from the start of the outermost input, and why. */
export type DecodeError = { readonly path: string; readonly offset: number; readonly problem: string };

export type Result<Value, Problem = DecodeError> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Problem };

/** Thrown by `Reader` inside a decoder and turned into a returned `DecodeError` by `decode`; it crosses no room. */
export class DecodeFailure extends Error {
  override readonly name = 'DecodeFailure';
  readonly code = 'DECODE';
  readonly detail: DecodeError;

  constructor(detail: DecodeError) {
    super(`${detail.path} at offset ${detail.offset}: ${detail.problem}`);
    this.detail = detail;
  }
}

/** Runs a decoder that reads with `Reader` and returns its failure as a value. Any other exception is a defect and passes through. */
export function decode<Value>(decoder: () => Value): Result<Value> {
  try {
    return { ok: true, value: decoder() };
  } catch (error) {
    if (error instanceof DecodeFailure) return { ok: false, error: error.detail };
    throw error;
  }
}

/** One line for a log or the command line. */
export function describeDecodeError(error: DecodeError): string {
  return `${error.path} at offset ${error.offset}: ${error.problem}`;
}

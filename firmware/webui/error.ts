export type WebUiErrorCode = 'certificate-not-made';

/** What goes wrong on the box itself; a bad request is an answer, never one of these. */
export class WebUiError extends Error {
  override readonly name = 'WebUiError';
  readonly code: WebUiErrorCode;

  constructor(code: WebUiErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Any thrown value, in words for a log line. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

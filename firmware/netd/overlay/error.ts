export type OverlayErrorCode = 'bad-peer' | 'command-failed' | 'no-route' | 'sequence';

/** What kept the overlay from doing its job. What a peer does wrong is logged instead. */
export class OverlayError extends Error {
  override readonly name = 'OverlayError';
  readonly code: OverlayErrorCode;

  constructor(code: OverlayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same may work later without a change of settings. */
  get isRetryable(): boolean {
    return this.code !== 'bad-peer';
  }
}

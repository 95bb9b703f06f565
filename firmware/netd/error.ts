export type NetworkErrorCode = 'bad-address' | 'bad-interface-name';

/** What this room's callers did wrong. What the kernel, a server or a peer does wrong is a result, not an exception. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: NetworkErrorCode;

  constructor(code: NetworkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

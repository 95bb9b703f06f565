/** What went wrong in a build and what to do, in words for the person who runs it. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly code: 'mirror' | 'package' | 'lock' | 'tool' | 'content' | 'usage';

  constructor(code: BuildError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

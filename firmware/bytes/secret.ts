const redacted = '[secret]';

/**
 * Bytes that must not reach a log, a status document or an error message: every ordinary way to print one shows
 * `[secret]`. Disposing overwrites this copy; copies that the runtime or a library made are beyond its reach.
 */
export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves, not a copy. The name is meant to stand out where it is called. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }

  [Symbol.dispose](): void {
    this.#bytes.fill(0);
  }
}

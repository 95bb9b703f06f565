import { DecodeFailure } from './decode.ts';

/**
 * Reads fields from bytes, big-endian unless the method's name ends in `le`, never past their end. Every read names its
 * field, so that a failure carries the field's path and its offset from the start of the outermost input. Byte fields
 * are views, not copies: a caller that keeps one beyond the datagram's life copies it with `slice()`.
 */
export class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #path: string;
  readonly #base: number;
  #offset = 0;

  /** `path` names the structure that is read; `base` is the offset of `bytes` in the outermost input. */
  constructor(bytes: Uint8Array, path = '', base = 0) {
    // Node's Buffer is a Uint8Array whose slice() copies nothing: views handed out are plain ones, so that slice() copies.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
    this.#base = base;
  }

  /** Octets read so far from this reader's start. */
  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(1, field));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#take(2, field));
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#take(4, field));
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#take(8, field));
  }

  /** Little-endian, as UEFI and the logs that the TCG defines write numbers. */
  u16le(field: string): number {
    return this.#view.getUint16(this.#take(2, field), true);
  }

  u32le(field: string): number {
    return this.#view.getUint32(this.#take(4, field), true);
  }

  u64le(field: string): bigint {
    return this.#view.getBigUint64(this.#take(8, field), true);
  }

  /** A view of the next `length` octets. */
  bytes(length: number, field: string): Uint8Array {
    const start = this.#take(length, field);
    return this.#bytes.subarray(start, start + length);
  }

  /** A view of everything that is left. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.remaining, 'rest'));
  }

  /** A reader over the next `length` octets, whose failures name `field` below this reader's path. */
  sub(length: number, field: string): Reader {
    const start = this.#take(length, field);
    return new Reader(this.#bytes.subarray(start, start + length), this.#join(field), this.#base + start);
  }

  /** Fails unless everything was read. */
  end(): void {
    if (this.remaining > 0) this.fail(`${this.remaining} octets too many`, 'end');
  }

  /** Ends the decoding with a failure at the current offset, or at `offset` from this reader's start. */
  fail(problem: string, field = '', offset = this.#offset): never {
    throw new DecodeFailure({ path: this.#join(field), offset: this.#base + offset, problem });
  }

  #take(length: number, field: string): number {
    if (length > this.remaining) this.fail(`needs ${length} octets, ${this.remaining} are left`, field);
    const start = this.#offset;
    this.#offset += length;
    return start;
  }

  #join(field: string): string {
    if (this.#path === '' || field === '') return this.#path + field;
    return `${this.#path}.${field}`;
  }
}

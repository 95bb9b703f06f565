import { fromHex } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';

/** What was wrong with a received JSON document, and at which of its members. */
export type JsonProblem = { readonly path: string; readonly problem: string };

/** Thrown by `JsonFields` and turned into a returned problem by `readJson`; it crosses no room. */
class JsonFailure extends Error {
  override readonly name = 'JsonFailure';
  readonly code = 'JSON';
  readonly detail: JsonProblem;

  constructor(detail: JsonProblem) {
    super(`${detail.path}: ${detail.problem}`);
    this.detail = detail;
  }
}

/** Reads a document that came from outside; its failure is a value. Any other exception is a defect and passes through. */
export function readJson<Value>(
  document: unknown,
  name: string,
  read: (fields: JsonFields) => Value,
): Result<Value, JsonProblem> {
  try {
    return { ok: true, value: read(new JsonFields(document, name)) };
  } catch (error) {
    if (error instanceof JsonFailure) return { ok: false, error: error.detail };
    throw error;
  }
}

/** The members of a JSON object. Those that nobody asks for are left alone: newer versions may have more. */
export class JsonFields {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new JsonFailure({ path, problem: 'is no object' });
    this.#members = { ...value };
    this.#path = path;
  }

  fail(name: string, problem: string): never {
    throw new JsonFailure({ path: `${this.#path}.${name}`, problem });
  }

  names(): string[] {
    return Object.keys(this.#members);
  }

  text(name: string, limit: number): string {
    const value = this.#members[name];
    if (typeof value !== 'string') return this.fail(name, 'is no text');
    if (value.length > limit) this.fail(name, `${value.length} characters, at most ${limit} are read`);
    return value;
  }

  /** Octets in hexadecimal. */
  octets(name: string, limit: number): Uint8Array {
    const octets = fromHex(this.text(name, limit * 2));
    return octets ?? this.fail(name, 'is not in hexadecimal');
  }

  flag(name: string): boolean {
    const value = this.#members[name];
    return typeof value === 'boolean' ? value : this.fail(name, 'is neither true nor false');
  }

  /** A whole number from 0 on. */
  count(name: string): number {
    const value = this.#members[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      return this.fail(name, 'is no whole number');
    return value;
  }

  /** A whole number of at most 64 bits, written as decimal text. */
  u64(name: string): bigint {
    const text = this.text(name, 20);
    return /^\d{1,20}$/.test(text) ? BigInt(text) : this.fail(name, 'is no number in decimal');
  }

  object(name: string): JsonFields {
    return new JsonFields(this.#members[name], `${this.#path}.${name}`);
  }

  list<Value>(name: string, limit: number, read: (fields: JsonFields) => Value): Value[] {
    const value = this.#members[name];
    if (!Array.isArray(value)) return this.fail(name, 'is no list');
    if (value.length > limit) this.fail(name, `${value.length} entries, at most ${limit} are read`);
    return value.map((entry: unknown, index) =>
      read(new JsonFields(entry, `${this.#path}.${name}[${index}]`)),
    );
  }

  /** A list of octets in hexadecimal. */
  octetList(name: string, limit: number, octetLimit: number): Uint8Array[] {
    const value = this.#members[name];
    if (!Array.isArray(value)) return this.fail(name, 'is no list');
    if (value.length > limit) this.fail(name, `${value.length} entries, at most ${limit} are read`);
    const entries = new JsonFields(Object.fromEntries(value.entries()), `${this.#path}.${name}`);
    return Array.from({ length: value.length }, (_, index) => entries.octets(String(index), octetLimit));
  }

  /** null where the member is null or missing. */
  optional<Value>(name: string, read: (fields: this) => Value): Value | null {
    return (this.#members[name] ?? null) === null ? null : read(this);
  }
}

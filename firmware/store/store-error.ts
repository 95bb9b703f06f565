import { describeSettingsProblem, type SettingsProblem } from './settings-problem.ts';

/**
 * - `CORRUPT`: the database contradicts itself, or is none.
 * - `FULL`: the state partition has no room.
 * - `UNAVAILABLE`: the database cannot be opened, read or written; `cause` says why.
 * - `INVALID`: the document is not one; `problems` say where.
 * - `UNKNOWN_REVISION`: no such revision is kept.
 */
export type StoreErrorCode = 'CORRUPT' | 'FULL' | 'UNAVAILABLE' | 'INVALID' | 'UNKNOWN_REVISION';

/** Returned, not thrown: `StoreResult` carries it. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly problems: readonly SettingsProblem[];

  constructor(
    code: StoreErrorCode,
    message: string,
    {
      problems = [],
      cause,
    }: { readonly problems?: readonly SettingsProblem[]; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.problems = problems;
  }
}

export type StoreResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: StoreError };

export function invalid(problems: readonly SettingsProblem[]): StoreError {
  return new StoreError('INVALID', problems.map(describeSettingsProblem).join('; '), { problems });
}

/** Sorts what SQLite throws by its result codes (sqlite.org/rescode.html), extended ones by their primary part. */
export function storeErrorOf(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const sqlite =
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(sqlite)) return new StoreError('CORRUPT', message, { cause });
  if (/^SQLITE_FULL/.test(sqlite)) return new StoreError('FULL', message, { cause });
  return new StoreError('UNAVAILABLE', message, { cause });
}

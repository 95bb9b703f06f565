import { type ParseArgsConfig, parseArgs } from 'node:util';

/** A command line that cannot be understood; the message says what is wrong, for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** parseArgs with positionals, whose complaint about unknown options becomes a `UsageError`. */
export function readArguments<T extends Options>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** A whole decimal number of an option, or a `UsageError` that names its range. */
export function readNumber(
  option: string,
  text: string,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= from && number <= to)) throw new UsageError(`${option} takes ${from} to ${to}`);
  return number;
}

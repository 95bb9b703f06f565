import { z } from 'zod';

/** A record of at most so many entries; `what` says in the plural what they are. */
export function boundedRecord<Key extends z.core.$ZodRecordKey, Value extends z.core.SomeType>(
  key: Key,
  value: Value,
  most: number,
  what: string,
) {
  return z
    .record(key, value)
    .refine((record) => Object.keys(record).length <= most, `at most ${most} ${what}`);
}

import type { TpmResult } from '../../firmware/tpm/error.ts';

/** The value of a result that has to be a success; throws its error otherwise. */
export function succeeded<Value>(result: TpmResult<Value>): Value {
  if (!result.ok) throw result.error;
  return result.value;
}

import { z } from 'zod';

const hex = z.string().regex(/^([0-9a-f]{2})+$/);

const software = z.strictObject({
  version: z.literal(1),
  keyStorage: z.literal('software'),
  hit: z.string(),
});
const inTpm = z.strictObject({
  version: z.literal(1),
  keyStorage: z.literal('tpm'),
  hit: z.string(),
  /** The name of the key in the TPM. */
  keyName: hex,
  /** The name of the TPM's attestation key, which follows from a seed that no clearing changes: it tells TPMs apart. */
  attestationKeyName: hex,
  /** What the key was derived with besides the TPM's own seed; null for a key that was found in the TPM. */
  unique: hex.nullable(),
});

/** A factory reset gave up whatever identity there was: a TPM may still hold its key, which is not to be found again. */
const givenUp = z.strictObject({ version: z.literal(1), keyStorage: z.literal('given-up') });

/** Which identity the box has had since it was made: what is found is held against it. No secret. */
const identityRecord = z.discriminatedUnion('keyStorage', [software, inTpm, givenUp]);
export type IdentityRecord = z.infer<typeof identityRecord>;
export type TpmIdentityRecord = z.infer<typeof inTpm>;

/** undefined for text that is no such record. */
export function parseIdentityRecord(text: string): IdentityRecord | undefined {
  try {
    return identityRecord.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function formatIdentityRecord(record: IdentityRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

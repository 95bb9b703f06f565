import { z } from 'zod';
import { limits } from './limits.ts';
import { type Parsed, problemOfWhole, problemsOf } from './settings-problem.ts';

/** What a backup says of itself, readable without its password. */
const made = z.strictObject({
  hostname: z.string().max(limits.labelLength),
  /** ISO 8601 in UTC. */
  time: z.string().max(limits.labelLength),
  /** Of the image that wrote it. */
  product: z.string().max(limits.labelLength),
  /** Of the settings; null where nothing was ever saved. */
  revision: z.int().min(1).nullable(),
});
export type BackupOrigin = z.infer<typeof made>;

const hexadecimal = (octets: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${octets * 2}}$`), `must be ${octets} octets in hexadecimal`);

/**
 * Settings under a password: AES-256-GCM (NIST SP 800-38D) with a key of scrypt (RFC 7914). How dear scrypt is goes with
 * the version, since a file that says so itself could ask for any time and memory.
 */
const sealed = z.strictObject({
  salt: hexadecimal(16),
  nonce: hexadecimal(12),
  /** What is encrypted and its tag of 16 octets, in base64. */
  content: z
    .string()
    .max(limits.sealedLength)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be base64'),
});
export type SealedSettings = z.infer<typeof sealed>;

const version = z.literal(1);
const open = z.strictObject({ hitheBackup: version, made, settings: z.looseObject({}) });
const closed = z.strictObject({ hitheBackup: version, made, sealed });

/** Settings with their secrets hidden, or all of them under a password. Never a private key of the box. */
export type BackupFile = z.infer<typeof open> | z.infer<typeof closed>;

/** Reads a document as a backup, from whoever it comes; the settings in it are checked when they are restored. */
export function parseBackup(document: unknown): Parsed<BackupFile> {
  if (typeof document !== 'object' || document === null || !('hitheBackup' in document))
    return problemOfWhole('this is no backup of a Hithe');
  if (document.hitheBackup !== 1)
    return problemOfWhole('this backup is of another version of Hithe than this box understands');
  const checked = ('sealed' in document ? closed : open).safeParse(document);
  return checked.success
    ? { ok: true, value: checked.data }
    : { ok: false, problems: problemsOf(checked.error) };
}

/** What the tag covers beside the content, so that nobody changes what a sealed backup says of itself. */
export function sealedHeader({ hostname, time, product, revision }: BackupOrigin): string {
  return JSON.stringify(['hitheBackup', 1, hostname, time, product, revision]);
}

import { limits } from './limits.ts';

/** What stands in the place of a secret. */
const redacted = '[secret]';

/** What a secret looks like where nobody knows its value; the first group is kept. */
const shapes: readonly RegExp[] = [
  /(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g,
  // Keys of security associations, as iproute2 prints them.
  /(\b(?:auth|auth-trunc|enc|aead)[ \t]+\S+[ \t]+)0x[0-9a-f]+/gi,
  /(\bhithe_)[A-Za-z0-9_-]{16,}/g,
  /(\bauthorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|digest)\s+)?)[^\s"']+/gi,
  /(\b(?:password|passwd|passphrase|psk|secret|token|pin|private_?key|key)=)\S+/gi,
  // The PIN of a SIM, as a modem is told it (3GPP TS 27.007 § 8.3).
  /(\bAT\+CPIN="?)\d{4,8}/gi,
  /("(?:password|passwd|passphrase|psk|secret|token|pin|privateKey|claimCode|salt)"\s*:\s*")(?:[^"\\]|\\.)*(?=")/gi,
];

/** Members of the box's own secret files that tell who or when, and stand in logs and status with good reason. */
const openMembers = /^(name|id|role|createdBy|hit|state|version|keyStorage|access|.*[aA]t)$/;

/**
 * The secrets in a file that holds some: the lines of private keys, the texts of JSON, or all of it.
 *
 * @param text of a file that the box keeps for itself alone
 */
export function secretsIn(text: string): string[] {
  const keys = [...text.matchAll(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----([\s\S]*?)-----END/g)];
  if (keys.length > 0) return keys.flatMap(([, lines = '']) => lines.split(/\s+/)).filter(isLongEnough);
  try {
    return textsOf(JSON.parse(text)).flatMap(withItsWords).filter(isLongEnough);
  } catch {
    return withItsWords(text.trim()).filter(isLongEnough);
  }
}

/** The texts that one document shows and the other, which hides secrets, does not. */
export function secretsBetween(shown: unknown, hidden: unknown): string[] {
  const open = new Set(textsOf(hidden));
  return textsOf(shown)
    .filter((text) => !open.has(text))
    .flatMap(withItsWords)
    .filter(isLongEnough);
}

/** `Bearer abc…`: the word alone is the secret too. */
const withItsWords = (text: string): string[] => [text, ...text.split(/\s+/)];
const isLongEnough = (text: string): boolean => text.length >= limits.knownSecretLength;

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  const members = Array.isArray(value)
    ? value.map((item: unknown) => ['', item] as const)
    : Object.entries(value);
  return members.flatMap(([name, member]) => (openMembers.test(name) ? [] : textsOf(member)));
}

export interface Redaction {
  /** The text without what is known to be secret and without what looks so. */
  text(text: string): string;
  /** Whether a secret that is known stands in these octets, which cannot be changed without being spoilt. */
  isIn(octets: Uint8Array): boolean;
}

/** @param known values of secrets, from `secretsIn` and `secretsBetween` */
export function createRedaction(known: Iterable<string>): Redaction {
  const written = new Set<string>();
  for (const secret of known) for (const form of formsOf(secret)) written.add(form);
  // Longest first: what is left of a long one must not hide behind a short one.
  const forms = [...written].sort((left, right) => right.length - left.length);
  return {
    text(text) {
      let open = text;
      for (const form of forms) open = open.replaceAll(form, redacted);
      for (const shape of shapes) open = open.replace(shape, `$1${redacted}`);
      return open;
    },
    isIn(octets) {
      const text = latin1(octets);
      return forms.some((form) => text.includes(form));
    },
  };
}

/** As a secret may stand in texts: as it is, in JSON, in an address, in base64, in hexadecimal. */
function formsOf(secret: string): string[] {
  const octets = new TextEncoder().encode(secret);
  const base64 = btoa(latin1(octets)).replaceAll('=', '');
  const hex = Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    base64,
    hex,
    latin1(octets),
  ];
}

function latin1(octets: Uint8Array): string {
  let text = '';
  for (let start = 0; start < octets.length; start += 8192)
    text += String.fromCharCode(...octets.subarray(start, start + 8192));
  return text;
}

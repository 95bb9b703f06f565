/**
 * Response codes, TPM 2.0 Part 2, section 6.6 (TPM_RC): format-zero codes name a condition of the whole command,
 * format-one codes also say which handle, session or parameter they mean.
 */

export type ResponseSubject = { readonly kind: 'handle' | 'session' | 'parameter'; readonly index: number };

export type ResponseCode = {
  readonly value: number;
  /** As the specification writes it (`TPM_RC_VALUE`), or `TPM_RC_0x…` for a code without a name. */
  readonly name: string;
  /** A warning (format zero, bit 11) may pass when the command is sent again; an error does not. */
  readonly severity: 'error' | 'warning';
  /** What a format-one code speaks of, counted from 1; undefined where the TPM does not say. */
  readonly subject: ResponseSubject | undefined;
  /** Who answered: the TPM, the kernel's resource manager in front of it, or another layer of a TSS stack. */
  readonly layer: 'tpm' | 'resource-manager' | 'other';
};

/** Section 6.6.3, RC_VER1 + n. */
const formatZeroErrors: Readonly<Record<number, string>> = {
  0: 'INITIALIZE',
  1: 'FAILURE',
  3: 'SEQUENCE',
  11: 'PRIVATE',
  25: 'HMAC',
  32: 'DISABLED',
  33: 'EXCLUSIVE',
  36: 'AUTH_TYPE',
  37: 'AUTH_MISSING',
  38: 'POLICY',
  39: 'PCR',
  40: 'PCR_CHANGED',
  45: 'UPGRADE',
  46: 'TOO_MANY_CONTEXTS',
  47: 'AUTH_UNAVAILABLE',
  48: 'REBOOT',
  49: 'UNBALANCED',
  66: 'COMMAND_SIZE',
  67: 'COMMAND_CODE',
  68: 'AUTHSIZE',
  69: 'AUTH_CONTEXT',
  70: 'NV_RANGE',
  71: 'NV_SIZE',
  72: 'NV_LOCKED',
  73: 'NV_AUTHORIZATION',
  74: 'NV_UNINITIALIZED',
  75: 'NV_SPACE',
  76: 'NV_DEFINED',
  80: 'BAD_CONTEXT',
  81: 'CPHASH',
  82: 'PARENT',
  83: 'NEEDS_TEST',
  84: 'NO_RESULT',
  85: 'SENSITIVE',
};

/** Section 6.6.3, RC_WARN + n. */
const formatZeroWarnings: Readonly<Record<number, string>> = {
  1: 'CONTEXT_GAP',
  2: 'OBJECT_MEMORY',
  3: 'SESSION_MEMORY',
  4: 'MEMORY',
  5: 'SESSION_HANDLES',
  6: 'OBJECT_HANDLES',
  7: 'LOCALITY',
  8: 'YIELDED',
  9: 'CANCELED',
  10: 'TESTING',
  16: 'REFERENCE_H0',
  17: 'REFERENCE_H1',
  18: 'REFERENCE_H2',
  19: 'REFERENCE_H3',
  20: 'REFERENCE_H4',
  21: 'REFERENCE_H5',
  22: 'REFERENCE_H6',
  24: 'REFERENCE_S0',
  25: 'REFERENCE_S1',
  26: 'REFERENCE_S2',
  27: 'REFERENCE_S3',
  28: 'REFERENCE_S4',
  29: 'REFERENCE_S5',
  30: 'REFERENCE_S6',
  32: 'NV_RATE',
  33: 'LOCKOUT',
  34: 'RETRY',
  35: 'NV_UNAVAILABLE',
};

/** Section 6.6.3, RC_FMT1 + n. */
const formatOneErrors: Readonly<Record<number, string>> = {
  1: 'ASYMMETRIC',
  2: 'ATTRIBUTES',
  3: 'HASH',
  4: 'VALUE',
  5: 'HIERARCHY',
  7: 'KEY_SIZE',
  8: 'MGF',
  9: 'MODE',
  10: 'TYPE',
  11: 'HANDLE',
  12: 'KDF',
  13: 'RANGE',
  14: 'AUTH_FAIL',
  15: 'NONCE',
  16: 'PP',
  18: 'SCHEME',
  21: 'SIZE',
  22: 'SYMMETRIC',
  23: 'TAG',
  24: 'SELECTOR',
  26: 'INSUFFICIENT',
  27: 'SIGNATURE',
  28: 'KEY',
  29: 'POLICY_FAIL',
  31: 'INTEGRITY',
  32: 'TICKET',
  33: 'RESERVED_BITS',
  34: 'BAD_AUTH',
  35: 'EXPIRED',
  36: 'POLICY_CC',
  37: 'BINDING',
  38: 'CURVE',
  39: 'ECC_POINT',
};

/** TPM_RC_BAD_TAG: how a TPM 1.2 answers, and a TPM 2.0 to a tag that it does not know (section 6.6.3). */
const badTag = 0x1e;

/** Splits a response code by the bit fields of section 6.6.2. Takes every 32-bit value and never fails. */
export function decodeResponseCode(value: number): ResponseCode {
  const code = value & 0xffff;
  const layer = layerOf(value >>> 16);
  if (code === badTag) return { value, name: 'TPM_RC_BAD_TAG', severity: 'error', subject: undefined, layer };
  if ((code & 0x80) !== 0) {
    const name = nameOf(formatOneErrors[code & 0x3f], value);
    return { value, name, severity: 'error', subject: subjectOf(code), layer };
  }
  const severity = (code & 0x800) !== 0 ? 'warning' : 'error';
  // Bit 8 tells TPM 2.0 codes from TPM 1.2 ones; bits 9 and 10 (reserved, vendor) must be clear for a code with a name.
  const named = (code & 0x700) === 0x100;
  const table = severity === 'warning' ? formatZeroWarnings : formatZeroErrors;
  return {
    value,
    name: nameOf(named ? table[code & 0x7f] : undefined, value),
    severity,
    subject: undefined,
    layer,
  };
}

/** RETRY, YIELDED and TESTING: the TPM did not begin the command and asks for it again (section 6.6.3). */
export function isRetryable({ name, layer }: ResponseCode): boolean {
  return (
    layer === 'tpm' && (name === 'TPM_RC_RETRY' || name === 'TPM_RC_YIELDED' || name === 'TPM_RC_TESTING')
  );
}

/** `TPM_RC_VALUE (0x1c4, parameter 1)`. */
export function describeResponseCode({ value, name, subject, layer }: ResponseCode): string {
  const details = [`0x${value.toString(16)}`];
  if (subject !== undefined) details.push(`${subject.kind} ${subject.index}`);
  if (layer !== 'tpm')
    details.push(layer === 'resource-manager' ? 'from the resource manager' : 'from another layer');
  return `${name} (${details.join(', ')})`;
}

/** Figure "Format 1 Response Codes": bit 6 is P, bits 8 to 11 are N; without P, bit 11 tells sessions from handles. */
function subjectOf(code: number): ResponseSubject | undefined {
  const number = (code >>> 8) & 0xf;
  if ((code & 0x40) !== 0) return number === 0 ? undefined : { kind: 'parameter', index: number };
  const index = number & 0x7;
  if (index === 0) return undefined;
  return { kind: (number & 0x8) !== 0 ? 'session' : 'handle', index };
}

/** The upper half is the layer of the TSS 2.0 overview, section 3.6; the kernel's resource manager answers as layer 11. */
function layerOf(number: number): ResponseCode['layer'] {
  if (number === 0) return 'tpm';
  return number === 11 || number === 12 ? 'resource-manager' : 'other';
}

function nameOf(name: string | undefined, value: number): string {
  return name === undefined ? `TPM_RC_0x${value.toString(16).padStart(3, '0')}` : `TPM_RC_${name}`;
}

/**
 * Numbers of the TPM 2.0 Library Specification, revision 1.59, Part 2 "Structures". Only what this client uses or
 * has to recognise.
 */

/** TPM_ALG_ID, section 6.3. */
export const algorithm = {
  rsa: 0x0001,
  tdes: 0x0003,
  sha1: 0x0004,
  aes: 0x0006,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  null: 0x0010,
  sm4: 0x0013,
  rsassa: 0x0014,
  rsaes: 0x0015,
  rsapss: 0x0016,
  oaep: 0x0017,
  ecdsa: 0x0018,
  ecdh: 0x0019,
  sm2: 0x001b,
  ecschnorr: 0x001c,
  ecc: 0x0023,
  camellia: 0x0026,
  cfb: 0x0043,
} as const;

/** TPM_ECC_CURVE, section 6.4. */
export const eccCurve = { p256: 0x0003, p384: 0x0004, p521: 0x0005 } as const;

/** TPM_CC, section 6.5.2. */
export const commandCode = {
  createPrimary: 0x0131,
  selfTest: 0x0143,
  startup: 0x0144,
  quote: 0x0158,
  flushContext: 0x0165,
  readPublic: 0x0173,
  getCapability: 0x017a,
  getRandom: 0x017b,
  pcrRead: 0x017e,
  pcrExtend: 0x0182,
} as const;

/** TPM_ST, section 6.9. */
export const structureTag = {
  noSessions: 0x8001,
  sessions: 0x8002,
  attestCertify: 0x8017,
  attestQuote: 0x8018,
  creation: 0x8021,
} as const;

/** TPM_SU, section 6.10. */
export const startupType = { clear: 0x0000, state: 0x0001 } as const;

/** TPM_CAP, section 6.12. */
export const capability = { handles: 0x0001, pcrs: 0x0005, tpmProperties: 0x0006 } as const;

/** TPM_PT, section 6.13. */
export const property = {
  manufacturer: 0x0105,
  vendorString1: 0x0106,
  vendorString4: 0x0109,
  firmwareVersion1: 0x010b,
  firmwareVersion2: 0x010c,
} as const;

/** TPM_RH, section 7.4. */
export const hierarchy = { owner: 0x4000_0001, null: 0x4000_0007, endorsement: 0x4000_000b } as const;

/** TPM_RS_PW, section 7.4: the authorization is a plain password. */
export const passwordSessionHandle = 0x4000_0009;

/** The first handle of each range, section 7.2 (TPM_HT in the topmost octet). */
export const firstHandle = { transient: 0x8000_0000, persistent: 0x8100_0000 } as const;

/** TPMA_OBJECT bits, section 8.3. */
export const objectAttribute = {
  fixedTpm: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  userWithAuth: 1 << 6,
  noDictionaryAttack: 1 << 10,
  restricted: 1 << 16,
  decrypt: 1 << 17,
  sign: 1 << 18,
} as const;

/** TPM_GENERATED_VALUE, section 6.2: the octets 0xff "TCG" that begin everything a TPM attests. */
export const generatedValue = 0xff54_4347;

/** The hash algorithms whose digests this client handles by name, with their digest sizes in octets. */
export const hashAlgorithms = [
  { name: 'sha1', id: algorithm.sha1, digestSize: 20 },
  { name: 'sha256', id: algorithm.sha256, digestSize: 32 },
  { name: 'sha384', id: algorithm.sha384, digestSize: 48 },
  { name: 'sha512', id: algorithm.sha512, digestSize: 64 },
] as const;

export type HashAlgorithm = (typeof hashAlgorithms)[number];
export type HashName = HashAlgorithm['name'];

export function hashByName(name: HashName): HashAlgorithm {
  const found = hashAlgorithms.find((entry) => entry.name === name);
  if (found === undefined) throw new RangeError(`unknown hash algorithm ${name}`);
  return found;
}

/** undefined for an algorithm that this client has no name for, such as SM3. */
export function hashById(id: number): HashAlgorithm | undefined {
  return hashAlgorithms.find((entry) => entry.id === id);
}

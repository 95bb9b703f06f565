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
  keyedHash: 0x0008,
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
  evictControl: 0x0120,
  nvUndefineSpace: 0x0122,
  clear: 0x0126,
  hierarchyChangeAuth: 0x0129,
  nvDefineSpace: 0x012a,
  createPrimary: 0x0131,
  nvWrite: 0x0137,
  dictionaryAttackLockReset: 0x0139,
  selfTest: 0x0143,
  startup: 0x0144,
  activateCredential: 0x0147,
  certify: 0x0148,
  nvRead: 0x014e,
  policySecret: 0x0151,
  create: 0x0153,
  load: 0x0157,
  quote: 0x0158,
  sign: 0x015d,
  unseal: 0x015e,
  flushContext: 0x0165,
  loadExternal: 0x0167,
  makeCredential: 0x0168,
  nvReadPublic: 0x0169,
  policyAuthorize: 0x016a,
  policyAuthValue: 0x016b,
  policyCommandCode: 0x016c,
  readPublic: 0x0173,
  startAuthSession: 0x0176,
  verifySignature: 0x0177,
  getCapability: 0x017a,
  getRandom: 0x017b,
  pcrRead: 0x017e,
  policyPcr: 0x017f,
  policyRestart: 0x0180,
  readClock: 0x0181,
  pcrExtend: 0x0182,
  policyGetDigest: 0x0189,
} as const;

/** TPM_ST, section 6.9. */
export const structureTag = {
  noSessions: 0x8001,
  sessions: 0x8002,
  attestCertify: 0x8017,
  attestQuote: 0x8018,
  creation: 0x8021,
  verified: 0x8022,
  authSecret: 0x8023,
  hashCheck: 0x8024,
} as const;

/** TPM_SE, section 6.11. */
export const sessionType = { hmac: 0x00, policy: 0x01, trial: 0x03 } as const;

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
export const hierarchy = {
  owner: 0x4000_0001,
  null: 0x4000_0007,
  lockout: 0x4000_000a,
  endorsement: 0x4000_000b,
  platform: 0x4000_000c,
} as const;

/** TPM_RH_NULL where a session has neither salt nor bound entity, section 7.4. */
export const nullHandle = hierarchy.null;

/** TPM_RS_PW, section 7.4: the authorization is a plain password. */
export const passwordSessionHandle = 0x4000_0009;

/** The first handle of each range, section 7.2 (TPM_HT in the topmost octet). */
export const firstHandle = {
  nv: 0x0100_0000,
  /** As a capability: HMAC and policy sessions that are loaded. */
  loadedSession: 0x0200_0000,
  transient: 0x8000_0000,
  persistent: 0x8100_0000,
} as const;

/**
 * Where this firmware keeps its keys: in the range of the endorsement hierarchy, above the handles that the TCG's registry
 * gives to endorsement keys themselves.
 */
export const ownHandle = { attestationKey: 0x8101_0a00, hostKey: 0x8101_0a01 } as const;

/** TPMA_OBJECT bits, section 8.3. */
export const objectAttribute = {
  fixedTpm: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  userWithAuth: 1 << 6,
  adminWithPolicy: 1 << 7,
  noDictionaryAttack: 1 << 10,
  restricted: 1 << 16,
  decrypt: 1 << 17,
  sign: 1 << 18,
} as const;

/** TPMA_NV bits, section 13.4. */
export const nvAttribute = {
  ownerWrite: 1 << 1,
  authWrite: 1 << 2,
  ownerRead: 1 << 17,
  authRead: 1 << 18,
  noDictionaryAttack: 1 << 25,
} as const;

/** TPMA_SESSION bits, section 8.4. */
export const sessionAttribute = { continueSession: 0x01, decrypt: 0x20, encrypt: 0x40 } as const;

/** Octets of the key for parameter encryption: AES-128 in CFB mode, which every PC Client TPM has (Part 1, section 21.3). */
export const sessionCipherOctets = 16;

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

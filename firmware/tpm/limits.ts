/** Bounds on what is sent to a TPM and believed from it. Each is tested at its edge. */
export const limits = {
  /** Octets of a command or a response: the buffer of the PC Client TPMs and of Linux's /dev/tpmrm0. */
  frameSize: 4096,
  /** Octets of a response's header (tag, size, code): the smallest response there is. */
  headerSize: 10,
  /** Retries after RETRY, YIELDED or TESTING; with the doubling waits below about five seconds in all. */
  retries: 9,
  /** Milliseconds before the first retry. */
  firstRetryWait: 10,
  /** Entries of a TPML_PCR_SELECTION: more banks than any TPM implements. */
  pcrBanks: 16,
  /** Octets of a PCR bit map: 32 PCRs; PC Client TPMs have 24. */
  pcrSelectOctets: 4,
  /** TPML_DIGEST holds eight digests (Part 2, section 10.9.5). */
  digestsPerList: 8,
  /** Octets of the largest digest (SHA-512). */
  digestSize: 64,
  /** Octets of qualifying data: a TPMT_HA with the largest digest (Part 2, section 10.4.3). */
  qualifyingData: 66,
  /** Properties asked for at once; a response of them stays far below the frame size. */
  properties: 64,
  /** Handles asked for at once. */
  handles: 64,
  /** Octets of an RSA modulus or signature: 4096 bits. */
  rsaSize: 512,
  /** Octets of a curve's coordinate: P-521. */
  eccSize: 66,
  /** Octets of a name: a hash identifier and the largest digest, or a handle. */
  nameSize: 66,
  /** Octets of an authorization value. */
  authSize: 64,
  /** Octets of a ticket's HMAC: the largest digest. */
  ticketSize: 64,
  /** Octets that a sealed object holds (MAX_SYM_DATA). */
  sealedData: 128,
  /** Octets of a credential that ActivateCredential gives back: a digest. */
  credentialSize: 64,
  /** Octets of a TPM2B_ENCRYPTED_SECRET: an RSA block, which is more than an ECC point. */
  encryptedSecretSize: 512,
  /** Octets of a nonce: a digest. */
  nonceSize: 64,
  /** Octets of an NV index that are read: an EK certificate has about one thousand, a certificate chain in NV a few. */
  nvSize: 8192,
  /** Octets of one NV_Read or NV_Write: what every PC Client TPM takes at once. */
  nvChunk: 512,
  /** Octets that make a host key unlike any other: a P-256 coordinate. */
  hostKeyUnique: 32,
  /** Times that PCRs are read again when they changed while they were read or quoted. */
  agreementAttempts: 5,
} as const;

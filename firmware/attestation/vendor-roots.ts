/** A TPM vendor's root certificate that is trusted without being named. */
export type VendorRoot = {
  readonly vendor: string;
  /** Where the vendor publishes it. */
  readonly source: string;
  /** Over the certificate in DER, lower-case hexadecimal. */
  readonly sha256: string;
  readonly pem: string;
};

/**
 * Roots of TPM vendors, each taken from its vendor and compared with the fingerprint that the vendor publishes elsewhere.
 * None is in here yet: whoever appraises names roots with `--ca`. A test holds every entry to its fingerprint.
 */
export const vendorRoots: readonly VendorRoot[] = [];

import type { Reader } from '../bytes/reader.ts';
import { certificateSubject } from './certificate-subject.ts';
import { guidName, readGuid } from './guid.ts';
import { limits } from './limits.ts';

/** What a key or revocation variable holds, in its order: certificates by their subjects, and how many hashes. */
export type SignatureDatabase = {
  readonly certificates: readonly { readonly owner: string; readonly subject: string }[];
  /** Hashes of images or of certificates. */
  readonly hashes: number;
};

/** EFI_SIGNATURE_LIST.SignatureType (UEFI 2.10 §32.4.1.1). */
const x509Certificate = 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072';

const unnamed = 'a certificate without a name';

/** The lists of PK, KEK, db or dbx (UEFI 2.10 §32.4.1.1). Nothing at all is an empty database. */
export function readSignatureDatabase(reader: Reader): SignatureDatabase {
  const certificates: { owner: string; subject: string }[] = [];
  let hashes = 0;
  for (let index = 0; reader.remaining > 0; index++) {
    const field = `list[${index}]`;
    const type = readGuid(reader, `${field}.signatureType`);
    const listSize = reader.u32le(`${field}.signatureListSize`);
    const headerSize = reader.u32le(`${field}.signatureHeaderSize`);
    const signatureSize = reader.u32le(`${field}.signatureSize`);
    if (signatureSize < 16 || listSize < 28) reader.fail('sizes that hold no signature', field);
    const list = reader.sub(listSize - 28, field);
    list.bytes(headerSize, 'signatureHeader');
    while (list.remaining > 0) {
      if (certificates.length + hashes >= limits.signatures)
        reader.fail(`more than ${limits.signatures} signatures`, field);
      const signature = list.sub(signatureSize, 'signature');
      const owner = readOwner(signature);
      if (type === x509Certificate)
        certificates.push({ owner, subject: certificateSubject(signature.rest()) ?? unnamed });
      else hashes++;
    }
  }
  return { certificates, hashes };
}

/**
 * The one entry of a database by which an image was found good, as EV_EFI_VARIABLE_AUTHORITY tells it: EFI_SIGNATURE_DATA.
 * shim leaves the owner out of what it measures of its own certificate.
 *
 * @returns the certificate's subject; undefined where the entry is no certificate
 */
export function authoritySubject(data: Uint8Array): string | undefined {
  return certificateSubject(data.subarray(16)) ?? certificateSubject(data);
}

function readOwner(reader: Reader): string {
  const guid = readGuid(reader, 'signatureOwner');
  return guidName(guid) ?? guid;
}

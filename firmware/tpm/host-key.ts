import { equalBytes } from '../bytes/bytes.ts';
import { algorithm, eccCurve, objectAttribute } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';
import { limits } from './limits.ts';
import { authorizeStep, policyDigest } from './policy-digest.ts';
import type { EccKey, PublicArea } from './public-area.ts';

/** A host key's public area: always a P-256 key. */
export type HostKeyArea = PublicArea & { readonly key: EccKey };

/**
 * A key that speaks for a host: ECC P-256, signs any digest with the hash that is asked for, was made in this TPM and
 * never leaves it. It has no password; only a policy that the holder of the key named `releaseKeyName` approved lets it
 * sign (PolicyAuthorize, Part 3, section 23.16). `unique` makes it another key than the last one of this template.
 */
export function hostKeyTemplate(
  cryptography: Pick<TpmCryptography, 'digest'>,
  releaseKeyName: Uint8Array,
  unique: Uint8Array,
): HostKeyArea {
  if (unique.length !== limits.hostKeyUnique) throw new RangeError(`${unique.length} octets to be unique by`);
  return {
    nameAlgorithm: algorithm.sha256,
    attributes:
      objectAttribute.fixedTpm |
      objectAttribute.fixedParent |
      objectAttribute.sensitiveDataOrigin |
      objectAttribute.noDictionaryAttack |
      objectAttribute.sign,
    authPolicy: policyDigest(cryptography, 'sha256', authorizeStep(releaseKeyName)),
    key: {
      type: 'ecc',
      symmetric: null,
      scheme: null,
      curve: eccCurve.p256,
      kdf: null,
      x: unique,
      y: new Uint8Array(limits.hostKeyUnique),
    },
  };
}

/** True where `area` is that of a key made by the template for this release key: all of it but the point itself. */
export function isHostKey(
  area: PublicArea,
  cryptography: Pick<TpmCryptography, 'digest'>,
  releaseKeyName: Uint8Array,
): area is HostKeyArea {
  const template = hostKeyTemplate(cryptography, releaseKeyName, new Uint8Array(limits.hostKeyUnique));
  const { key } = area;
  return (
    key.type === 'ecc' &&
    key.curve === template.key.curve &&
    key.scheme === null &&
    key.x.length <= limits.hostKeyUnique &&
    key.y.length <= limits.hostKeyUnique &&
    area.nameAlgorithm === template.nameAlgorithm &&
    area.attributes === template.attributes &&
    equalBytes(area.authPolicy, template.authPolicy)
  );
}

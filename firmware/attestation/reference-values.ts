import { toHex } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';
import { objectName } from '../tpm/object-name.ts';
import { releaseKeyArea } from '../tpm/release-key.ts';
import { type JsonFields, readJson } from './json-fields.ts';
import { limits } from './limits.ts';
import { latin1Text } from './readable-text.ts';
import type { Digest } from './replay.ts';
import type { ReleaseKey } from './verifier-ports.ts';

/** What a released boot measures, from the release's signed manifest. Digests are SHA-256 in lower-case hexadecimal. */
export type ReferenceValues = {
  readonly version: string;
  /** Signed with the key that stands in the sources: anybody could have made this release. */
  readonly development: boolean;
  /** The name of the release key as a TPM knows it: host identities are bound to it. */
  readonly releaseKeyName: Uint8Array;
  /** Authenticode hashes of what firmware starts, in the order of the boot. */
  readonly loader: string;
  readonly kernelImage: string;
  /** The firmware measures the kernel inside the kernel image too, unless Secure Boot is on. */
  readonly kernel: string;
  readonly commandLine: string;
  /** The initial RAM disk as the kernel has it from the stub. */
  readonly initrd: string;
  /** PCR 11 after the boot, and what leads to it. */
  readonly pcr11: string;
  readonly sections: readonly { readonly name: string; readonly sha256: string }[];
  readonly rootHash: string;
  readonly bundle: string;
  /** By name. */
  readonly boardProfiles: Readonly<Record<string, string>>;
};

/** SHA-256 over the public half of the development key, which stands in the sources for everybody to sign with. */
export const developmentKeySha256 = '90d390d5553504bd1bf5b8dcff2354bd0f6bb1d6c0ab6f2c57e954be42a6b954';

/** Reads a release manifest after its signature. The problem is one sentence for whoever named the files. */
export function readReferenceValues(
  manifest: Uint8Array,
  signature: Uint8Array,
  releaseKey: ReleaseKey,
  digest: Digest,
): Result<ReferenceValues, string> {
  if (manifest.length > limits.manifestSize) return failed(`The manifest has ${manifest.length} octets.`);
  if (!releaseKey.verify(manifest, signature)) return failed('The release key did not sign this manifest.');
  const area = releaseKeyArea(releaseKey.jwk);
  const releaseKeyName = area && objectName({ digest }, area);
  if (releaseKeyName === undefined) return failed('The release key is of a kind that no TPM takes.');
  let document: unknown;
  try {
    // The builder writes ASCII.
    document = JSON.parse(latin1Text(manifest));
  } catch {
    return failed('The manifest is no JSON.');
  }
  const read = readJson(document, 'manifest', (fields) => {
    if (fields.text('name', 32) !== 'hithe') fields.fail('name', 'is not hithe');
    return readManifest(fields, releaseKey, releaseKeyName);
  });
  return read.ok ? read : failed(`${read.error.path} ${read.error.problem}.`);
}

function readManifest(
  fields: JsonFields,
  { keySha256 }: ReleaseKey,
  releaseKeyName: Uint8Array,
): ReferenceValues {
  const sha256 = (from: JsonFields, name: string) => {
    const octets = from.octets(name, 32);
    return octets.length === 32 ? toHex(octets) : from.fail(name, `has ${octets.length} octets`);
  };
  const pcr11 = fields.object('pcr11');
  const profiles = fields.object('boardProfiles');
  return {
    version: fields.text('version', 64),
    development: keySha256 === developmentKeySha256,
    releaseKeyName,
    loader: sha256(fields.object('loader'), 'authenticodeSha256'),
    kernelImage: sha256(fields.object('uki'), 'authenticodeSha256'),
    kernel: sha256(fields.object('kernel'), 'authenticodeSha256'),
    commandLine: fields.text('commandLine', 4096),
    initrd: sha256(fields.object('initrd'), 'measuredSha256'),
    pcr11: sha256(pcr11, 'sha256'),
    sections: pcr11.list('sections', 32, (section) => ({
      name: section.text('name', 8),
      sha256: sha256(section, 'sha256'),
    })),
    rootHash: sha256(fields.object('root'), 'rootHash'),
    bundle: sha256(fields.object('bundle'), 'sha256'),
    boardProfiles: Object.fromEntries(profiles.names().map((name) => [name, sha256(profiles, name)])),
  };
}

const failed = (problem: string): Result<never, string> => ({ ok: false, error: problem });

import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { boardProfiles } from '../firmware/boot/board-profiles.ts';
import type { ReleaseManifest } from './manifest.ts';
import { measuredInitrd } from './measured-initrd.ts';
import { measuredSections, predictPcr11 } from './pcr-policy.ts';
import { authenticodeHash } from './pe.ts';
import type { ReleaseKey } from './release-key.ts';
import type { SigningIdentity } from './signed-data.ts';
import { fileSha256 } from './stage.ts';
import type { VerityRoot } from './verity.ts';

/** What a release is made of, each by its path. */
export type ReleaseParts = {
  readonly version: string;
  readonly architecture: 'x86-64';
  readonly image: string;
  readonly compressed: string | null;
  readonly root: string;
  readonly verity: VerityRoot;
  readonly uki: string;
  /** The UKI's name on the EFI system partition. */
  readonly ukiName: string;
  readonly loader: string;
  readonly initrd: string;
  readonly kernel: string;
  readonly kernelRelease: string;
  readonly commandLine: string;
  readonly bundle: string;
  readonly node: string;
  readonly releaseKey: ReleaseKey;
  readonly secureBoot: SigningIdentity | null;
};

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

async function described(path: string): Promise<{ size: number; sha256: string }> {
  return { size: statSync(path).size, sha256: await fileSha256(path) };
}

function authenticode(path: string) {
  const image = readFileSync(path);
  return {
    authenticodeSha256: authenticodeHash(image),
    authenticodeSha384: authenticodeHash(image, 'sha384'),
  };
}

/** Measures what was built as the box's firmware and stub will, and describes it. */
export async function describeRelease(parts: ReleaseParts): Promise<ReleaseManifest> {
  const { releaseKey, secureBoot } = parts;
  const uki = readFileSync(parts.uki);
  const [sections, initrd] = [measuredSections(uki), measuredInitrd(uki)];
  const publicKey = createPublicKey(releaseKey.publicPem).export({ type: 'spki', format: 'der' });
  const file = async (path: string) => ({ file: basename(path), ...(await described(path)) });
  return {
    name: 'hithe',
    version: parts.version,
    architecture: parts.architecture,
    release: { development: releaseKey.development, keySha256: sha256(publicKey) },
    image: await file(parts.image),
    compressed: parts.compressed === null ? null : await file(parts.compressed),
    root: { ...parts.verity, ...(await described(parts.root)) },
    uki: { file: parts.ukiName, ...(await described(parts.uki)), ...authenticode(parts.uki) },
    loader: { ...(await described(parts.loader)), ...authenticode(parts.loader) },
    initrd: {
      ...(await described(parts.initrd)),
      measuredSha256: initrd.sha256,
      measuredSha384: initrd.sha384,
    },
    kernel: {
      release: parts.kernelRelease,
      ...(await described(parts.kernel)),
      ...authenticode(parts.kernel),
    },
    commandLine: parts.commandLine,
    pcr11: {
      sha256: predictPcr11(sections, 'sha256'),
      sha384: predictPcr11(sections, 'sha384'),
      sections,
    },
    bundle: await described(parts.bundle),
    boardProfiles: Object.fromEntries(
      boardProfiles().map((profile) => [profile.name, sha256(JSON.stringify(profile))]),
    ),
    node: { version: process.versions.node, ...(await described(parts.node)) },
    secureBoot: secureBoot === null ? null : { certificateSha256: sha256(secureBoot.certificate) },
  };
}

/**
 * Writes `manifest.json`, the release key's signature over it and the key's public half.
 *
 * @returns the manifest's path
 */
export function writeManifest(folder: string, manifest: ReleaseManifest, key: ReleaseKey): string {
  const path = join(folder, 'manifest.json');
  const content = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(path, content);
  writeFileSync(`${path}.sig`, key.sign(content));
  writeFileSync(join(folder, 'release-key.pem'), key.publicPem);
  return path;
}

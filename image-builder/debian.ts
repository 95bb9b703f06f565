import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import type { Progress } from './progress.ts';
import { fileSha256 } from './stage.ts';

/** The suite whose packages the image is made of. */
export const suite = 'trixie';

export type DebianArchitecture = 'amd64' | 'arm64';

/**
 * What to fetch. `closure` brings what the packages depend on; without it they come alone (a kernel's dependencies are
 * the tools that install it on a running system).
 */
export type PackageRequest = { readonly packages: readonly string[]; readonly closure: boolean };

export type LockedPackage = { readonly name: string; readonly version: string; readonly sha256: string };
type LockedRequest = { readonly request: PackageRequest; readonly packages: readonly LockedPackage[] };
export type PackageLock = Readonly<Record<string, LockedRequest>>;

export type FetchedPackage = LockedPackage & { readonly path: string };

/** Where packages come from; apt, but for tests. */
export interface PackageSource {
  /** Reads the lists. @throws BuildError `mirror` */
  update(): void;
  /** `name=version` of the packages and, where asked for, of all that they depend on. @throws BuildError `package` */
  resolve(request: PackageRequest): string[];
  /** The value of a field of the newest version of a package. */
  field(name: string, field: string): string | undefined;
  /** Downloads `name=version` each into a folder. */
  download(specifications: readonly string[], folder: string): { ok: boolean; output: string };
}

const packageFile = ({ name, version }: Pick<LockedPackage, 'name' | 'version'>, architecture: string) =>
  `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`;

function splitSpecification(specification: string): { name: string; version: string } {
  const at = specification.indexOf('=');
  return { name: specification.slice(0, at), version: specification.slice(at + 1) };
}

export type FetchOptions = {
  readonly architecture: DebianArchitecture;
  readonly requests: Readonly<Record<string, PackageRequest>>;
  readonly lock: PackageLock | undefined;
  /** Refuse instead of taking the suite's newest where a locked version is gone. */
  readonly locked: boolean;
  readonly progress: Progress;
  /** The folder that keeps what was downloaded. */
  readonly cache: string;
  /** Called when the cache does not have all. @throws BuildError `mirror` */
  readonly openSource: () => PackageSource;
};

/**
 * Brings every requested package into the cache, by the lock where it answers the requests and its versions can be
 * had, otherwise by the suite as it is now (with a new lock as the result). Touches no network when the cache has all.
 *
 * @throws BuildError `mirror`, `package` or `lock`
 */
export async function fetchPackages(
  options: FetchOptions,
): Promise<{ packages: Record<string, FetchedPackage[]>; lock: PackageLock }> {
  const { architecture, requests, lock, locked, progress, cache } = options;
  const folder = join(cache, 'debian', architecture);
  mkdirSync(folder, { recursive: true });
  const cached = async (item: LockedPackage): Promise<FetchedPackage | undefined> => {
    for (const suffix of [architecture, 'all']) {
      const path = join(folder, packageFile(item, suffix));
      if (!existsSync(path)) continue;
      if (item.sha256 === '' || (await fileSha256(path)) === item.sha256) return { ...item, path };
      rmSync(path);
    }
    return undefined;
  };

  const lockAnswers =
    lock !== undefined &&
    Object.keys(lock).length === Object.keys(requests).length &&
    Object.entries(requests).every(
      ([key, request]) => JSON.stringify(lock[key]?.request) === JSON.stringify(request),
    );
  if (locked && !lockAnswers) {
    throw new BuildError(
      'lock',
      'The lock file does not answer what this build asks for. Build once without --locked.',
    );
  }
  if (lockAnswers) {
    const packages = await collect(lock, cached);
    if (packages.missing.length === 0) return { packages: packages.found, lock };
  }

  const apt = options.openSource();
  progress(`Reading the package lists of Debian ${suite}`);
  apt.update();

  if (lockAnswers) {
    const { missing } = await collect(lock, cached);
    progress(`Fetching ${missing.length} locked packages`);
    const { ok, output } = apt.download(
      missing.map(({ name, version }) => `${name}=${version}`),
      folder,
    );
    const packages = await collect(lock, cached);
    if (packages.missing.length === 0) return { packages: packages.found, lock };
    const gone = packages.missing.map(({ name, version }) => `${name} ${version}`).join(', ');
    if (locked) {
      throw new BuildError(
        'lock',
        `The mirror no longer has, as locked: ${gone}${ok ? '' : `\n${output.trim()}`}`,
      );
    }
    progress(`The mirror no longer has, as locked: ${gone}`);
    progress(
      `Taking the newest versions of ${suite} instead; the image will differ from the locked one. Writing a new lock.`,
    );
  }

  const newLock: Record<string, LockedRequest> = {};
  for (const [key, request] of Object.entries(requests)) {
    const wanted = apt.resolve(expandKernel(apt, request)).map(splitSpecification);
    progress(`Fetching ${wanted.length} packages (${key})`);
    // apt checks what lies there already against the signed lists and fetches the rest.
    const { ok, output } = apt.download(
      wanted.map(({ name, version }) => `${name}=${version}`),
      folder,
    );
    if (!ok) throw new BuildError('package', `Could not fetch packages:\n${output.trim()}`);
    const packages: LockedPackage[] = [];
    for (const item of wanted) {
      const fetched = await cached({ ...item, sha256: '' });
      if (!fetched) throw new BuildError('package', `apt left no file for ${item.name} ${item.version}.`);
      packages.push({ ...item, sha256: await fileSha256(fetched.path) });
    }
    newLock[key] = { request, packages: packages.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }
  return { packages: (await collect(newLock, cached)).found, lock: newLock };
}

/** A kernel's meta package stands for the one that it depends on. */
function expandKernel(apt: PackageSource, request: PackageRequest): PackageRequest {
  if (request.closure) return request;
  const packages = request.packages.map((name) =>
    /^linux-image-(amd64|arm64)$/.test(name)
      ? (/linux-image-[0-9][^ ,]*/.exec(apt.field(name, 'Depends') ?? '')?.[0] ?? name)
      : name,
  );
  return { ...request, packages };
}

async function collect(
  lock: PackageLock,
  cached: (item: LockedPackage) => Promise<FetchedPackage | undefined>,
): Promise<{ found: Record<string, FetchedPackage[]>; missing: LockedPackage[] }> {
  const found: Record<string, FetchedPackage[]> = {};
  const missing: LockedPackage[] = [];
  for (const [key, { packages }] of Object.entries(lock)) {
    const list: FetchedPackage[] = [];
    for (const item of packages) {
      const fetched = await cached(item);
      if (fetched) list.push(fetched);
      else missing.push(item);
    }
    found[key] = list;
  }
  return { found, missing };
}

/** Unpacks packages over one another into a folder; their maintainer scripts do not run. */
export function extractPackages(packages: readonly FetchedPackage[], folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const { name, path } of packages) {
    const result = spawnSync('dpkg-deb', ['--extract', path, folder], { encoding: 'utf8' });
    if (result.status !== 0)
      throw new BuildError('tool', `dpkg-deb could not unpack ${name}: ${result.stderr}`);
  }
}

/** Reads the lock file; a file that is not there is no lock. */
export function readLock(path: string): PackageLock | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as PackageLock) : undefined;
}

export function writeLock(path: string, lock: PackageLock): void {
  const temporary = `${path}.tmp-${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(lock, null, 1)}\n`);
  renameSync(temporary, path);
}

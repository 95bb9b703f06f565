import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import { cacheRoot } from './places.ts';
import type { Progress } from './progress.ts';
import { fileSha256 } from './stage.ts';

/** The suite whose packages the image is made of. */
export const suite = 'trixie';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

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

/** The Debian mirror that this machine's own apt uses: the base URL of its main archive. */
export function machineMirror(): string | undefined {
  const lists = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(lists)
      ? readdirSync(lists)
          .sort()
          .map((name) => join(lists, name))
      : []),
    // A machine whose own distribution is not Debian still knows where Debian is from python-apt's templates.
    '/usr/share/python-apt/templates/Debian.info',
  ];
  for (const file of files) {
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const url = /^(?:URIs:|BaseURI:|deb(?:\s+\[[^\]]*\])?)\s+(\S+\/debian)\/?(?:\s|$)/.exec(line)?.[1];
      if (url) return url;
    }
  }
  return undefined;
}

/** apt with its own lists, status and cache, so that neither the machine's packages nor its settings play a part. */
class PrivateApt {
  readonly #folder: string;
  readonly #architecture: DebianArchitecture;
  readonly #mirror: string;

  constructor(architecture: DebianArchitecture, mirror: string) {
    this.#folder = join(cacheRoot, 'apt', architecture);
    this.#architecture = architecture;
    this.#mirror = mirror;
  }

  update(): void {
    for (const name of ['lists/partial', 'archives/partial', 'etc'])
      mkdirSync(join(this.#folder, name), { recursive: true });
    writeFileSync(join(this.#folder, 'status'), '');
    const options = `[arch=${this.#architecture} signed-by=${keyring}]`;
    writeFileSync(
      join(this.#folder, 'etc/sources.list'),
      `deb ${options} ${this.#mirror} ${suite} main\ndeb ${options} ${this.#mirror}-security ${suite}-security main\n`,
    );
    const result = this.#run('apt-get', ['-q', '-o', 'APT::Update::Error-Mode=any', 'update']);
    if (result.status !== 0) {
      throw new BuildError(
        'mirror',
        `The Debian mirror did not answer as it should:\n${result.output.trim()}\nIs the network up? Another mirror can be named with --mirror URL.`,
      );
    }
  }

  /** `name=version` of the packages and, where asked for, of all that they depend on. */
  resolve({ packages, closure }: PackageRequest): string[] {
    if (!closure) return packages.map((name) => `${name}=${this.#newestVersion(name)}`);
    const result = this.#run('apt-get', [
      '-qq',
      'install',
      '--print-uris',
      '--no-install-recommends',
      ...packages,
    ]);
    if (result.status !== 0)
      throw new BuildError('package', `apt finds no way to install ${packages.join(' ')}:\n${result.output}`);
    return [...result.stdout.matchAll(/^'[^']*' ([^_ ]+)_([^_ ]+)_[^_ ]+\.deb /gm)].map(
      ([, name, version]) => `${name}=${decodeURIComponent(version ?? '')}`,
    );
  }

  /** The value of a field of the newest version of a package. */
  field(name: string, field: string): string | undefined {
    const { stdout } = this.#run('apt-cache', ['--no-all-versions', 'show', name]);
    return new RegExp(`^${field}: (.*)$`, 'm').exec(stdout)?.[1];
  }

  #newestVersion(name: string): string {
    const version = this.field(name, 'Version');
    if (version === undefined) throw new BuildError('package', `The suite ${suite} has no package ${name}.`);
    return version;
  }

  /** Downloads into a folder what is not there; apt checks size and hash against the signed lists. */
  download(specifications: readonly string[], folder: string): { ok: boolean; output: string } {
    const result = this.#run('apt-get', ['-q', 'download', ...specifications], folder);
    return { ok: result.status === 0, output: result.output };
  }

  #run(
    command: string,
    args: readonly string[],
    cwd = '/',
  ): { status: number; stdout: string; output: string } {
    const settings = {
      'Dir::Etc::sourcelist': join(this.#folder, 'etc/sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State::lists': join(this.#folder, 'lists'),
      'Dir::State::status': join(this.#folder, 'status'),
      'Dir::Cache': this.#folder,
      'APT::Architecture': this.#architecture,
      'APT::Architectures': this.#architecture,
      'APT::Sandbox::User': 'root',
      'Debug::NoLocking': 'true',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    const result = spawnSync(command, [...options, ...args], {
      cwd,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    if (result.error)
      throw new BuildError('tool', `${command} could not be started: ${result.error.message}`);
    return { status: result.status ?? 1, stdout: result.stdout, output: result.stdout + result.stderr };
  }
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
  readonly mirror: string | undefined;
  readonly progress: Progress;
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
  const { architecture, requests, lock, locked, progress } = options;
  const folder = join(cacheRoot, 'debian', architecture);
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

  const mirror = options.mirror ?? machineMirror();
  if (!mirror) {
    throw new BuildError(
      'mirror',
      "No Debian mirror stands in this machine's apt sources. Name one with --mirror URL.",
    );
  }
  const apt = new PrivateApt(architecture, mirror);
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
function expandKernel(apt: PrivateApt, request: PackageRequest): PackageRequest {
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

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import { type DebianArchitecture, type PackageRequest, type PackageSource, suite } from './debian.ts';

/** apt with its own lists, status and cache, so that neither the machine's packages nor its settings play a part. */
export class PrivateApt implements PackageSource {
  readonly #folder: string;
  readonly #architecture: DebianArchitecture;
  readonly #mirror: string;
  readonly #keyring: string;

  /** @param keyring with the keys that the archive's lists are signed by */
  constructor(
    cache: string,
    architecture: DebianArchitecture,
    mirror: string,
    keyring = '/usr/share/keyrings/debian-archive-keyring.gpg',
  ) {
    this.#folder = join(cache, 'apt', architecture);
    this.#keyring = keyring;
    this.#architecture = architecture;
    this.#mirror = mirror;
  }

  update(): void {
    for (const name of ['lists/partial', 'archives/partial', 'etc'])
      mkdirSync(join(this.#folder, name), { recursive: true });
    writeFileSync(join(this.#folder, 'status'), '');
    const options = `[arch=${this.#architecture} signed-by=${this.#keyring}]`;
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

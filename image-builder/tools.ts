import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';

export type ToolOptions = {
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
};

const librariesOf = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const;
const loaderOf = { x64: 'lib64/ld-linux-x86-64.so.2', arm64: 'lib/ld-linux-aarch64.so.1' } as const;

/**
 * The build's own tools (squashfs, verity, FAT, GPT, binutils), unpacked from the image's suite into a folder and run
 * with that suite's loader and libraries: the bytes they make do not depend on what the build machine has installed.
 */
export class Tools {
  /** The folder that they are unpacked in. */
  readonly root: string;
  readonly #loader: string;
  readonly #libraries: string;

  constructor(root: string) {
    const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
    this.root = root;
    this.#loader = join(root, 'usr', loaderOf[arch]);
    this.#libraries = [
      join(root, 'usr/lib', librariesOf[arch]),
      join(root, 'usr/lib', librariesOf[arch], 'systemd'),
    ].join(':');
  }

  /**
   * Runs a tool to its end.
   *
   * @returns its standard output
   * @throws BuildError `tool` with what it said
   */
  run(name: string, args: readonly string[], { cwd = '/', input, env = {} }: ToolOptions = {}): string {
    const binary = ['usr/bin', 'usr/sbin', 'usr/lib/systemd']
      .map((folder) => join(this.root, folder, name))
      .find((path) => existsSync(path));
    if (!binary) throw new BuildError('tool', `The tools' packages bring no ${name}.`);
    const result = spawnSync(this.#loader, ['--library-path', this.#libraries, binary, ...args], {
      cwd,
      ...(input === undefined ? {} : { input }),
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC', ...env },
    });
    if (result.error) throw new BuildError('tool', `${name} could not be started: ${result.error.message}`);
    if (result.status !== 0) {
      throw new BuildError(
        'tool',
        `${name} ${args.join(' ')} ended with ${result.status}: ${result.stderr || result.stdout}`,
      );
    }
    return result.stdout;
  }
}

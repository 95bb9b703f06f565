import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BuildError } from './build-error.ts';
import type { Tools } from './tools.ts';

const libraryFolders = [
  'usr/lib/x86_64-linux-gnu',
  'usr/lib',
  'usr/lib64',
  'usr/lib/x86_64-linux-gnu/systemd',
] as const;

/** Copies programs out of an unpacked set of packages into a root, with every library that they link. */
export class LibraryCopier {
  readonly #source: string;
  readonly #root: string;
  readonly #tools: Tools;
  readonly #done = new Set<string>();

  constructor(source: string, root: string, tools: Tools) {
    this.#source = source;
    this.#root = root;
    this.#tools = tools;
  }

  /** Copies the dynamic loader and puts it where the ABI says programs look for it. */
  loader(): void {
    this.library('ld-linux-x86-64.so.2');
    mkdirSync(join(this.#root, 'usr/lib64'), { recursive: true });
    symlinkSync(
      '../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
      join(this.#root, 'usr/lib64/ld-linux-x86-64.so.2'),
    );
  }

  /** @param path of a program inside the packages and the root, such as `/usr/sbin/nft` */
  program(path: string): void {
    const source = join(this.#source, path);
    if (!existsSync(source)) throw new BuildError('content', `No package brings ${path}.`);
    this.#copy(source, join(this.#root, path), 0o755);
    this.needsOf(source);
  }

  /** Copies what a binary from elsewhere (Node, an add-on) links. */
  needsOf(binary: string): void {
    const header = this.#tools.run('x86_64-linux-gnu-objdump', ['-p', binary]);
    for (const [, soname = ''] of header.matchAll(/^\s+NEEDED\s+(\S+)$/gm)) this.library(soname);
  }

  /** @param soname a library's name as programs link it, such as `libc.so.6` */
  library(soname: string): void {
    if (this.#done.has(soname)) return;
    this.#done.add(soname);
    const folder = libraryFolders.find((name) => existsSync(join(this.#source, name, soname)));
    if (!folder) throw new BuildError('content', `No package brings the library ${soname}.`);
    const source = join(this.#source, folder, soname);
    const real = realpathSync(source);
    const target = join(this.#root, folder);
    this.#copy(real, join(target, basename(real)), soname.startsWith('ld-') ? 0o755 : 0o644);
    if (
      lstatSync(source).isSymbolicLink() &&
      basename(real) !== soname &&
      !existsSync(join(target, soname))
    ) {
      symlinkSync(basename(real), join(target, soname));
    }
    this.needsOf(real);
  }

  #copy(source: string, target: string, mode: number): void {
    if (existsSync(target)) return;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(
      lstatSync(source).isSymbolicLink() ? join(dirname(source), readlinkSync(source)) : source,
      target,
    );
    chmodSync(target, mode);
  }
}

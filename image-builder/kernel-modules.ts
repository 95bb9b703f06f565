import { copyFileSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BuildError } from './build-error.ts';
import type { Tools } from './tools.ts';

/** modprobe takes `-` and `_` for the same. */
const canonical = (name: string) => name.replaceAll('-', '_');
const moduleName = (path: string) => canonical(basename(path).replace(/\.ko(\.xz)?$/, ''));

/** The kernel's modules as a package brings them: where each lies and what it needs. */
export class ModuleTree {
  readonly release: string;
  readonly #folder: string;
  readonly #paths = new Map<string, string>();
  readonly #needs = new Map<string, string[]>();
  readonly #builtIn = new Set<string>();

  /** @param root a folder with an unpacked kernel package; depmod writes its tables into it */
  constructor(root: string, tools: Tools) {
    const [release] = readdirSync(join(root, 'usr/lib/modules'));
    if (release === undefined) throw new BuildError('content', 'The kernel package brings no modules.');
    this.release = release;
    this.#folder = join(root, 'usr/lib/modules', release);
    if (!existsSync(join(this.#folder, 'modules.dep')))
      tools.run('depmod', ['-b', join(root, 'usr'), release]);
    const read = (name: string) => readFileSync(join(this.#folder, name), 'utf8').split('\n').filter(Boolean);
    for (const line of read('modules.builtin')) this.#builtIn.add(moduleName(line));
    for (const line of read('modules.dep')) {
      const [path = '', needs = ''] = line.split(':');
      this.#paths.set(moduleName(path), path);
      this.#needs.set(moduleName(path), needs.split(' ').filter(Boolean).map(moduleName));
    }
    for (const line of read('modules.softdep')) {
      const [, name = '', rest = ''] = /^softdep (\S+) (.*)$/.exec(line) ?? [];
      const soft = rest
        .split(' ')
        .filter((word) => word !== '' && !word.endsWith(':'))
        .map(canonical);
      this.#needs.get(canonical(name))?.push(...soft.filter((other) => this.#paths.has(other)));
    }
  }

  /** The named modules and all that they need, without what is built in. */
  closure(names: readonly string[]): string[] {
    const found = new Set<string>();
    const visit = (name: string) => {
      if (found.has(name) || !this.#paths.has(name)) return;
      found.add(name);
      for (const need of this.#needs.get(name) ?? []) visit(need);
    };
    const unknown = names.map(canonical).filter((name) => !this.#paths.has(name) && !this.#builtIn.has(name));
    if (unknown.length > 0) {
      throw new BuildError(
        'content',
        `Kernel ${this.release} has no modules ${unknown.join(', ')}: correct image-builder/module-selection.ts.`,
      );
    }
    for (const name of names) visit(canonical(name));
    return [...found].sort();
  }

  /**
   * Copies modules with what they need into a root, unpacked (the file system compresses better than .xz inside it;
   * the signature at a module's end stays), and writes modprobe's tables for them.
   */
  install(names: readonly string[], root: string, tools: Tools): string[] {
    const chosen = this.closure(names);
    const target = join(root, 'usr/lib/modules', this.release);
    for (const name of chosen) {
      const path = this.#paths.get(name) ?? '';
      const copy = join(target, path);
      mkdirSync(dirname(copy), { recursive: true });
      copyFileSync(join(this.#folder, path), copy);
    }
    const packed = globSync('**/*.ko.xz', { cwd: target }).sort();
    if (packed.length > 0) tools.run('xz', ['--decompress', ...packed], { cwd: target });
    for (const table of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
      copyFileSync(join(this.#folder, table), join(target, table));
    }
    tools.run('depmod', ['-b', join(root, 'usr'), this.release]);
    return chosen;
  }
}

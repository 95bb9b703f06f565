import { posix } from 'node:path';

/** One row of ARCHITECTURE.md's folder table; folders and rooms are paths from the checkout without a closing slash. */
export type LayerRule = {
  readonly folder: string;
  /** Rooms whose code it may run (and whose types it may name). */
  readonly runs: readonly string[];
  readonly names: readonly string[];
  /** npm packages, `node:*`, and `#…` aliases. */
  readonly packages: readonly string[];
};

export type Import = {
  /** A source file's path from the checkout. */
  readonly from: string;
  /** Such a path, or a package as its importer writes it. */
  readonly to: string;
  readonly typesOnly: boolean;
};

const everything = 'everything';

/** Reads the rules out of ARCHITECTURE.md: names in backticks count, the rest of a cell is for people. */
export function parseLayerTable(markdown: string): LayerRule[] {
  const table = /^\| folder \|.*\n((?:\|.*(?:\n|$))*)/m.exec(markdown)?.[1] ?? '';
  const rows = [...table.matchAll(/^\| `.+$/gm)].map(([line]) => line.split('|').slice(1, -1));
  const cellNames = (cell = '') =>
    cell.trim() === everything ? [everything] : [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  const folders = rows.map(([folder]) => cellNames(folder)[0]?.replace(/\/$/, '') ?? '');
  const room = (name: string) => {
    const known = [name, `firmware/${name}`].find((path) => folders.includes(path));
    if (name === everything || known !== undefined) return known ?? name;
    throw new Error(`The folder table names ${name}, which has no row.`);
  };
  return rows.map(([, , runs, names, packages], index) => ({
    folder: folders[index] ?? '',
    runs: cellNames(runs).map(room),
    names: cellNames(names).map(room),
    packages: cellNames(packages),
  }));
}

/** The row that speaks for a file: the longest folder that it lies in. */
export function ruleOf(path: string, rules: readonly LayerRule[]): LayerRule | undefined {
  return rules
    .filter(({ folder }) => path === folder || path.startsWith(`${folder}/`))
    .sort((a, b) => b.folder.length - a.folder.length)[0];
}

/** `node:fs` → `node:*`, `hono/cors` → `hono`, `@scope/name/part` → `@scope/name`. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return 'node:*';
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
}

/** Says, one line each, which imports the rules do not allow. */
export function layerViolations(imports: readonly Import[], rules: readonly LayerRule[]): string[] {
  const complaints = imports.flatMap(({ from, to, typesOnly }) => {
    const rule = ruleOf(from, rules);
    if (!rule) return [`${from}: no row speaks for it`];
    const may = (list: readonly string[], name: string) => list.includes(name) || list.includes(everything);
    const isFile = /\.(tsx?|mjs|json|css)$/.test(to) && !to.startsWith('node:');
    if (!isFile) {
      const name = packageOf(to);
      return may(rule.packages, name) ? [] : [`${from}: ${rule.folder} may not use ${name}`];
    }
    const target = ruleOf(to, rules);
    if (!target) return [`${from}: no row speaks for ${to}`];
    if (target === rule || may(rule.runs, target.folder)) return [];
    if (typesOnly && may(rule.names, target.folder)) return [];
    return [`${from}: ${rule.folder} may not ${typesOnly ? 'name types' : 'run code'} of ${target.folder}`];
  });
  return [...new Set(complaints)];
}

/**
 * The imports that a TypeScript file writes, static, dynamic and of types. An import of one name marked `type` among
 * others counts as one of code: what remains of it loads the module.
 */
export function writtenImports(path: string, text: string): Import[] {
  const statements =
    /^\s*(?:import|export)\s+(?<type>type\s+)?(?:[\w$*{][^;'"()]*?\s+from\s+)?'(?<target>[^']+)'|(?<expression>typeof\s+)?\bimport\('(?<lazy>[^']+)'\)/gm;
  return [...text.matchAll(statements)].map(({ groups = {} }) => {
    const specifier = groups['target'] ?? groups['lazy'] ?? '';
    return {
      from: path,
      to: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier,
      typesOnly: groups['type'] !== undefined || groups['expression'] !== undefined,
    };
  });
}

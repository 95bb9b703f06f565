import { globSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A command that a document tells its reader to run. */
export type NamedCommand = { readonly task: string; readonly args: readonly string[] };

/** What stands in backticks within a line; fenced blocks are left out. */
function inlineCode(markdown: string): string[] {
  const prose = markdown.replace(/^[ \t]*```[\s\S]*?^[ \t]*```/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** Words that stand for something else: `IMAGE.img`, `FILE`, `<name>`. */
const placeholder = /<|\b[A-Z]{3,}\b(?!\.md$)/;

/** Made by a build, or of a running box. */
const notOfTheCheckout = /^(build|node_modules)\/|^[/~]/;

/**
 * The paths that a document names: targets of its links and pictures, and what looks like one in backticks. Network
 * prefixes, URLs, media types of the API, package names and placeholders do not.
 */
export function namedPaths(markdown: string): string[] {
  const links = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) =>
    target.replace(/#.*$/, ''),
  );
  const code = inlineCode(markdown).filter(
    (word) =>
      !/[\s:=|]/.test(word) &&
      !/^[@#\d-]/.test(word) &&
      (word.includes('/') || /\.(ts|tsx|mjs|js|json|md|sh)$/.test(word) || /^\.[a-z]/.test(word)),
  );
  return [...new Set([...links, ...code])].filter(
    (path) =>
      path !== '' &&
      !/^[a-z][a-z0-9+.-]*:/.test(path) &&
      !notOfTheCheckout.test(path) &&
      !placeholder.test(path),
  );
}

/** Rooms and test folders are named without what they lie in. */
const bases = ['', 'firmware', 'test'];

/** An empty folder is no folder: a clone does not have it. */
export function pathExists(root: string, path: string): boolean {
  return bases.some((base) => {
    const full = join(root, base, path);
    return globSync(full).some((found) => statSync(found).isFile() || readdirSync(found).length > 0);
  });
}

/** Every `npm run TASK …` and `npm test …` of a document, in prose and in blocks. */
export function namedCommands(markdown: string): NamedCommand[] {
  return [...markdown.matchAll(/\bnpm (?:run ([\w-]+)|(test))\b((?: +[^\s`#|)]+)*)/g)].map(
    ([, task, test, rest = '']) => {
      const [separator, ...args] = rest.trim().split(/ +/);
      return { task: task ?? test ?? '', args: separator === '--' ? args : [] };
    },
  );
}

/** Every `hithe …` of a document as its words, those through npm too; options are left out. */
export function namedVerbs(markdown: string): string[][] {
  const onTheBox = inlineCode(markdown)
    .filter((code) => code.startsWith('hithe '))
    .map((code) => code.split(/\s+/).slice(1));
  const here = namedCommands(markdown)
    .filter(({ task }) => task === 'hithe')
    .map(({ args }) => [...args]);
  return [...onTheBox, ...here]
    .map((words) => words.filter((word) => /^[a-z][a-z-]*$/.test(word)))
    .filter((words) => words.length > 0);
}

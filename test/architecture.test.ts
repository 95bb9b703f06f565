import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { bundleFirmware } from '../image-builder/bundle.ts';
import { projectRoot } from '../image-builder/places.ts';
import { ScratchFolder } from '../qemu/scratch.ts';
import { type Import, layerViolations, parseLayerTable, ruleOf, writtenImports } from './layers.ts';

const rules = parseLayerTable(readFileSync(join(projectRoot, 'ARCHITECTURE.md'), 'utf8'));

const sources = ['firmware', 'image-builder', 'qemu', 'toolchain', 'test'].flatMap((folder) =>
  globSync(`${folder}/**/*.{ts,tsx,mjs}`, { cwd: projectRoot }),
);
const written = sources.flatMap((path) =>
  writtenImports(path, readFileSync(join(projectRoot, path), 'utf8')),
);

/** What esbuild found that our modules load, packages by the names that the modules write. */
function loadedImports({ inputs }: Metafile): Import[] {
  return Object.entries(inputs)
    .filter(([path]) => /^(firmware|board-profiles)\//.test(path))
    .flatMap(([from, { imports }]) =>
      imports.map(({ path, original }) => ({
        from,
        to: /^(firmware|board-profiles)\//.test(path) ? path : (original ?? path),
        typesOnly: false,
      })),
    );
}

async function runtimeImports(): Promise<Import[]> {
  using folder = new ScratchFolder();
  const page = await build({
    absWorkingDir: projectRoot,
    entryPoints: ['firmware/webui/client/main.tsx'],
    outdir: folder.path,
    bundle: true,
    write: false,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    logLevel: 'silent',
  });
  return [...loadedImports(await bundleFirmware(folder.path)), ...loadedImports(page.metafile)];
}

const runtime = await runtimeImports();
const modules = new Set(runtime.map(({ from }) => from));

describe('the folder table of ARCHITECTURE.md', () => {
  test('what the bundle and the page load keeps to it', () => {
    expect(layerViolations(runtime, rules)).toEqual([]);
  });

  test('what the sources write, types too, keeps to it', () => {
    expect(layerViolations(written, rules)).toEqual([]);
  });

  test('the graphs hold the project and are not empty', () => {
    expect(modules.size).toBeGreaterThan(140);
    expect(runtime.length).toBeGreaterThan(400);
    expect(written.length).toBeGreaterThan(1000);
  });

  test('the scan of the sources misses nothing that esbuild found', () => {
    const known = new Set(
      written.filter(({ typesOnly }) => !typesOnly).map(({ from, to }) => `${from} → ${to}`),
    );
    const missed = runtime
      .filter(({ from, to }) => from.endsWith('.ts') && !to.startsWith('preact/'))
      .map(({ from, to }) => `${from} → ${to}`)
      .filter((edge) => !known.has(edge));
    expect(missed).toEqual([]);
  });

  test('every permission is used', () => {
    const used = new Map(
      rules.map(({ folder }) => [folder, { runs: new Set<string>(), names: new Set<string>() }]),
    );
    for (const { from, to, typesOnly } of written) {
      const target = ruleOf(to, rules)?.folder;
      if (target !== undefined)
        used.get(ruleOf(from, rules)?.folder ?? '')?.[typesOnly ? 'names' : 'runs'].add(target);
    }
    const idle = rules
      .filter(({ runs }) => !runs.includes('everything'))
      .flatMap(({ folder, runs, names }) => [
        ...runs.filter((name) => !used.get(folder)?.runs.has(name)).map((name) => `${folder} runs ${name}`),
        ...names
          .filter((name) => !used.get(folder)?.names.has(name))
          .map((name) => `${folder} names ${name}`),
      ]);
    expect(idle).toEqual([]);
  });

  test('node:* is for the operating system room, what wires it, and the build', () => {
    const touching = rules.filter(({ packages }) => packages.includes('node:*')).map(({ folder }) => folder);
    expect(touching.filter((folder) => folder.startsWith('firmware'))).toEqual([
      'firmware/main.ts',
      'firmware/cli',
      'firmware/daemon.ts',
      'firmware/system',
    ]);
  });

  test('pure rooms use no packages and run only pure rooms', () => {
    const { include } = JSON.parse(readFileSync(join(projectRoot, 'tsconfig.pure.json'), 'utf8')) as {
      include: string[];
    };
    const pure = rules.filter(({ folder }) => include.includes(folder));
    expect(pure.map(({ folder }) => folder)).toEqual([
      'firmware/bytes',
      'firmware/hip',
      'firmware/tpm',
      'firmware/attestation',
      'firmware/policy',
      'firmware/flows',
    ]);
    for (const { packages, runs, names } of pure) {
      expect(packages).toEqual([]);
      expect([...runs, ...names].filter((folder) => !include.includes(folder))).toEqual([]);
    }
  });
});

describe('the rules by themselves', () => {
  const table = parseLayerTable(
    [
      '| folder | job | runs code of | names types of | uses packages |',
      '| --- | --- | --- | --- | --- |',
      '| `firmware/main.ts` | starts | `net` | – | `node:*` |',
      '| `firmware/net/` | a room | `bytes` | `net/deep` | `hono` |',
      '| `firmware/net/deep/` | a room in it | – | – | `@scope/name` |',
      '| `firmware/bytes/` | pure | – | – | – |',
      '| `test/` | all | everything | everything | everything |',
    ].join('\n'),
  );
  const verdict = (from: string, to: string, typesOnly = false) =>
    layerViolations([{ from, to, typesOnly }], table);

  test.each([
    ['firmware/main.ts', 'node:fs/promises'],
    ['firmware/main.ts', 'firmware/net/a.ts'],
    ['firmware/net/a.ts', 'firmware/net/more/b.ts'],
    ['firmware/net/a.ts', 'firmware/bytes/reader.ts'],
    ['firmware/net/a.ts', 'hono/cors'],
    ['firmware/net/deep/a.ts', '@scope/name/part'],
    ['test/a.test.ts', 'firmware/net/deep/a.ts'],
    ['test/a.test.ts', 'vitest'],
  ])('%s may import %s', (from, to) => {
    expect(verdict(from, to)).toEqual([]);
  });

  test.each([
    ['firmware/bytes/reader.ts', 'firmware/net/a.ts', 'may not run code of firmware/net'],
    ['firmware/bytes/reader.ts', 'node:crypto', 'may not use node:*'],
    ['firmware/net/a.ts', 'node:fs', 'may not use node:*'],
    ['firmware/net/a.ts', 'firmware/net/deep/a.ts', 'may not run code of firmware/net/deep'],
    ['firmware/net/deep/a.ts', 'firmware/net/a.ts', 'may not run code of firmware/net'],
    ['firmware/net/deep/a.ts', '@scope/other', 'may not use @scope/other'],
    ['firmware/main.ts', 'firmware/bytes/reader.ts', 'may not run code of firmware/bytes'],
    ['firmware/nettle/a.ts', 'firmware/bytes/reader.ts', 'no row speaks for it'],
    ['firmware/net/a.ts', 'firmware/nettle/a.ts', 'no row speaks for firmware/nettle/a.ts'],
  ])('%s may not import %s', (from, to, complaint) => {
    expect(verdict(from, to)).toEqual([expect.stringContaining(complaint)]);
  });

  test('a permission for types is none for code', () => {
    expect(verdict('firmware/net/a.ts', 'firmware/net/deep/a.ts', true)).toEqual([]);
    expect(verdict('firmware/bytes/a.ts', 'firmware/net/a.ts', true)).toHaveLength(1);
  });

  test('a table that names a room without a row is refused', () => {
    expect(() => parseLayerTable('| folder |\n| `firmware/a/` | job | `b` | – | – |')).toThrow('names b');
  });

  test('every way to write an import is seen', () => {
    const text = `
import './side-effect.ts';
import plain from './more/plain.ts';
import type { Only } from './types.ts';
import { type One, two } from './mixed.ts';
import {
  several,
  type Lines,
} from './lines.ts';
import json from './data.json' with { type: 'json' };
export * from './again.ts';
export type { T } from './again-types.ts';
const lazy = await import('node:fs');
type Late = typeof import('./late.ts');
const text = "from './not-an-import.ts'";
`;
    expect(writtenImports('firmware/a/b.ts', text).map(({ to, typesOnly }) => [to, typesOnly])).toEqual([
      ['firmware/a/side-effect.ts', false],
      ['firmware/a/more/plain.ts', false],
      ['firmware/a/types.ts', true],
      ['firmware/a/mixed.ts', false],
      ['firmware/a/lines.ts', false],
      ['firmware/a/data.json', false],
      ['firmware/a/again.ts', false],
      ['firmware/a/again-types.ts', true],
      ['node:fs', false],
      ['firmware/a/late.ts', true],
    ]);
  });
});

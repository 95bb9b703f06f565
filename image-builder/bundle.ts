import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { BuildError } from './build-error.ts';
import { clientPlugin } from './client.ts';
import { projectRoot } from './places.ts';

export type NodeArchitecture = 'x64' | 'arm64';

const packages = join(projectRoot, 'node_modules');

/**
 * The packages' native add-ons: each lies under one plain name beside the bundle, so that the bundle is the same bytes
 * on every architecture. `loader` is the module inside the package that searches for the binary; the bundle gets one
 * that knows the place.
 */
const addOns = [
  {
    file: 'better-sqlite3.node',
    loader: /better-sqlite3[\\/]lib[\\/]binding(\.js)?$|^\.\/binding$/,
    importer: /better-sqlite3/,
    replacement: `exports.getBinding = () => require('./better-sqlite3.node');`,
    binary: (arch: NodeArchitecture) => `better-sqlite3/prebuilds/linux-${arch}.node`,
  },
  {
    file: 'node-hid.node',
    loader: /^pkg-prebuilds\/bindings$/,
    importer: /node-hid/,
    replacement: `module.exports = () => require('./node-hid.node');`,
    binary: (arch: NodeArchitecture) => `node-hid/prebuilds/HID_hidraw-linux-${arch}/node-napi-v4.node`,
  },
  {
    file: 'serialport.node',
    loader: /^node-gyp-build$/,
    importer: /bindings-cpp/,
    replacement: `module.exports = () => require('./serialport.node');`,
    binary: (arch: NodeArchitecture) =>
      `@serialport/bindings-cpp/prebuilds/linux-${arch}/@serialport+bindings-cpp.${arch === 'x64' ? '' : 'armv8.'}glibc.node`,
  },
  {
    file: 'koffi.node',
    loader: /^\.\/src\/static\.c?js$/,
    importer: /koffi/,
    replacement: `exports.loadStatic = () => require('./koffi.node');`,
    binary: (arch: NodeArchitecture) => `@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`,
  },
] as const;

export const addOnFiles: readonly string[] = addOns.map(({ file }) => file);

function addOnPlugin(): Plugin {
  return {
    name: 'add-ons',
    setup(builder) {
      for (const { file, loader, importer, replacement } of addOns) {
        builder.onResolve({ filter: loader }, (args) =>
          importer.test(args.importer) ? { path: file, namespace: 'add-on' } : undefined,
        );
        builder.onLoad(
          { filter: new RegExp(`^${file.replaceAll('.', '\\.')}$`), namespace: 'add-on' },
          () => ({
            contents: replacement,
            loader: 'js',
          }),
        );
      }
      builder.onResolve({ filter: /^\.\/[a-z0-9-]+\.node$/ }, (args) => ({
        path: args.path,
        external: true,
      }));
    },
  };
}

/** zod's texts in fifty languages would be a fifth of the bundle; ours are English. */
function englishOnlyPlugin(): Plugin {
  return {
    name: 'english-only',
    setup(builder) {
      builder.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.c?js$/ }, (args) => ({
        contents: "export { default as en } from './en.js';",
        resolveDir: dirname(args.path),
        loader: 'js',
      }));
    },
  };
}

const nodeProgram = () =>
  ({
    absWorkingDir: projectRoot,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // CommonJS: a dynamic import stays a deferred part of the same file, and Node starts it with fewer steps.
    format: 'cjs',
    minify: true,
    keepNames: false,
    logLevel: 'silent',
    define: {
      'process.env.NODE_ENV': '"production"',
      'import.meta.dirname': '__dirname',
      'import.meta.url': '__bundleUrl',
    },
    banner: { js: 'const __bundleUrl=require("node:url").pathToFileURL(__filename).href;' },
    plugins: [addOnPlugin(), englishOnlyPlugin(), clientPlugin()],
  }) as const satisfies BuildOptions;

/** Bundles a program that is not the firmware but runs parts of it, with the same add-ons beside it. */
export async function bundleProgram(entryPoint: string, outfile: string): Promise<void> {
  await build({ ...nodeProgram(), entryPoints: [entryPoint], outfile });
}

/**
 * Bundles the firmware: `hithe.js` and its source map, the same bytes from the same sources, wherever they are built.
 *
 * @param folder made if missing
 * @returns esbuild's metafile: what is in the bundle and what imports what
 */
export async function bundleFirmware(folder: string): Promise<Metafile> {
  mkdirSync(folder, { recursive: true });
  const result = await build({
    ...nodeProgram(),
    entryPoints: ['firmware/main.ts'],
    outfile: join(folder, 'hithe.js'),
    sourcemap: 'external',
    legalComments: 'none',
    metafile: true,
  });
  const inside = Object.keys(result.metafile.inputs);
  for (const { file } of addOns) {
    const used = inside.some(
      (path) => path.includes(file.replace('.node', '')) && !path.startsWith('add-on:'),
    );
    if (used && !inside.includes(`add-on:${file}`)) {
      throw new BuildError(
        'content',
        `The loader of ${file} was not replaced: has its package changed its layout?`,
      );
    }
  }
  return result.metafile;
}

/** Copies the add-ons of one architecture beside a bundle. */
export function copyAddOns(folder: string, arch: NodeArchitecture): void {
  for (const { file, binary } of addOns) copyFileSync(join(packages, binary(arch)), join(folder, file));
}

/** The bundle's own version: the package's. */
export function firmwareVersion(): string {
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

/** Writes a bundle with its add-ons and its metafile, as `npm run build` leaves it. */
export async function writeBundle(folder: string, arch: NodeArchitecture): Promise<void> {
  const metafile = await bundleFirmware(folder);
  copyAddOns(folder, arch);
  // The bundle is CommonJS wherever it lies, also below this project's package.json.
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}\n');
  writeFileSync(join(folder, 'metafile.json'), JSON.stringify(metafile));
}

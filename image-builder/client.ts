import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import type { PageFile } from '../firmware/webui/server/page-files.ts';
import { projectRoot } from './places.ts';

const source = join(projectRoot, 'firmware/webui/client');

/** The page's texts; the HTML already names the style and the first script, which names the others. */
export interface ClientBuild {
  readonly html: string;
  readonly css: ClientPart;
  /** The first is what a visit begins with; the others are loaded once that stands. */
  readonly scripts: readonly [ClientPart, ...ClientPart[]];
}

interface ClientPart {
  readonly path: string;
  readonly text: string;
}

/** Bundles and minifies the page: the same texts from the same sources. */
export async function buildClient(): Promise<ClientBuild> {
  const result = await build({
    absWorkingDir: projectRoot,
    entryPoints: { page: join(source, 'main.tsx') },
    outdir: join(projectRoot, 'build/page'),
    // Under a name that changes with the content a browser may keep a file for ever.
    entryNames: 'page-[hash]',
    chunkNames: 'part-[hash]',
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022', 'safari16.4'],
    // Preact's own call in place of jsx(), which writes `children:` wherever an element has any.
    jsx: 'transform',
    jsxFactory: 'h',
    jsxFragment: 'Fragment',
    inject: [join(source, 'element.ts')],
    tsconfigRaw: {},
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const parts = result.outputFiles.map(({ path, text }) => ({ path: `/${basename(path)}`, text }));
  const css = parts.find(({ path }) => path.endsWith('.css'));
  const first = parts.find(({ path }) => /^\/page-.*\.js$/.test(path));
  if (css === undefined || first === undefined) throw new Error('esbuild made no page.');
  const others = parts.filter((part) => part !== css && part !== first);
  // What the first script begins with, so that the browser need not read that to ask for it.
  const preloads = others
    .filter(({ path }) => new RegExp(`(from|import)\\s*"\\.${path.replace('.', '\\.')}"`).test(first.text))
    .map(({ path }) => `<link rel="modulepreload" href="${path}">\n`)
    .join('');
  const html = readFileSync(join(source, 'page.html'), 'utf8')
    .replace('/page.css', css.path)
    .replace('/page.js', first.path)
    .replace('<script', `${preloads}<script`);
  return { html, css, scripts: [first, ...others] };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The page as the server takes it, compressed as far as it goes, since this happens once a build. */
export function packClient({ html, css, scripts }: ClientBuild): PageFile[] {
  const pack = (path: string, contentType: string, text: string): PageFile => ({
    path,
    contentType: `${contentType}; charset=utf-8`,
    text,
    gzipBase64: gzipSync(text, { level: 9 }).toString('base64'),
    brotliBase64: brotliCompressSync(text, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: Buffer.byteLength(text),
      },
    }).toString('base64'),
    etag: hashOf(text).slice(0, 20),
  });
  return [
    pack('/', 'text/html', html),
    pack(css.path, 'text/css', css.text),
    ...scripts.map(({ path, text }) => pack(path, 'text/javascript', text)),
  ];
}

/** Puts the built page into the firmware's bundle, where the sources say `#webui-client`. */
export function clientPlugin(): Plugin {
  return {
    name: 'webui-client',
    setup(builder) {
      builder.onResolve({ filter: /^#webui-client$/ }, () => ({ path: 'page', namespace: 'webui-client' }));
      builder.onLoad({ filter: /.*/, namespace: 'webui-client' }, async () => ({
        contents: `export const pageFiles = ${JSON.stringify(packClient(await buildClient()))};`,
        loader: 'js',
      }));
    },
  };
}

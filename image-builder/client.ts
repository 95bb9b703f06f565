import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import type { PageFile } from '../firmware/webui/server/page-files.ts';
import { projectRoot } from './places.ts';

const source = join(projectRoot, 'firmware/webui/client');

/** The page's three texts; the HTML already names the other two by their content. */
export interface ClientBuild {
  readonly html: string;
  readonly js: string;
  readonly css: string;
}

/** Bundles and minifies the page: the same texts from the same sources. */
export async function buildClient(): Promise<ClientBuild> {
  const result = await build({
    absWorkingDir: projectRoot,
    entryPoints: { page: join(source, 'main.tsx') },
    outdir: join(projectRoot, 'build/page'),
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const text = (ending: string) => result.outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  const js = text('.js');
  const css = text('.css');
  const html = readFileSync(join(source, 'page.html'), 'utf8')
    .replace('/page.css', scriptPath('css', css))
    .replace('/page.js', scriptPath('js', js));
  return { html, js, css };
}

/** Under a name that changes with the content a browser may keep a file for ever. */
function scriptPath(kind: 'js' | 'css', text: string): string {
  return `/page-${hashOf(text).slice(0, 12)}.${kind}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The page as the server takes it, compressed as far as it goes, since this happens once a build. */
export function packClient({ html, js, css }: ClientBuild): PageFile[] {
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
    pack(scriptPath('js', js), 'text/javascript', js),
    pack(scriptPath('css', css), 'text/css', css),
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

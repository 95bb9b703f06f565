import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { buildClient, packClient } from '../../../image-builder/client.ts';

const files = packClient(await buildClient());

const compressed = ({ gzipBase64 }: (typeof files)[number]) => Buffer.from(gzipBase64, 'base64').length;

test('what a visit begins with is under 58 kB, compressed, and all pages together under 96.2 kB', () => {
  const [page] = files;
  expect(files.reduce((sum, file) => sum + compressed(file), 0)).toBeLessThan(96_200);
  const first = files.filter(({ path }) => path === '/' || page?.text.includes(`"${path}"`));
  expect(first.length).toBeLessThan(files.length);
  const size = first.reduce((sum, file) => sum + compressed(file), 0);
  expect(size).toBeGreaterThan(5000);
  expect(size).toBeLessThan(58_000);
});

test('each encoding holds the same text', () => {
  for (const { text, gzipBase64, brotliBase64 } of files) {
    expect(gunzipSync(Buffer.from(gzipBase64, 'base64')).toString()).toBe(text);
    expect(brotliDecompressSync(Buffer.from(brotliBase64, 'base64')).toString()).toBe(text);
  }
});

test('two builds are the same octets', async () => {
  expect(packClient(await buildClient())).toEqual(files);
});

test('the page names its parts as they are served, and nothing in it is inline', () => {
  const [page, ...parts] = files;
  expect(page?.path).toBe('/');
  const named = parts.filter(({ path }) => page?.text.includes(`"${path}"`));
  expect(named.map(({ path }) => path.replace(/-.*\./, '.'))).toEqual(['/page.css', '/page.js', '/part.js']);
  const scripts = parts.map(({ text }) => text).join('\n');
  for (const { path } of parts)
    if (!named.some((each) => each.path === path)) expect(scripts).toContain(`.${path}`);
  expect(page?.text).not.toMatch(/<style|style=|onload=|<script>/);
});

import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { buildClient, packClient } from '../../../image-builder/client.ts';

const files = packClient(await buildClient());

test('the whole page is under 60 kB, compressed', () => {
  const size = files.reduce((sum, { gzipBase64 }) => sum + Buffer.from(gzipBase64, 'base64').length, 0);
  expect(size).toBeGreaterThan(5000);
  expect(size).toBeLessThan(60_000);
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
  for (const { path } of parts) expect(page?.text).toContain(`"${path}"`);
  expect(page?.text).not.toMatch(/<style|style=|onload=|<script>/);
});

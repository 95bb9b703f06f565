import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readReleaseKey } from '../../image-builder/release-key.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';

const message = new TextEncoder().encode('a manifest');

function pem(type: 'rsa' | 'ec', bits: number, passphrase?: string): string {
  const { privateKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: bits });
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString();
}

test('without a file the development key signs, and says what it is', () => {
  const key = readReleaseKey(undefined);
  expect(key.development).toBe(true);
  expect(verify('sha256', message, createPublicKey(key.publicPem), key.sign(message))).toBe(true);
});

test('the same message has the same signature: an image is reproducible', () => {
  const key = readReleaseKey(undefined);
  expect(key.sign(message)).toEqual(key.sign(message));
});

test('a key of one’s own is no development key; the development key under another name still is', () => {
  using scratch = new ScratchFolder();
  const own = join(scratch.path, 'own.pem');
  writeFileSync(own, pem('rsa', 2048));
  expect(readReleaseKey(own).development).toBe(false);
  expect(readReleaseKey('image-builder/development-key.pem').development).toBe(true);
});

test.each([
  ['too short', pem('rsa', 1024)],
  ['too long for many TPMs', pem('rsa', 3072)],
  ['of another kind', pem('ec', 256)],
  ['under a passphrase', pem('rsa', 2048, 'secret')],
  ['no key', 'hello'],
])('refuses a key that is %s', (_, content) => {
  using scratch = new ScratchFolder();
  const path = join(scratch.path, 'key.pem');
  writeFileSync(path, content);
  expect(() => readReleaseKey(path)).toThrow(expect.objectContaining({ code: 'usage' }));
});

test('refuses a file that is not there', () => {
  expect(() => readReleaseKey('/nonexistent')).toThrow(expect.objectContaining({ code: 'usage' }));
});

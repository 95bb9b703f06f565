import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version of the image that this runs in, or of the checkout when run from the sources. */
export function imageVersion(): string {
  const [, inImage] = /^IMAGE_ID=hithe\nIMAGE_VERSION=(\S+)$/m.exec(read('/etc/os-release')) ?? [];
  if (inImage) return inImage;
  const manifest = read(join(import.meta.dirname, '../../package.json'));
  return manifest === '' ? 'unknown' : (JSON.parse(manifest) as { version: string }).version;
}

/** True in an image that is signed with the release key of the sources, which everybody has. */
export function isDevelopmentImage(): boolean {
  return /^VARIANT_ID=development$/m.test(read('/etc/os-release'));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

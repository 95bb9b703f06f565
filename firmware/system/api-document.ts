import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The OpenAPI document as it was written when the image was built: beside the bundle, and null beside the sources. */
export const readApiDocument = (): Promise<string | null> =>
  readFile(join(import.meta.dirname, 'openapi.json'), 'utf8').catch(() => null);

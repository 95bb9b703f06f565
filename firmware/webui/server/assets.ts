import type { PageFile } from './page-files.ts';

/** The built page: part of the bundle on a box, built on the spot when run from the sources. */
export async function loadPageFiles(): Promise<readonly PageFile[]> {
  const { pageFiles } = await import('#webui-client');
  return pageFiles;
}

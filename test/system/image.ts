import { inject } from 'vitest';
import type { BuiltImage } from '../../image-builder/build.ts';
import { readReleaseKey } from '../../image-builder/release-key.ts';
import { fileSha256 } from '../../image-builder/stage.ts';
import { Tools } from '../../image-builder/tools.ts';
import { HarnessError } from '../../qemu/harness-error.ts';
import { buildForTests } from './build-for-tests.ts';

/** The one image that every system test boots: built before all of them, or here where a file runs by itself. */
export async function bootableImage(): Promise<BuiltImage> {
  const built = inject('image');
  if (built === undefined) return buildForTests();
  const { toolsRoot, ...image } = built;
  return { ...image, tools: new Tools(toolsRoot), releaseKey: readReleaseKey(undefined) };
}

/** Fails when a machine wrote to the image that it booted: all of them must run the same bytes. */
export async function assertUntouched({ imagePath, sha256 }: BuiltImage): Promise<void> {
  const now = await fileSha256(imagePath);
  if (now !== sha256) throw new HarnessError('refused', `${imagePath} has changed from ${sha256} to ${now}.`);
}

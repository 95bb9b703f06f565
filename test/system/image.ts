import { type BuiltImage, buildImage } from '../../image-builder/build.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import { fileSha256 } from '../../image-builder/stage.ts';
import { HarnessError } from '../../qemu/harness-error.ts';

/** The one image that every system test boots; built when something has changed. */
export function bootableImage(): Promise<BuiltImage> {
  return buildImage({ arch: 'x86-64', progress: stderrProgress('image') });
}

/** Fails when a machine wrote to the image that it booted: all of them must run the same bytes. */
export async function assertUntouched({ imagePath, sha256 }: BuiltImage): Promise<void> {
  const now = await fileSha256(imagePath);
  if (now !== sha256) throw new HarnessError('refused', `${imagePath} has changed from ${sha256} to ${now}.`);
}

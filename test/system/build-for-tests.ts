import { type BuiltImage, buildImage } from '../../image-builder/build.ts';
import { stderrProgress } from '../../image-builder/progress.ts';

/** The image that system tests boot, built where something has changed. */
export const buildForTests = (): Promise<BuiltImage> =>
  buildImage({ arch: 'x86-64', progress: stderrProgress('image') });

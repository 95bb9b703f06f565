import type { TestProject } from 'vitest/node';
import type { BuiltImage } from '../../image-builder/build.ts';
import { buildForTests } from './build-for-tests.ts';

/** What of an image can be handed to another process; the rest is opened there. */
export type ImageAsBuilt = Omit<BuiltImage, 'tools' | 'releaseKey'> & { readonly toolsRoot: string };

declare module 'vitest' {
  export interface ProvidedContext {
    image?: ImageAsBuilt;
  }
}

/** Builds the image once, before any of the files that boot it side by side. */
export default async function build(project: TestProject): Promise<void> {
  const { tools, releaseKey: _, ...image } = await buildForTests();
  project.provide('image', { ...image, toolsRoot: tools.root });
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes, the longest first. */
const longest = [
  'system/overlay-journeys.test.ts',
  'system/overlay-uplinks.test.ts',
  'system/overlay-flows.test.ts',
  'system/policy.test.ts',
  'system/plain-machine.test.ts',
  'system/clouds.test.ts',
  'system/attestation.test.ts',
  'system/security-key.test.ts',
  'netd/uplinks.namespace.test.ts',
  'netd/policy/flows.namespace.test.ts',
].map((file) => {
  const path = join(import.meta.dirname, file);
  if (!existsSync(path)) throw new Error(`${path} begins first, and is not there.`);
  return path;
});

/**
 * Begins with what takes longest, so that no worker is left with a long file while the others have none. A fresh clone has
 * no durations of earlier runs to go by, and sizes of files tell little of them. Projects keep their order.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const byProject = Map.groupBy(await super.sort(files), ({ project }) => project);
    return [...byProject.values()].flatMap((ofProject) => {
      const first = longest.flatMap((path) => ofProject.find(({ moduleId }) => moduleId === path) ?? []);
      return [...first, ...ofProject.filter((file) => !first.includes(file))];
    });
  }
}

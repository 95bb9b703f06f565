import type { RunnerDataPath } from './association-runner.ts';
import type { EspEffect } from './data-path.ts';

/** Stands where the kernel would: nothing is installed, and what would be is told. For commands that only try an exchange. */
export function dataPathWithoutKernel(onEsp: (effects: readonly EspEffect[]) => void): RunnerDataPath {
  return {
    apply: async (_, effects) => onEsp(effects),
    localAddress: () => undefined,
    remoteAddress: () => undefined,
    forget: () => {},
  };
}

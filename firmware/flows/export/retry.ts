import { limits } from './limits.ts';

/** Milliseconds to wait after so many failures in a row, the first of which is 1; what the receiver asks for is the least. */
export function waitAfter(failures: number, askedMs: number | null): number {
  const doubled = limits.firstWaitMs * 2 ** Math.min(failures - 1, 20);
  return Math.max(Math.min(doubled, limits.longestWaitMs), Math.min(askedMs ?? 0, limits.longestAskedMs));
}

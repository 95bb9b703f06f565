import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, Scenario } from './scenario.ts';

/** A scenario that once breached an invariant, and what it breached. */
export type Replay = { readonly fault: Fault; readonly scenario: Scenario };

const folder = join(import.meta.dirname, 'replays');

/** Keeps a failure; the path that it is returned under is for `node test/simulation/replay.ts`. */
export function saveReplay(name: string, replay: Replay): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  writeFileSync(path, `${JSON.stringify(replay, undefined, 2)}\n`);
  return path;
}

export function loadReplay(path: string): Replay {
  return JSON.parse(readFileSync(path, 'utf8')) as Replay;
}

/** All that are kept, by path. */
export function keptReplays(): string[] {
  return globSync('*.json', { cwd: folder })
    .toSorted()
    .map((name) => join(folder, name));
}

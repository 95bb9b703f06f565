import { boardProfiles } from '../boot/board-profiles.ts';
import { describePlatform, detectPlatform } from '../boot/platform/detect.ts';
import { listVolumeLabels } from '../boot/settings-disc.ts';
import { openFactFiles } from '../system/platform-facts.ts';
import { openDiscSystem } from '../system/volumes.ts';
import { readArguments, UsageError } from './arguments.ts';
import { printJson, say } from './output.ts';

export async function platform(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    root: { type: 'string' },
  });
  if (positionals[0] !== 'detect') throw new UsageError('platform takes: detect');
  // A recorded tree has files, no block devices.
  const labels = values.root === undefined ? listVolumeLabels(openDiscSystem()) : [];
  const detection = detectPlatform(openFactFiles(values.root ?? '/'), boardProfiles(), labels);
  if (values.json) printJson(detection);
  else say(describePlatform(detection));
  return 0;
}

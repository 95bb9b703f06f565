import { readFileSync } from 'node:fs';
import { settingsJsonSchema } from '../store/settings-json-schema.ts';
import { mergeLayers, parseSettingsLayer } from '../store/settings-layers.ts';
import { readArguments, UsageError } from './arguments.ts';
import { printJson, say } from './output.ts';

export async function settings(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  const [verb, file] = positionals;
  if (verb === 'schema') {
    printJson(settingsJsonSchema());
    return 0;
  }
  if (verb !== 'check' || file === undefined) throw new UsageError('settings takes: schema, or check FILE');
  const layer = parseSettingsLayer(readFileSync(file, 'utf8'));
  const whole = layer.ok ? mergeLayers({ saved: layer.value }) : layer;
  const problems = whole.ok ? [] : whole.problems;
  if (values.json) printJson({ ok: whole.ok, problems });
  else if (whole.ok) say(`${file} can be used.\n`);
  else for (const { path, problem } of problems) say(`${path}: ${problem}\n`);
  return whole.ok ? 0 : 1;
}

import { settingsJsonSchema } from '../store/settings-json-schema.ts';
import { mergeLayers, parseSettingsLayer } from '../store/settings-layers.ts';
import { readArguments, UsageError } from './arguments.ts';
import { readNamedFile } from './input-file.ts';
import { printJson, say } from './output.ts';

export async function settings(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  const [verb, file, ...more] = positionals;
  if (verb === 'schema' && file === undefined) {
    printJson(settingsJsonSchema());
    return 0;
  }
  if (verb !== 'check' || file === undefined || more.length > 0)
    throw new UsageError('settings takes: schema, or check FILE');
  // As the box reads it from a stick, too: in UTF-8, a byte order mark aside.
  const text = new TextDecoder().decode(readNamedFile('settings check', file));
  const layer = parseSettingsLayer(text);
  const whole = layer.ok ? mergeLayers({ saved: layer.value }) : layer;
  const problems = whole.ok ? [] : whole.problems;
  if (values.json) printJson({ ok: whole.ok, problems });
  else if (whole.ok) say(`${file} can be used.\n`);
  else for (const { path, problem } of problems) say(`${path}: ${problem}\n`);
  return whole.ok ? 0 : 1;
}

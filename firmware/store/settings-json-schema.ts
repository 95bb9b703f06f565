import { z } from 'zod';
import { settings, settingsLayer } from './settings-schema.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** JSON Schema (draft 2020-12) of a layer, which is what a person writes and `config apply` takes. */
export function settingsLayerJsonSchema(): JsonSchema {
  return { title: 'Hithe settings layer', ...z.toJSONSchema(settingsLayer, { io: 'input' }) };
}

/** JSON Schema (draft 2020-12) of the whole settings as they are in force. */
export function settingsJsonSchema(): JsonSchema {
  return { title: 'Hithe settings', ...z.toJSONSchema(settings, { io: 'output' }) };
}

import type { z } from 'zod';

/** What is shown in the place of a secret. */
export const hiddenSecret = '(hidden)';

/** Marks a setting that nobody is shown; `writeOnly` is how its JSON Schema says so. */
export function secret<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ writeOnly: true });
}

/** A settings document, or a layer of one, without its secrets. They stand in one place: the headers of receivers. */
export function withoutSecrets<Document>(document: Document): Document {
  const flows = member(document, 'flows');
  const receivers = member(flows, 'export');
  if (!Array.isArray(receivers)) return document;
  const hidden = receivers.map((receiver: unknown) => {
    const headers = member(receiver, 'headers');
    if (headers === undefined) return receiver;
    const names = typeof headers === 'object' && headers !== null ? Object.keys(headers) : [];
    return { ...Object(receiver), headers: Object.fromEntries(names.map((name) => [name, hiddenSecret])) };
  });
  return { ...document, flows: { ...Object(flows), export: hidden } };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

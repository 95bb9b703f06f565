import type { z } from 'zod';

/** What is shown in the place of a secret. */
export const hiddenSecret = '(hidden)';

/** Marks a setting that nobody is shown; `writeOnly` is how its JSON Schema says so. */
export function secret<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ writeOnly: true });
}

/** A settings document, or a layer of one, without its secrets. They stand in one place: the headers of receivers. */
export function withoutSecrets<Document>(document: Document): Document {
  return withHeaders(document, () => hiddenSecret);
}

/**
 * Puts secrets back into a document that was read without them, where `known` has them. They go only to where they went
 * before, by the receiver's name and URL: who may change settings could otherwise have them sent to himself. Those that
 * are not known stay hidden, which the schema refuses.
 */
export function withSecretsOf<Document>(document: Document, known: unknown): Document {
  const receivers = receiversOf(known) ?? [];
  return withHeaders(document, (name, text, receiver) => {
    if (text !== hiddenSecret) return text;
    const same = receivers.find((each) =>
      ['name', 'url'].every((key) => member(each, key) === member(receiver, key)),
    );
    return member(member(same, 'headers'), name) ?? text;
  });
}

/** Leaves out the secrets that are hidden, and says which: `plant: Authorization`, receiver and header. */
export function withoutHidden<Document>(document: Document): {
  readonly document: Document;
  readonly missing: readonly string[];
} {
  const missing: string[] = [];
  const kept = withHeaders(document, (name, text, receiver) => {
    if (text !== hiddenSecret) return text;
    missing.push(`${String(member(receiver, 'name'))}: ${name}`);
    return undefined;
  });
  return { document: kept, missing };
}

/** @param each the header's new value; undefined takes it away */
function withHeaders<Document>(
  document: Document,
  each: (name: string, value: unknown, receiver: unknown) => unknown,
): Document {
  const receivers = receiversOf(document);
  if (receivers === null) return document;
  const written = receivers.map((receiver) => {
    const headers = member(receiver, 'headers');
    if (headers === undefined) return receiver;
    // Not what the schema wants; what it says may be a secret all the same.
    if (typeof headers !== 'object' || headers === null)
      return { ...Object(receiver), headers: each('', headers, receiver) };
    const entries = Object.entries(headers).flatMap(([name, value]) => {
      const next = each(name, value, receiver);
      return next === undefined ? [] : [[name, next]];
    });
    return { ...Object(receiver), headers: Object.fromEntries(entries) };
  });
  return { ...document, flows: { ...Object(member(document, 'flows')), export: written } };
}

function receiversOf(document: unknown): readonly unknown[] | null {
  const receivers = member(member(document, 'flows'), 'export');
  return Array.isArray(receivers) ? receivers : null;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

import type { z } from 'zod';

/** What is shown in the place of a secret. */
export const hiddenSecret = '(hidden)';

/** Marks a setting that nobody is shown; `writeOnly` is how its JSON Schema says so. */
export function secret<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ writeOnly: true });
}

/** A secret in a settings document. */
type Found = {
  readonly value: unknown;
  /** For people: `plant: Authorization`, a receiver and its header, or the path of what stands once. */
  readonly name: string;
  /** What another document has in its place, if it goes to the same receiver or device. */
  readonly in: (other: unknown) => unknown;
};

/** A settings document, or a layer of one, without its secrets. */
export function withoutSecrets<Document>(document: Document): Document {
  return withSecrets(document, () => hiddenSecret);
}

/**
 * Puts secrets back into a document that was read without them, where `known` has them. They go only to where they went
 * before, by the receiver's name and URL or the modem's device: who may change settings could otherwise have them sent to
 * himself. Those that are not known stay hidden, which the schema refuses.
 */
export function withSecretsOf<Document>(document: Document, known: unknown): Document {
  return withSecrets(document, (found) =>
    found.value === hiddenSecret ? (found.in(known) ?? found.value) : found.value,
  );
}

/** Leaves out the secrets that are hidden, and says which. */
export function withoutHidden<Document>(document: Document): {
  readonly document: Document;
  readonly missing: readonly string[];
} {
  const missing: string[] = [];
  const kept = withSecrets(document, ({ name, value }) => {
    if (value !== hiddenSecret) return value;
    missing.push(name);
    return undefined;
  });
  return { document: kept, missing };
}

/** @param each the secret's new value; undefined takes it away */
function withSecrets<Document>(document: Document, each: (found: Found) => unknown): Document {
  return withPins(withHeaders(document, each), each);
}

/** What receivers of flow records are told with each request: tokens and passwords. */
function withHeaders<Document>(document: Document, each: (found: Found) => unknown): Document {
  const receivers = receiversOf(document);
  if (receivers === null) return document;
  const written = receivers.map((receiver) => {
    const headers = member(receiver, 'headers');
    if (headers === undefined) return receiver;
    const found = (name: string, value: unknown): Found => ({
      value,
      name: `${String(member(receiver, 'name'))}: ${name}`,
      in: (other) => {
        const same = receiversOf(other)?.find((known) =>
          ['name', 'url'].every((key) => member(known, key) === member(receiver, key)),
        );
        return member(member(same, 'headers'), name);
      },
    });
    // Not what the schema wants; what it says may be a secret all the same.
    if (typeof headers !== 'object' || headers === null)
      return { ...Object(receiver), headers: each(found('', headers)) };
    const entries = Object.entries(headers).flatMap(([name, value]) => {
      const next = each(found(name, value));
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

const uplinksPath = ['network', 'underlay', 'uplinks'];

/** PINs of the SIMs in uplinks' modems. */
function withPins<Document>(document: Document, each: (found: Found) => unknown): Document {
  const uplinks = memberAt(document, uplinksPath);
  if (typeof uplinks !== 'object' || uplinks === null) return document;
  return Object.keys(uplinks).reduce((whole, port) => {
    const at = [...uplinksPath, port, 'modem'];
    const modem = memberAt(whole, at);
    const value = member(modem, 'pin');
    if (value === undefined) return whole;
    const next = each({
      value,
      name: [...at, 'pin'].join('.'),
      in: (other) => {
        const known = memberAt(other, at);
        return member(known, 'device') === member(modem, 'device') ? member(known, 'pin') : undefined;
      },
    });
    const { pin: _, ...rest } = Object(modem);
    return replacedAt(whole, at, next === undefined ? rest : { ...rest, pin: next });
  }, document);
}

function memberAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce(member, value);
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** A copy with one member changed, however deep; those on the way to it are there. */
function replacedAt<Whole>(whole: Whole, [name, ...rest]: readonly string[], value: unknown): Whole {
  if (name === undefined) return value as Whole;
  return { ...whole, [name]: replacedAt(member(whole, name), rest, value) };
}

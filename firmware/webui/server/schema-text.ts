type Schema = Readonly<Record<string, unknown>>;

/** A JSON Schema in a line or an indented block, as types are written; HTML, with links to the types that have names. */
export function schemaText(schema: object, indent = ''): string {
  const given = schema as Schema;
  const { $ref, type } = given;
  if (typeof $ref === 'string') {
    const name = asHtml($ref.replace('#/components/schemas/', ''));
    return `<a href="#type-${name}">${name}</a>`;
  }
  const values = listOf(given['enum']);
  if (values.length > 0) return values.map((value) => asHtml(JSON.stringify(value))).join(' | ');
  const parts = listOf(given['allOf']).map((part) => schemaText(Object(part), indent));
  const choices = [...listOf(given['anyOf']), ...listOf(given['oneOf'])];
  if (choices.length > 0) return choices.map((choice) => schemaText(Object(choice), indent)).join(' | ');
  const types = Array.isArray(type) ? type.map(String) : type === undefined ? [] : [String(type)];
  const own = types.map((one) => typeText(one, given, indent));
  const whole = [...parts, ...(own.length > 0 ? [own.join(' | ')] : [])].join(' &amp; ');
  return whole === '' ? 'anything' : whole;
}

function typeText(type: string, schema: Schema, indent: string): string {
  switch (type) {
    case 'array':
      return `[ ${schemaText(Object(schema['items']), indent)}, … ]${bounds(schema, 'Items')}`;
    case 'object':
      return objectText(schema, indent);
    case 'string':
      return `string${bounds(schema, 'Length')}`;
    case 'integer':
    case 'number': {
      const { minimum, maximum } = schema;
      return `${type}${minimum === undefined && maximum === undefined ? '' : ` (${range(minimum, maximum)})`}`;
    }
    default:
      return asHtml(type);
  }
}

function objectText(schema: Schema, indent: string): string {
  const required = new Set(listOf(schema['required']));
  const deeper = `${indent}  `;
  const members = Object.entries(Object(schema['properties'])).map(
    ([name, member]) =>
      `${deeper}${asHtml(name)}${required.has(name) ? '' : '?'}: ${schemaText(Object(member), deeper)}${unlessTold(member)}\n`,
  );
  const more = schema['additionalProperties'];
  if (typeof more === 'object' && more !== null) members.push(`${deeper}…: ${schemaText(more, deeper)}\n`);
  return members.length === 0 ? '{ }' : `{\n${members.join('')}${indent}}`;
}

function unlessTold(schema: unknown): string {
  const value: unknown = Object(schema)['default'];
  return value === undefined ? '' : ` = ${asHtml(JSON.stringify(value))}`;
}

function bounds(schema: Schema, of: 'Items' | 'Length'): string {
  const [from, to] = [schema[`min${of}`], schema[`max${of}`]];
  return from === undefined && to === undefined ? '' : ` (${range(from ?? 0, to)})`;
}

function range(from: unknown, to: unknown): string {
  const most = to === Number.MAX_SAFE_INTEGER ? undefined : to;
  return most === undefined
    ? `${from} or more`
    : from === undefined
      ? `at most ${most}`
      : `${from} to ${most}`;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Text that stands in HTML, in an attribute too. */
export function asHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? '');
}

/** A schema of JSON Schema 2020-12 as OpenAPI 3.1 documents have them. */
export type JsonSchema = Readonly<Record<string, unknown>>;
type Components = Readonly<Record<string, JsonSchema>>;

const known = new Set([
  ...[
    '$ref',
    'type',
    'enum',
    'const',
    'allOf',
    'anyOf',
    'oneOf',
    'properties',
    'required',
    'additionalProperties',
  ],
  ...['items', 'minItems', 'maxItems', 'minLength', 'maxLength', 'pattern', 'format', 'minimum', 'maximum'],
  ...[
    'exclusiveMinimum',
    'exclusiveMaximum',
    'description',
    'default',
    'examples',
    'discriminator',
    'propertyNames',
  ],
]);
const types = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer'];

/** What is wrong with a schema itself: keywords that are none, references into nothing, patterns that are no expressions. */
export function schemaProblems(schema: unknown, components: Components, path = '#'): string[] {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return [`${path} is no schema`];
  const given = schema as JsonSchema;
  const problems = Object.keys(given)
    .filter((key) => !known.has(key))
    .map((key) => `${path} has ${key}`);
  const of = (key: string): unknown[] => {
    const value = given[key];
    return value === undefined ? [] : Array.isArray(value) ? value : [value];
  };
  for (const type of of('type')) if (!types.includes(String(type))) problems.push(`${path}: type ${type}`);
  for (const reference of of('$ref'))
    if (!Object.hasOwn(components, nameOf(reference))) problems.push(`${path}: ${reference} is not there`);
  for (const pattern of of('pattern'))
    try {
      new RegExp(String(pattern), 'u');
      if (/[^\\]\/[a-z]*$/.test(String(pattern))) problems.push(`${path}: flags behind ${pattern}`);
    } catch {
      problems.push(`${path}: ${pattern} is no expression`);
    }
  // All parts hold at once: what only one of them takes can never be.
  const takenByParts = of('allOf').map((part) => [merged(Object(part), components)['type'] ?? types].flat());
  if (new Set(takenByParts.map((taken) => JSON.stringify(taken))).size > 1)
    problems.push(`${path}: the parts of allOf are ${JSON.stringify(takenByParts)}`);
  const properties = Object.entries(Object(given['properties']));
  for (const name of of('required'))
    if (!properties.some(([property]) => property === name) && given['allOf'] === undefined)
      problems.push(`${path}: ${name} is required and not described`);
  const below: [string, unknown][] = [
    ...properties.map(([name, value]): [string, unknown] => [`properties.${name}`, value]),
    ...['allOf', 'anyOf', 'oneOf'].flatMap((key) =>
      of(key).map((value, index): [string, unknown] => [`${key}.${index}`, value]),
    ),
    ...of('items').map((value): [string, unknown] => ['items', value]),
    ...of('additionalProperties')
      .filter((value) => typeof value !== 'boolean')
      .map((value): [string, unknown] => ['additionalProperties', value]),
  ];
  return [
    ...problems,
    ...below.flatMap(([name, value]) => schemaProblems(value, components, `${path}.${name}`)),
  ];
}

/**
 * What is wrong with a value by its schema. An object may have only the members that are described, unless its schema
 * says otherwise: an answer must not hold more than the document tells.
 */
export function valueProblems(
  value: unknown,
  schema: JsonSchema,
  components: Components,
  path = '$',
): string[] {
  const whole = merged(schema, components);
  const choices = (whole['anyOf'] ?? whole['oneOf']) as readonly JsonSchema[] | undefined;
  if (choices !== undefined) {
    const tried = choices.map((choice) => valueProblems(value, choice, components, path));
    if (tried.some((problems) => problems.length === 0)) return [];
    const nearest = tried.toSorted((left, right) => left.length - right.length)[0] ?? [];
    return [`${path} fits none of ${choices.length}`, ...nearest];
  }
  const wanted = whole['type'] === undefined ? [] : [whole['type']].flat().map(String);
  if (wanted.length > 0 && !wanted.some((type) => isOf(value, type)))
    return [`${path} is ${JSON.stringify(value)?.slice(0, 40)}, not ${wanted.join(' or ')}`];
  const problems: string[] = [];
  const fail = (text: string) => void problems.push(`${path} ${text}`);
  const number = (key: string, fallback: number) => (typeof whole[key] === 'number' ? whole[key] : fallback);
  const allowed = whole['enum'] as readonly unknown[] | undefined;
  if (allowed !== undefined && value !== null && !allowed.includes(value))
    fail(`is ${value}, none of ${allowed}`);
  if (typeof value === 'number') {
    if (value < number('minimum', Number.NEGATIVE_INFINITY)) fail(`is ${value}`);
    if (value > number('maximum', Number.POSITIVE_INFINITY)) fail(`is ${value}`);
  }
  if (typeof value === 'string') {
    if (value.length < number('minLength', 0) || value.length > number('maxLength', Infinity))
      fail('has a wrong length');
    if (typeof whole['pattern'] === 'string' && !new RegExp(whole['pattern'], 'u').test(value))
      fail(`is ${JSON.stringify(value)}, not as ${whole['pattern']}`);
  }
  if (Array.isArray(value)) {
    if (value.length < number('minItems', 0) || value.length > number('maxItems', Infinity))
      fail('has a wrong length');
    const items = whole['items'] as JsonSchema | undefined;
    if (items !== undefined)
      for (const [index, item] of value.entries())
        problems.push(...valueProblems(item, items, components, `${path}.${index}`));
  } else if (typeof value === 'object' && value !== null && whole['type'] !== undefined) {
    const properties = Object(whole['properties']) as Readonly<Record<string, JsonSchema>>;
    const more = whole['additionalProperties'];
    for (const name of (whole['required'] ?? []) as readonly string[])
      if (!Object.hasOwn(value, name)) fail(`lacks ${name}`);
    for (const [name, member] of Object.entries(value)) {
      const described = properties[name] ?? (typeof more === 'object' ? (more as JsonSchema) : undefined);
      if (described !== undefined)
        problems.push(...valueProblems(member, described, components, `${path}.${name}`));
      else if (more !== true) fail(`has ${name}, which is not described`);
    }
  }
  return problems;
}

/** A schema with what it refers to and consists of in one. */
export function merged(schema: JsonSchema, components: Components): JsonSchema {
  const { $ref, allOf, ...own } = schema;
  const parts = [
    ...($ref === undefined ? [] : [components[nameOf($ref)] ?? {}]),
    ...((allOf ?? []) as readonly JsonSchema[]),
  ].map((part) => merged(part, components));
  const whole = Object.assign({}, ...parts, own) as Record<string, unknown>;
  const all = [...parts, own];
  const required = all.flatMap((part) => (part['required'] ?? []) as string[]);
  const properties: object = Object.assign({}, ...all.map((part) => part['properties']));
  return {
    ...whole,
    ...(required.length > 0 && { required }),
    ...(Object.keys(properties).length > 0 && { properties }),
  };
}

const nameOf = (reference: unknown) => String(reference).replace('#/components/schemas/', '');

function isOf(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

import { asHtml, schemaText } from './schema-text.ts';

/** What the reference reads of an OpenAPI 3.1 document. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Media {
  readonly schema: object;
  readonly example?: unknown;
}
type Content = Readonly<Record<string, Media>>;
interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly 'x-hithe': {
    readonly access: string;
    readonly dangerous?: boolean;
    readonly personal?: boolean;
    readonly openUntilClaimed?: boolean;
  };
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

/** Where the reference and its style are served. */
export const referencePaths = { page: '/api', style: '/api/reference.css' } as const;

/** The API for people, as a page without scripts. */
export function renderReference({ info, tags, components, paths }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  );
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    const rendered = own.map(({ method, path, operation }) => renderOperation(method, path, operation));
    return `<section><h2 id="${asHtml(name)}">${asHtml(description)}</h2>${rendered.join('')}</section>`;
  });
  const links = tags.map(({ name }) => `<li><a href="#${asHtml(name)}">${asHtml(name)}</a></li>`);
  const types = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<h3 id="type-${asHtml(name)}">${asHtml(name)}</h3><pre tabindex="0">${schemaText(schema)}</pre>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${asHtml(info.title)}: API</title>
<link rel="stylesheet" href="${referencePaths.style}">
<body>
<header>
<h1>${asHtml(info.title)}: API</h1>
<p>${inline(info.description)}</p>
<p><a href="/">The box’s page</a> · <a href="/api/v1/openapi.json">OpenAPI 3.1</a></p>
</header>
<nav aria-label="Contents"><ul>${links.join('')}<li><a href="#types">types</a></li></ul></nav>
<main>
${sections.join('\n')}
<section><h2 id="types">Types</h2>${types.join('')}</section>
</main>
</body>
</html>
`;
}

function renderOperation(method: string, path: string, operation: Operation): string {
  const { operationId, summary, parameters = [], requestBody, responses } = operation;
  const rows = parameters.map(
    ({ name, in: place, required, description = '', schema }) =>
      `<tr><th scope="row"><code>${asHtml(name)}</code></th><td>${place}${required ? ', required' : ''}</td>` +
      `<td><code>${schemaText(schema)}</code></td><td>${inline(description)}</td></tr>`,
  );
  const answers = Object.entries(responses).map(
    ([status, { description, content = {} }]) =>
      `<tr><th scope="row">${asHtml(status)}</th><td>${inline(description)}</td><td>${Object.entries(content)
        .map(([type, { schema }]) =>
          type.endsWith('problem+json') ? '<a href="#type-Problem">Problem</a>' : renderMedia(type, schema),
        )
        .join('')}</td></tr>`,
  );
  const bodies = Object.entries(requestBody?.content ?? {}).map(([type, { schema, example }]) => {
    const shown =
      example === undefined ? '' : `<pre tabindex="0">${asHtml(JSON.stringify(example, null, 2))}</pre>`;
    return `<h4>Body</h4>${renderMedia(type, schema)}${shown}`;
  });
  return `<article id="${asHtml(operationId)}">
<h3><a href="#${asHtml(operationId)}"><b>${method.toUpperCase()}</b> <code>${asHtml(path)}</code></a></h3>
<p>${inline(summary)}</p>
<p class="access">${accessText(operation['x-hithe'])}</p>
${rows.length === 0 ? '' : `<h4>Parameters</h4>${table(`Parameters of ${operationId}`, rows)}`}
${bodies.join('')}
<h4>Answers</h4>${table(`Answers of ${operationId}`, answers)}
</article>`;
}

/** Wide ones are scrolled by themselves, also with the keyboard. */
const table = (name: string, rows: readonly string[]) =>
  `<div class="wide" tabindex="0" role="region" aria-label="${asHtml(name)}"><table>${rows.join('')}</table></div>`;

function renderMedia(type: string, schema: object): string {
  const name = type === 'application/json' ? '' : `<code>${asHtml(type)}</code> `;
  return `${name}<pre tabindex="0">${schemaText(schema)}</pre>`;
}

function accessText({ access, dangerous, personal, openUntilClaimed }: Operation['x-hithe']): string {
  const parts = [
    access === 'public' ? 'For everybody' : `Needs <code>${asHtml(access)}</code>`,
    ...(openUntilClaimed ? ['open until the box is claimed'] : []),
    ...(dangerous ? ['password given again'] : []),
    ...(personal ? ['not for tokens'] : []),
  ];
  return parts.join(' · ');
}

/** Plain text with what stands in backquotes as code. */
const inline = (text: string) => asHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

/** In the page's colours, light and dark. */
export const referenceStyle = `:root { color-scheme: light dark; --paper: light-dark(#f8f7f4, #171614);
  --surface: light-dark(#ffffff, #211f1d); --line: light-dark(#dedad3, #383531); --ink: light-dark(#201d1a, #ece9e4);
  --quiet: light-dark(#625c55, #a9a39a); --accent: light-dark(#1d5a9e, #82b6ee); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 16px; background: var(--paper); color: var(--ink);
  font: 15px / 1.5 system-ui, sans-serif; }
h1 { font-size: 24px; } h2 { font-size: 18px; margin: 32px 0 8px; } h3 { font-size: 15px; margin: 0 0 4px; }
h4 { font-size: 13px; margin: 12px 0 4px; color: var(--quiet); }
h1, p { margin: 0 0 8px; }
a { color: var(--accent); } h3 a { text-decoration: none; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 16px; list-style: none; padding: 0; margin: 16px 0; }
nav a { display: inline-block; padding: 10px 0; }
article { background: var(--surface); border: 1px solid var(--line); border-radius: 6px; padding: 12px 16px;
  margin: 0 0 12px; }
.access { color: var(--quiet); font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0; border-top: 1px solid var(--line); }
code, pre { font: 13px / 1.5 ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
pre { margin: 4px 0; overflow-x: auto; max-height: 320px; white-space: pre-wrap; }
`;

import type { Problem } from '../api/problem.ts';
import { referencePaths } from './api-reference.ts';
import { asHtml } from './schema-text.ts';

/**
 * A problem as a page, for whoever followed a link to what is refused, such as a download: a browser would show the
 * problem's JSON in the place of the page. Every other answer as it is. Browsers say what they ask for as `Sec-Fetch-Dest`
 * (Fetch Metadata Request Headers, 2.1); programs do not.
 */
export async function problemForReaders(request: Request, response: Response): Promise<Response> {
  const isProblem = response.headers.get('content-type') === 'application/problem+json';
  if (!isProblem || request.headers.get('sec-fetch-dest') !== 'document') return response;
  const problem = (await response.json()) as Problem;
  const headers = new Headers(response.headers);
  headers.set('content-type', 'text/html; charset=utf-8');
  headers.delete('content-length');
  return new Response(request.method === 'HEAD' ? null : renderProblem(problem), {
    status: response.status,
    headers,
  });
}

function renderProblem({ title, status, code, detail }: Problem): string {
  // Under a name that is not the box's, everything is refused.
  const home = code === 'unknown-host' ? '' : ', or <a href="/">open the box’s page</a>';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${asHtml(title)}</title>
<link rel="stylesheet" href="${referencePaths.style}">
<body>
<main>
<h1>${asHtml(detail)}</h1>
<p>Nothing was changed. Go back in your browser${home}.</p>
<p class="access">${status} ${asHtml(title)} · <code>${asHtml(code)}</code></p>
</main>
</body>
</html>
`;
}

import { z } from '@hono/zod-openapi';
import { problemAnswer, problemSchema } from './problem.ts';
import { type Api, apiRoute } from './route.ts';

/** Makes a support bundle: a gzip file of a tar archive. */
export type MakeSupportBundle = () => Promise<{
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly fileName: string;
}>;

const type = 'application/gzip';

const supportRoute = apiRoute({
  method: 'get',
  path: '/api/v1/support',
  access: 'own',
  summary: 'What somebody needs who helps from afar, in one file, without secrets',
  responses: {
    200: {
      description: 'The file',
      content: { [type]: { schema: z.string().openapi({ format: 'binary' }) } },
    },
    503: {
      description: 'One is being made (`busy`)',
      content: { 'application/problem+json': { schema: problemSchema } },
    },
  },
});

/** One at a time: each takes some megabytes of memory while it is made. */
export function addSupportRoute(api: Api, make: MakeSupportBundle): void {
  let making = false;
  api.openapi(supportRoute, async (context) => {
    // Hono answers HEAD with the headers of GET; nothing is made for it.
    if (context.req.method === 'HEAD') return context.body(null, 200, { 'content-type': type });
    if (making) {
      const detail = 'A support bundle is being made. Try again in a moment.';
      return problemAnswer(context, 'busy', detail, { 'retry-after': '5' });
    }
    making = true;
    try {
      const { octets, fileName } = await make();
      return context.body(octets, 200, {
        'content-type': type,
        'content-disposition': `attachment; filename="${fileName}"`,
      });
    } finally {
      making = false;
    }
  });
}

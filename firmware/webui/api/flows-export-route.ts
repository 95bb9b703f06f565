import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { type FlowFormat, flowFormats } from './flow-lines.ts';
import { type FlowsFilter, type FlowsPage, type FlowsView, flowFilterFields } from './flows-route.ts';
import { problemAnswer } from './problem.ts';
import { type Api, apiRoute } from './route.ts';
import { problem } from './route-content.ts';

const exportRoute = apiRoute({
  method: 'get',
  path: '/api/v1/flows/export',
  access: 'read',
  summary: 'Recorded flows as a download, newest first: a JSON document a line, or CSV',
  request: {
    query: z.object({
      ...flowFilterFields,
      format: z.enum(['jsonl', 'csv']).default('jsonl'),
      limit: z.coerce.number().int().min(1).max(limits.flowsExported).default(limits.flowsExported),
    }),
  },
  responses: {
    200: {
      description: 'The flows, with the same fields in both forms',
      content: {
        [flowFormats.jsonl.contentType]: { schema: z.string() },
        [flowFormats.csv.contentType]: { schema: z.string() },
      },
    },
    400: problem('A filter is none'),
    500: problem('The records cannot be read'),
    503: problem('As many downloads are under way as the box makes at once'),
  },
});

/** Downloads of flows: read page by page as fast as they are taken, so that none fills the box's memory. */
export function addFlowsExportRoute(app: Api, flows: FlowsView): void {
  let underWay = 0;
  app.openapi(exportRoute, async (context) => {
    const { format, limit, ...filter } = context.req.valid('query');
    const headers = {
      'content-type': flowFormats[format].contentType,
      'content-disposition': `attachment; filename="flows.${format}"`,
    };
    // Hono answers HEAD with the headers of GET; a stream that nobody reads would never end.
    if (context.req.method === 'HEAD') return context.body(null, 200, headers);
    if (underWay >= limits.flowExportsAtOnce) {
      const detail = 'Other downloads of flows are under way. Try again when they are done.';
      return problemAnswer(context, 'busy', detail, { 'retry-after': '10' });
    }
    underWay += 1;
    let isUnderWay = true;
    const ended = () => {
      if (isUnderWay) underWay -= 1;
      isUnderWay = false;
    };
    const first = await flows
      .query(filter, { limit: Math.min(limit, limits.flowsAtOnce) })
      .catch((error: unknown) => {
        ended();
        throw error;
      });
    if (!first.ok) {
      ended();
      return problemAnswer(context, 'flows-not-read', first.error.message);
    }
    const body = download(first.value, {
      ...{ flows, filter, format, limit },
      mayStill: context.var.mayStill,
      ended,
    });
    return context.body(body, 200, headers);
  });
}

interface Download {
  readonly flows: FlowsView;
  readonly filter: FlowsFilter;
  readonly format: FlowFormat;
  readonly limit: number;
  readonly mayStill: () => boolean;
  /** Called however it ends, perhaps more than once. */
  readonly ended: () => void;
}

function download(
  first: FlowsPage,
  { flows, filter, format, limit, mayStill, ended }: Download,
): ReadableStream<Uint8Array> {
  const { head, line } = flowFormats[format];
  const octets = new TextEncoder();
  let page: FlowsPage | null = first;
  let left = limit;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(octets.encode(head));
      },
      async pull(controller) {
        if (page === null) {
          controller.close();
          ended();
          return;
        }
        controller.enqueue(octets.encode(page.flows.map(line).join('')));
        left -= page.flows.length;
        const { before }: FlowsPage = page;
        page = null;
        if (before === null || left <= 0) return;
        const next = await flows
          .query(filter, { before, limit: Math.min(left, limits.flowsAtOnce) })
          .catch((error: unknown) => {
            ended();
            throw error;
          });
        if (next.ok && mayStill()) {
          page = next.value;
          return;
        }
        // What ends in the middle must not look whole.
        ended();
        controller.error(new Error(next.ok ? 'Whoever asked may not any more' : next.error.message));
      },
      cancel: ended,
    },
    { highWaterMark: 1 },
  );
}

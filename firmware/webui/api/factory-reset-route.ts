import { z } from '@hono/zod-openapi';
import type { ShownPresence } from '../ports.ts';
import { pressButton, problemAnswer } from './problem.ts';
import { type Api, apiRoute, authorOf } from './route.ts';
import { problem } from './route-content.ts';

/** Has the box forget everything, once the answer to whoever asked is on its way. */
export interface FactoryReset {
  /** Resolves with why it cannot begin, or null: then the box restarts. */
  begin(identity: 'kept' | 'new', by: string): Promise<string | null>;
}

const route = apiRoute({
  method: 'post',
  path: '/api/v1/factory-reset',
  access: 'own',
  dangerous: true,
  summary:
    'Deletes settings, users, tokens, records and audit and restarts the box, which is then unclaimed; the image stays',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            /** The box’s own name, so that it is the one that is meant. */
            hostname: z.string().max(63),
            /** `new` gives the host identity up too, for a box that goes to somebody else. */
            identity: z.enum(['kept', 'new']).default('kept'),
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The box restarts now; what it has is deleted before anything reads it again',
      content: { 'application/json': { schema: z.object({ resetting: z.literal(true) }) } },
    },
    400: problem('The body is not {"hostname": "…"}'),
    409: problem(
      'The box has another name than the one that was given, or the button on it has to be pressed first (`press-button`)',
    ),
    500: problem('It could not begin; nothing was deleted'),
  },
});

export function addFactoryResetRoute(
  api: Api,
  {
    reset,
    presence,
    ownName,
  }: { readonly reset: FactoryReset; readonly presence: ShownPresence; readonly ownName: () => string },
): void {
  api.openapi(route, async (context) => {
    const { hostname, identity } = context.req.valid('json');
    if (hostname !== ownName())
      return problemAnswer(context, 'other-box', `This box is called ${ownName()}. Nothing was deleted.`);
    if (!presence.shown()) return problemAnswer(context, 'press-button', pressButton);
    context.set('audited', `identity ${identity}`);
    const failure = await reset.begin(identity, authorOf(context, undefined));
    if (failure !== null)
      return problemAnswer(context, 'not-stored', `It could not begin: ${failure}. Nothing was deleted.`);
    presence.used();
    return context.json({ resetting: true as const }, 200);
  });
}

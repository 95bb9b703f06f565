import { z } from '@hono/zod-openapi';
import type { Accounts } from '../accounts.ts';
import type { Claim } from '../claim.ts';
import { limits } from '../limits.ts';
import { passwordProblem } from '../passwords.ts';
import type { ReadClock, ShownPresence } from '../ports.ts';
import { clientOf } from './access-guard.ts';
import { pressButton, problemAnswer } from './problem.ts';
import { type Api, apiRoute } from './route.ts';
import { problem } from './route-content.ts';
import { giveCookie, passwordField, sessionView, viewOfSession } from './session-route.ts';
import { userNameField } from './user-route.ts';

export interface ClaimRoutePorts {
  readonly claim: Claim;
  readonly accounts: Accounts;
  readonly now: ReadClock;
  readonly hostname: () => string;
  readonly presence: ShownPresence;
  /** Whether claiming closes the page where the asker reads it: true on a box whose one port is underlay. */
  readonly closesWhenClaimed: () => boolean;
  /** Called once the box is claimed and the answer is on its way. */
  readonly onClaimed: () => void;
}

const claimRoute = apiRoute({
  method: 'post',
  path: '/api/v1/claim',
  access: 'public',
  summary:
    'Claims the box with the code that its console shows, or sets a new owner’s password with the console’s recovery code, which removes their security keys',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            code: z.string().max(limits.claimTypedLength),
            password: passwordField,
            /** `admin` unless told; with a recovery code the only owner there is. */
            name: userNameField.optional(),
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The box is claimed, and its owner signed in',
      content: {
        'application/json': {
          schema: z
            .object({
              claimed: z.literal(true),
              /** True where the page is no longer served on the port that it was asked on. */
              pageCloses: z.boolean(),
              session: sessionView,
            })
            .openapi('Claimed'),
        },
      },
    },
    400: problem('The body has not its fields, or the password cannot be taken; the box is as before'),
    403: problem('The code is not the one on the console, or the request came from another site'),
    409: problem('The box is claimed already, or the button on it has to be pressed first (`press-button`)'),
    413: problem('The body is too large'),
    415: problem('The body is not JSON'),
    429: problem('Too many tries; Retry-After says when the next one counts'),
    500: problem('The claim could not be stored'),
    503: problem('The box is at work on other passwords'),
  },
});

export function addClaimRoute(api: Api, ports: ClaimRoutePorts): void {
  const { claim, accounts, now, hostname } = ports;
  const { users } = accounts;
  api.openapi(claimRoute, async (context) => {
    const { code, password, name: given } = context.req.valid('json');
    const name = given ?? (claim.claimed() ? ownerOf(accounts) : 'admin');
    const unfit = passwordProblem(password, { hostname: hostname(), forbidden: [code, name] });
    if (unfit !== null)
      return problemAnswer(context, 'bad-request', unfit, {}, [{ path: 'password', message: unfit }]);
    // A code that the console gave is proof enough.
    if (!claim.claimed() && !ports.presence.shown())
      return problemAnswer(context, 'press-button', pressButton);
    const client = clientOf(context);
    const hadKeys = (users.find(name)?.securityKeys ?? 0) > 0;
    const attempt = await claim.attempt(code, client.address, accounts.keepOwner(name, password));
    switch (attempt.outcome) {
      case 'claimed':
      case 'recovered': {
        const pageCloses = attempt.outcome === 'claimed' && ports.closesWhenClaimed();
        const owner = users.find(name)?.name ?? name;
        context.set('auditedWho', owner);
        const recovered = `new password by the console’s code${hadKeys ? ', security keys removed' : ''}`;
        context.set('audited', attempt.outcome === 'recovered' ? recovered : '');
        const session = accounts.sessions.begin({ name: owner, role: 'owner' }, client);
        giveCookie(context, session);
        if (attempt.outcome === 'claimed') {
          ports.presence.used();
          ports.onClaimed();
        }
        const view = viewOfSession(session, now());
        return context.json({ claimed: true as const, pageCloses, session: view }, 200);
      }
      case 'wrong-code': {
        const detail = 'This is not the code that the console shows.';
        return problemAnswer(context, 'wrong-claim-code', detail, {}, [{ path: 'code', message: detail }]);
      }
      case 'already-claimed':
        return problemAnswer(context, 'already-claimed', 'This box is claimed already.');
      case 'not-stored':
        return problemAnswer(context, 'not-stored', 'The claim could not be stored; the box is as before.');
      case 'busy':
        return problemAnswer(
          context,
          'busy',
          'The box is at work on other passwords. Try again in a moment.',
          {
            'retry-after': '2',
          },
        );
      case 'too-many-tries': {
        const seconds = attempt.retryAfterSeconds;
        const detail = `Too many tries. The next one counts in ${seconds} s.`;
        return problemAnswer(context, 'too-many-tries', detail, { 'retry-after': String(seconds) });
      }
    }
  });
}

/** Whose password somebody sets who gives no name. */
function ownerOf({ users }: Accounts): string {
  const [owner, ...others] = users.list().filter(({ role }) => role === 'owner');
  return owner !== undefined && others.length === 0 ? owner.name : 'admin';
}

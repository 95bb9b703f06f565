import type { Context } from 'hono';
import type { KeyProblem } from '../second-factor.ts';
import { problemAnswer } from './problem.ts';
import type { ApiEnvironment } from './route.ts';

/** What kept a security key from proving anybody, and what to do. */
export function refuseKey(context: Context<ApiEnvironment>, refused: KeyProblem) {
  context.set('audited', 'no touch of a security key');
  switch (refused.outcome) {
    case 'none':
      return problemAnswer(
        context,
        'security-key-missing',
        'No security key is in the box’s USB port. Plug it in and try again.',
      );
    case 'other-key':
      return problemAnswer(
        context,
        'security-key-other',
        'The security key in the box’s USB port is not one of yours.',
      );
    case 'known-key':
      return problemAnswer(context, 'security-key-known', 'This security key is one of yours already.');
    case 'not-touched':
    case 'cancelled':
      return problemAnswer(
        context,
        'security-key-untouched',
        'Nobody touched the security key in time. Try again, and touch it while it blinks.',
      );
    case 'no-u2f':
      return problemAnswer(
        context,
        'security-key-unfit',
        'This security key does not speak U2F, which this box needs: use another one.',
      );
    case 'unfit':
      return problemAnswer(
        context,
        'security-key-unfit',
        'The security key did not answer as it should. Pull it out, plug it in again, and try once more.',
      );
    case 'copied':
      context.set('audited', 'the security key counts backwards: somebody has copied it');
      return problemAnswer(
        context,
        'security-key-copied',
        'This security key counts backwards: somebody has a copy of it. Sign in with another, or set a new password at the box’s console, and remove it.',
      );
    case 'asked':
      return problemAnswer(
        context,
        'security-key-asked',
        `The security keys are being asked for somebody at ${refused.from}. If you do not know who that is, touch none now.`,
      );
  }
}

import { useEffect } from 'preact/hooks';
import { useSession } from '../session-state.ts';
import { texts } from '../texts.ts';

/** Says that a security key has to be touched, while it has; whoever leaves this waits no more. */
export function TouchKey() {
  const { touch } = useSession();
  useEffect(() => () => touch?.abort(), [touch]);
  return <p role="status">{touch !== null && texts.securityKeys.touch}</p>;
}

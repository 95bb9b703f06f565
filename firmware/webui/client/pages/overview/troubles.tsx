import type { Alarms } from '../../../api/alarms-route.ts';
import { Ago } from '../../parts/ago.tsx';
import { State } from '../../parts/state.tsx';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';
import { useQuery } from '../../use-query.ts';

const everyMs = 10_000;

interface TroublesProps {
  /** The answer, which may be the first of them already. */
  said: string;
}

/** What the box warns of, and the alarms that last: what happened, what to do, and the code to search for. */
export function Troubles({ said }: TroublesProps) {
  const { warnings, alarms } = useBox().status;
  // Of whom an alarm is, only those are told who may know; the status says that there are any.
  const { value } = useQuery<Alarms>(alarms.length > 0 ? '/api/v1/alarms' : null, { every: everyMs });
  const listed = warnings.filter(({ message }) => message !== said);
  const active = value?.active ?? [];
  if (listed.length + active.length === 0) return null;
  return (
    <ul class="warnings" aria-label={texts.warnings}>
      {listed.map(({ code, message, advice }) => (
        <li key={code}>
          <State mark="attention" word={message} />
          <p>
            {advice} <code class="quiet">{code}</code>
          </p>
        </li>
      ))}
      {active.map(({ kind, subject, reason, advice, raisedAt }) => (
        <li key={`${kind} ${subject}`}>
          <State mark="attention" word={reason} />
          <p>
            {advice} <code class="quiet">{kind}</code>{' '}
            <span class="quiet">
              <Ago iso={new Date(raisedAt).toISOString()} />
            </span>
          </p>
        </li>
      ))}
    </ul>
  );
}

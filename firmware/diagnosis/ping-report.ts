import type { PingReport } from '../webui/api/diagnostics-route.ts';
import type { PolicyExplanation } from '../webui/api/policy-route.ts';
import type { Status } from '../webui/api/status-schema.ts';
import type { EchoResult } from './ports.ts';

/** The gateway itself, as the policy's ends name it. */
export const thisGateway = 'this';
/** In R2-SENT a responder has its SAs already (RFC 7401 §4.4.2). */
const carrying: readonly string[] = ['ESTABLISHED', 'R2-SENT'];

/** What echoes go to and from, by what the policy says of the gateway's own way there. */
export function echoEnds(own: PolicyExplanation, to: string): { to: string; source: string | undefined } {
  const isPeer = to === own.to.gateway || (own.to.hit !== null && to === own.to.hit);
  // The gateway's own address towards there is one that the peer knows to be behind it.
  return isPeer && own.to.hit !== null
    ? { to: own.to.hit, source: undefined }
    : { to: own.to.address, source: own.from.address };
}

/**
 * What came of echoes, and why.
 *
 * @param policy of whom it was asked for; null where that is the gateway itself, which no rule keeps from asking
 */
export function pingReport(facts: {
  readonly own: PolicyExplanation;
  readonly policy: PolicyExplanation | null;
  readonly ends: { readonly to: string; readonly source: string | undefined };
  readonly sent: EchoResult;
  readonly tunnels: Status['tunnels'];
}): PingReport {
  const { own, policy, ends, sent } = facts;
  const gateways = [own.to.gateway, policy?.from.gateway ?? thisGateway];
  const tunnels = facts.tunnels
    .filter(({ peer }) => gateways.includes(peer))
    .map(({ peer, state, lastError }) => ({ peer, state, lastError }));
  const echo: PingReport['echo'] = {
    ...{ from: ends.source ?? null, to: ends.to },
    ...(sent.ok ? sent.value : { sent: 0, received: 0, rttMs: null }),
    problem: sent.ok ? null : sent.problem,
  };
  return { ...outcomeOf({ policy, tunnels, echo }), policy, tunnels, echo };
}

function outcomeOf({
  policy,
  tunnels,
  echo,
}: Pick<PingReport, 'policy' | 'tunnels' | 'echo'>): Pick<PingReport, 'outcome' | 'why'> {
  if (policy?.verdict === 'deny') return { outcome: 'denied', why: policy.why };
  if (echo.received > 0) {
    const average = echo.rttMs === null ? '' : ` in ${echo.rttMs.average} ms`;
    return { outcome: 'answered', why: `${echo.to} answered${average}.` };
  }
  const down = tunnels.find(({ state }) => !carrying.includes(state));
  if (down !== undefined) {
    const error = down.lastError === null ? '' : `: ${down.lastError}`;
    return { outcome: 'tunnel-down', why: `The tunnel to ${down.peer} is ${down.state}${error}.` };
  }
  const beyond = tunnels.length > 0 ? ' The tunnel carries: the peer may deny it.' : '';
  const problem = echo.problem === null ? '' : ` ${echo.problem}.`;
  return { outcome: 'no-answer', why: `${echo.to} does not answer.${problem}${beyond}` };
}

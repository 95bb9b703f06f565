import type { StatusUpdate } from '../api/status-schema.ts';
import { isGlobal } from './is-global.ts';
import { texts } from './texts.ts';
import { tunnelCondition } from './tunnel-state.ts';

/** `off` is what is not there and need not be: a port without a cable, a box without a TPM. */
export type MarkName = 'up' | 'degraded' | 'down' | 'attention' | 'off';

export interface Summary {
  readonly mark: MarkName;
  /** One sentence, or two: how things are. */
  readonly sentence: string;
  /** The one thing to do, where there is one. */
  readonly advice: string | null;
}

const text = texts.summary;

/**
 * How the box is, in one sentence. The first of these that is true is said, causes before their effects: a box without a
 * network has no tunnels either, and the network is what has to be looked at.
 */
export function summarise(status: StatusUpdate): Summary {
  return trouble(status) ?? { mark: 'up', sentence: wellSentence(status), advice: null };
}

function trouble(status: StatusUpdate): Summary | null {
  const { network, tpm, warnings } = status;
  if (tpm.state === 'present' && !tpm.quote.verified) {
    return { mark: 'attention', sentence: text.quoteNotVerified, advice: text.quoteNotVerifiedAdvice };
  }
  const fromNetwork = unfinishedNetwork(network) ?? uplinkTrouble(status);
  if (fromNetwork !== null) return fromNetwork;
  const fromTunnels = tunnelTrouble(status);
  if (fromTunnels !== null) return fromTunnels;
  const [warning, ...others] = warnings;
  if (warning !== undefined) {
    const more = others.length > 0 ? ` ${text.moreWarnings(others.length)}` : '';
    return { mark: 'attention', sentence: warning.message, advice: `${warning.advice}${more}` };
  }
  if (status.alarms.length > 0)
    return { mark: 'attention', sentence: text.alarms(status.alarms.length), advice: text.alarmsAdvice };
  if (tpm.state === 'failed') return { mark: 'attention', sentence: text.tpmFailed, advice: tpm.advice };
  return null;
}

/** A network that is not as the settings want it, or not yet. */
export function unfinishedNetwork({
  state,
  detail,
}: Pick<StatusUpdate['network'], 'state' | 'detail'>): Summary | null {
  if (state === 'failed')
    return { mark: 'down', sentence: text.networkFailed, advice: detail ?? text.networkFailedAdvice };
  return state === 'applying' ? { mark: 'degraded', sentence: text.networkApplying, advice: null } : null;
}

function uplinkTrouble({ network }: StatusUpdate): Summary | null {
  const uplinks = network.interfaces.filter(({ role }) => role === 'underlay');
  if (uplinks.length === 0) return null;
  const linked = uplinks.filter(({ link }) => link !== 'down');
  if (linked.length === 0) {
    const ports = uplinks.map(({ name }) => name);
    return { mark: 'down', sentence: text.noLink(ports), advice: text.noLinkAdvice };
  }
  if (linked.some(({ addresses }) => addresses.some(isGlobal))) return null;
  const ports = linked.map(({ name }) => name);
  return { mark: 'degraded', sentence: text.noAddress, advice: text.noAddressAdvice(ports) };
}

/** What is wrong with tunnels, and null where nothing is. */
export function tunnelTrouble({ tunnels }: Pick<StatusUpdate, 'tunnels'>): Summary | null {
  const names = (condition: 'down' | 'connecting') =>
    tunnels.filter((tunnel) => tunnelCondition(tunnel) === condition).map(({ peer }) => peer);
  const down = tunnels.filter((tunnel) => ['down', 'closing'].includes(tunnelCondition(tunnel)));
  const up = tunnels.filter((tunnel) => tunnelCondition(tunnel) === 'up');
  const downNames = down.map(({ peer }) => peer);
  if (tunnels.length > 0 && down.length === tunnels.length) {
    return { mark: 'down', sentence: text.allDown(down.length, downNames), advice: text.allDownAdvice };
  }
  if (down.length > 0) {
    const sentence = text.someDown(up.length, tunnels.length, downNames);
    return { mark: 'degraded', sentence, advice: text.someDownAdvice };
  }
  const connecting = names('connecting');
  return connecting.length > 0
    ? { mark: 'degraded', sentence: text.connecting(connecting), advice: null }
    : null;
}

function wellSentence({ tunnels, tpm }: StatusUpdate): string {
  const about = tunnels.length === 0 ? text.noTunnels : text.up(tunnels.map(({ peer }) => peer));
  if (tpm.state === 'present') return `${about} ${text.quoteGood}`;
  return tpm.state === 'absent' ? `${about} ${text.noTpm}` : about;
}

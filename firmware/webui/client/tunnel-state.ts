import type { StatusUpdate } from '../api/status-schema.ts';
import type { MarkName } from './summary.ts';

export type Tunnel = StatusUpdate['tunnels'][number];
export type TunnelCondition = 'up' | 'idle' | 'connecting' | 'closing' | 'down';

export const tunnelMarks: Record<TunnelCondition, MarkName> = {
  up: 'up',
  idle: 'off',
  connecting: 'degraded',
  closing: 'degraded',
  down: 'down',
};

/** The association's state (RFC 7401 § 4.4.2) as far as a person needs to tell them apart. */
export function tunnelCondition(tunnel: Tunnel): TunnelCondition {
  switch (tunnel.state.toLowerCase().replaceAll('_', '-')) {
    case 'established':
    // The responder waits for the first ESP packet, but its security associations are in place.
    case 'r2-sent':
      return 'up';
    case 'i1-sent':
    case 'i2-sent':
      return 'connecting';
    case 'closing':
      return 'closing';
    case 'unassociated':
    case 'closed':
      return tunnel.connect === 'on-demand' ? 'idle' : 'down';
    default:
      return 'down';
  }
}

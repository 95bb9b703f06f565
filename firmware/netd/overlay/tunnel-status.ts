import { type AssociationState, type Carrying, isCarrying } from '../../hip/association.ts';
import type { AssociationHistory } from './association-history.ts';
import type { Peer } from './peer.ts';
import type { TrafficTotals } from './traffic-count.ts';

/** An association as the status document shows it. */
export type TunnelStatus = {
  peer: string;
  hit: string;
  /** The state of RFC 7401 §4.4.2, a new one that carries not before the kernel does. In R2-SENT the tunnel carries already. */
  state: string;
  connect: 'always' | 'on-demand';
  /** Which end began the exchange, while there is an association. */
  role: 'initiator' | 'responder' | null;
  locator: string | null;
  espSuite: string | null;
  /** Of the ESP packets that come in and that go out (RFC 7402 §3.3.2). */
  spis: { ours: number; theirs: number } | null;
  protectedPrefixes: string[];
  /** ISO 8601 in UTC. */
  establishedAt: string | null;
  lastError: string | null;
  /** Changes of keys since then. */
  rekeys: number;
  /** Milliseconds from our last I1 to its R1, or null where the peer began. */
  roundTripMs: number | null;
  /** Octets that the way to the peer takes in one packet, as far as the kernel knows. */
  pathMtu: number | null;
  traffic: Omit<TrafficTotals, 'tooOld' | 'replayed' | 'forged'>;
  /** Packets of the peer's that were dropped. */
  dropped: { wrongSource: number; tooOld: number; replayed: number; forged: number };
};

/** What the settings say of a peer. */
export function describePeer({
  name,
  hit,
  onDemand,
  protectedPrefixes,
}: Peer): Pick<TunnelStatus, 'peer' | 'hit' | 'connect' | 'protectedPrefixes'> {
  return {
    peer: name,
    hit,
    connect: onDemand ? 'on-demand' : 'always',
    protectedPrefixes: [...protectedPrefixes],
  };
}

/** What the association is that the kernel carries traffic for, if there is one. */
export function describeAssociation(
  association: Carrying['association'] | undefined,
  history: AssociationHistory,
  roundTripMs: number | null,
  pathMtu: number | null,
): Pick<TunnelStatus, 'role' | 'espSuite' | 'spis' | 'establishedAt' | 'rekeys' | 'roundTripMs' | 'pathMtu'> {
  if (association === undefined) {
    const nothing = { role: null, espSuite: null, spis: null, establishedAt: null };
    return { ...nothing, rekeys: 0, roundTripMs: null, pathMtu: null };
  }
  const { role, suite, localSpi, peerSpi } = association;
  return {
    role,
    espSuite: suite.name,
    spis: { ours: localSpi, theirs: peerSpi },
    establishedAt: history.establishedAt,
    rekeys: history.rekeys,
    roundTripMs: role === 'initiator' ? roundTripMs : null,
    pathMtu,
  };
}

/** Until the kernel has an association it is shown as it was: whoever reads that a tunnel stands may send at once. */
export function shownState(state: AssociationState, isInstalled: boolean): AssociationState['name'] {
  if (!isCarrying(state) || isInstalled) return state.name;
  return state.association.role === 'initiator' ? 'I2-SENT' : 'UNASSOCIATED';
}

import type { PolicyPeer } from '../../policy/policy.ts';
import type { PeerSettings } from '../../store/settings-schema.ts';

/** Peers as the policy knows them. Their platforms and verdicts are not known to a gateway by itself. */
export function policyPeers(peers: readonly PeerSettings[]): readonly PolicyPeer[] {
  return peers.map(({ name, uri, protectedPrefixes }) => ({
    name,
    hit: uri.slice(uri.lastIndexOf('/') + 1),
    protectedPrefixes,
  }));
}

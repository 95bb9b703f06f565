import { parseAddress } from '../../policy/address-line.ts';
import type { PolicyPeer } from '../../policy/policy.ts';
import type { PeerSettings } from '../../store/settings-schema.ts';
import type { GatewayVerdicts } from './verdicts.ts';

/** Peers as the policy knows them: by what verifiers say of them. Their platforms are not known to a gateway. */
export function policyPeers(
  peers: readonly PeerSettings[],
  verdicts: GatewayVerdicts['of'],
): readonly PolicyPeer[] {
  return peers.map(({ name, uri, protectedPrefixes }) => {
    const hit = uri.slice(uri.lastIndexOf('/') + 1);
    const attestation = verdicts.get(parseAddress(hit) ?? -1n);
    return { name, hit, protectedPrefixes, ...(attestation === undefined ? {} : { attestation }) };
  });
}

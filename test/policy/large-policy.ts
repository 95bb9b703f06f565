import type { PolicyPeer } from '../../firmware/policy/policy.ts';
import type { PolicySettings } from '../../firmware/store/policy-schema.ts';
import type { PeerSettings } from '../../firmware/store/settings-schema.ts';

/** A host behind this gateway and one behind the first peer, between which UDP 5000 is allowed and nothing else. */
export const benchEnds = { near: '192.168.1.10', far: '192.168.20.5', port: 5000 } as const;

export type LargePolicy = { readonly policy: PolicySettings; readonly peers: readonly PeerSettings[] };

/**
 * As large networks have them: a device a rule with a service of its own, rules by labels on dozens of devices, and
 * denies for everybody. `variant` changes one rule in a hundred.
 */
export function largePolicy(ruleCount: number, peerCount: number, variant = 0): LargePolicy {
  const peers = Array.from({ length: peerCount }, (_, index): PeerSettings => {
    const own = [`10.${index >> 8}.${index & 255}.0/24`, `fd10:${index.toString(16)}::/64`];
    return {
      name: index === 0 ? 'far' : `peer-${index}`,
      uri: `hip://198.51.100.1:10500/2001:22::${(index + 1).toString(16)}`,
      protectedPrefixes: index === 0 ? ['192.168.20.0/24', 'fd20::/64'] : own,
    };
  });
  const devices = Array.from({ length: ruleCount }, (_, index) => ({
    name: `device-${index}`,
    addresses: [
      index === 0 ? benchEnds.near : `172.${16 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
    ],
    labels: [`zone=${index % 20}`],
  }));
  const rules = Array.from({ length: ruleCount }, (_, index): PolicySettings['rules'][number] => {
    const id = `rule-${index}`;
    const gateway = peers[index % peerCount]?.name ?? 'far';
    const port = 1024 + (index % 700) + (index % 100 === 50 ? variant : 0);
    if (index === 0)
      return {
        ...{ id, subject: { device: 'device-0' }, verb: 'allow', object: { gateway: 'far' } },
        services: [{ protocol: 'udp', ports: [benchEnds.port] }],
      };
    if (index % 10 === 1)
      return {
        ...{ id, subject: { labels: [`zone=${index % 20}`] }, verb: 'allow', object: { gateway } },
        services: [{ protocol: 'tcp', ports: [443, `${8000 + (index % 50)}-8100`] }],
      };
    if (index % 10 === 2)
      return {
        ...{ id, subject: 'any', verb: 'deny', object: { device: `device-${index}` } },
        services: [{ protocol: 'tcp', ports: [23] }],
      };
    return {
      ...{ id, subject: { device: `device-${index}` }, verb: 'allow', object: { gateway } },
      services: [{ protocol: 'tcp', ports: [port] }, { protocol: 'icmp' }],
    };
  });
  const peerLabels = Object.fromEntries(peers.map(({ name }, index) => [name, [`site=${index % 10}`]]));
  return { policy: { labels: [], peerLabels, devices, rules, unknownDevices: 'quarantine' }, peers };
}

/** Peers as the policy room takes them. */
export function asPolicyPeers(peers: readonly PeerSettings[]): readonly PolicyPeer[] {
  return peers.map(({ name, uri, protectedPrefixes }) => ({
    name,
    hit: uri.split('/').at(-1) ?? '',
    protectedPrefixes,
  }));
}

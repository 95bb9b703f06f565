import type {
  Device,
  PolicyInput,
  PolicyPeer,
  Rule,
  Selector,
  Service,
  Side,
} from '../../firmware/policy/policy.ts';

/** A packet that opens a connection, in the words of a person; `local`: behind this gateway. */
export type OraclePacket = {
  readonly source: string;
  readonly destination: string;
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'other';
  readonly port: number;
  readonly local: { readonly source: boolean; readonly destination: boolean };
  /** It is for the gateway itself. */
  readonly own: boolean;
};

export type OracleAnswer = {
  readonly verdict: 'allow' | 'deny';
  readonly reason: 'rule' | 'default' | 'quarantine' | 'served' | 'not-served';
  /** Every rule that may be named as the one that decided. */
  readonly rules: readonly string[];
};

/** Decides as the documents say it, rule by rule and bit by bit: slow, and with nothing of the compiler's. */
export function decideByHand(
  input: PolicyInput,
  packet: OraclePacket,
  active: (rule: Rule) => boolean,
): OracleAnswer {
  const { devices, rules, unknownDevices, ownServices } = input.policy;
  const isPage = packet.own && packet.protocol === 'tcp' && [80, 443].includes(packet.port);
  if (packet.own && packet.local.source && packet.protocol === 'udp' && [67, 547].includes(packet.port))
    return { verdict: 'allow', reason: 'served', rules: [] };
  const isUnknown = (address: string) => !devices.some((device) => isDevice(device, address));
  if (unknownDevices === 'quarantine' && !isPage) {
    const { source, destination } = packet.own ? { ...packet.local, destination: false } : packet.local;
    if ((source && isUnknown(packet.source)) || (destination && isUnknown(packet.destination)))
      return { verdict: 'deny', reason: 'quarantine', rules: [] };
  }
  const matching = rules.filter((rule) => active(rule) && matches(input, rule, packet));
  const those = (mode: string, verb: string) =>
    matching.filter((rule) => (rule.mode ?? 'enforce') === mode && rule.verb === verb).map(({ id }) => id);
  const [denies, allows, observes] = [
    those('enforce', 'deny'),
    those('enforce', 'allow'),
    those('observe', 'allow'),
  ];
  if (denies.length > 0) return { verdict: 'deny', reason: 'rule', rules: denies };
  const isServed =
    !packet.own ||
    packet.protocol === 'icmp' ||
    (packet.local.source && (isPage || (['tcp', 'udp'].includes(packet.protocol) && packet.port === 53)));
  const isAllowed = allows.length + observes.length > 0;
  if (packet.own && ownServices === 'rules' && !isPage && !isAllowed)
    return { verdict: 'deny', reason: 'default', rules: [] };
  if (!isServed) return { verdict: 'deny', reason: 'not-served', rules: [] };
  if (allows.length > 0) return { verdict: 'allow', reason: 'rule', rules: allows };
  if (observes.length > 0) return { verdict: 'allow', reason: 'rule', rules: observes };
  if (packet.own) return { verdict: 'allow', reason: 'served', rules: [] };
  return { verdict: 'deny', reason: 'default', rules: [] };
}

function matches(
  input: PolicyInput,
  { subject, object, services = 'any' }: Rule,
  packet: OraclePacket,
): boolean {
  const isOwn = object !== 'any' && !Array.isArray(object) && 'own' in object;
  return (
    fitsSide(input, subject, packet.source) &&
    isOwn === packet.own &&
    (isOwn || fitsSide(input, object, packet.destination)) &&
    (services === 'any' || services.some((service) => fitsService(service, packet)))
  );
}

function fitsService({ protocol, ports }: Service, packet: OraclePacket): boolean {
  if (protocol === 'any') return true;
  if (protocol !== packet.protocol) return false;
  return (
    ports === undefined ||
    ports.some((text) => {
      const [first = '', last = first] = String(text).split('-');
      return packet.port >= Number(first) && packet.port <= Number(last);
    })
  );
}

function fitsSide(input: PolicyInput, side: Side, address: string): boolean {
  if (side === 'any') return true;
  const selectors: readonly Selector[] = Array.isArray(side) ? side : [side as Selector];
  return selectors.some((selector) => fits(input, selector, address));
}

function fits({ policy, own, peers }: PolicyInput, selector: Selector, address: string): boolean {
  const peer = nearest(peers, address);
  const gateway = peer ?? own;
  const ownDevices = policy.devices.filter((device) => isDevice(device, address));
  const labels = [
    ...ownDevices.flatMap((device) => device.labels ?? []),
    ...(peer === undefined ? policy.labels : (policy.peerLabels[peer.name] ?? [])),
  ];
  if (selector.device !== undefined && !ownDevices.some(({ name }) => name === selector.device)) return false;
  if (selector.gateway !== undefined && selector.gateway !== (peer?.name ?? 'this')) return false;
  if (selector.labels?.some((label) => !labels.includes(label))) return false;
  if (selector.platform !== undefined && selector.platform !== gateway.platform) return false;
  if (selector.attestation !== undefined && selector.attestation !== (gateway.attestation ?? 'unknown'))
    return false;
  return selector.addresses?.some((network) => isIn(address, network)) ?? true;
}

function isDevice({ addresses = [] }: Device, address: string): boolean {
  return addresses.some((network) => isIn(address, network));
}

/** The peer with the longest prefix that holds the address. */
function nearest(peers: readonly PolicyPeer[], address: string): PolicyPeer | undefined {
  let best: { peer: PolicyPeer; length: number } | undefined;
  for (const peer of peers)
    for (const prefix of peer.protectedPrefixes) {
      const length = Number(prefix.split('/')[1]);
      if (isIn(address, prefix) && length > (best?.length ?? -1)) best = { peer, length };
    }
  return best?.peer;
}

/** Compares bit by bit. */
function isIn(address: string, network: string): boolean {
  const [base = '', length] = network.split('/');
  const [left, right] = [bitsOf(address), bitsOf(base)];
  if (left.length !== right.length) return false;
  const count = length === undefined ? left.length : Number(length);
  return left.slice(0, count) === right.slice(0, count);
}

function bitsOf(address: string): string {
  if (!address.includes(':'))
    return address
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('');
  const [head = '', tail] = address.split('::');
  const words = (text: string) => text.split(':').filter((word) => word !== '');
  const [front, back] = [words(head), words(tail ?? '')];
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return [...front, ...zeros, ...back]
    .map((word) => Number.parseInt(word, 16).toString(2).padStart(16, '0'))
    .join('');
}

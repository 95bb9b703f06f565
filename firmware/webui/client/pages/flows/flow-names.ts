import type { Flow } from '../../../api/flows-route.ts';

/** An end by the name that people gave it, where they did. */
export function endName({ devices, address }: Flow['from']): string {
  return devices[0] ?? address;
}

export function serviceName({ protocol, port }: Pick<Flow, 'protocol' | 'port'>): string {
  return port === 0 ? protocol : `${protocol} ${port}`;
}

export function flowName(flow: Pick<Flow, 'from' | 'to' | 'protocol' | 'port'>): string {
  return `${endName(flow.from)} → ${endName(flow.to)}, ${serviceName(flow)}`;
}

export function policyProtocol({ protocol }: Pick<Flow, 'protocol'>): 'tcp' | 'udp' | 'icmp' | 'other' {
  return protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp' ? protocol : 'other';
}

/** The page of the policy, asked about this flow; with a rule that would allow it, begun. */
export function policyAddress(flow: Flow, withRule: boolean): string {
  const [from, to] = [flow.from, flow.to].map(endName);
  const query = new URLSearchParams({ from: from ?? '', to: to ?? '', proto: policyProtocol(flow) });
  if (flow.port > 0) query.set('port', String(flow.port));
  if (withRule) query.set('add', 'allow');
  return `/policy?${query}`;
}

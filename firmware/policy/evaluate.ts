import { findRange } from './address-line.ts';
import { type Classes, classOf, type Layer } from './classes.ts';
import type { Category, CompiledPolicy, Table } from './compile.ts';
import { addressPorts, ownServicePorts, pagePorts, timePort } from './own-services.ts';
import { type ServiceProtocol, servicePlace } from './services.ts';

/** The first packet of a connection, as policies see it. `own`: it is for the gateway itself. */
export type FlowStart = {
  readonly source: bigint;
  readonly destination: bigint;
  readonly protocol: ServiceProtocol;
  /** Of the destination; 0 where the protocol has none. */
  readonly port: number;
  /** Which ends are on this gateway's LAN. */
  readonly local: { readonly source: boolean; readonly destination: boolean };
  readonly own?: boolean;
  /** The gateway tells the source's network the time. */
  readonly servesTime?: boolean;
};

/** A table in which an entry was found, and what it was found by. */
export type Match = {
  readonly category: Category;
  readonly rule: number;
  readonly classes: {
    readonly [part in keyof Table['layers']]: { readonly layer: Layer; readonly class: number };
  };
};

export type Decision = {
  readonly verdict: 'allow' | 'deny';
  /** `served`, `not-served`: what the gateway itself serves, and nothing else, is there for devices that were accepted. */
  readonly reason: 'rule' | 'default' | 'quarantine' | 'served' | 'not-served';
  /** What decided; null where nothing matched. */
  readonly match: Match | null;
  /** What a staged rule would do; null where none matches. */
  readonly staged: Match | null;
};

/** Decides by the same lookups in the same order as the kernel's ruleset. */
export function evaluate(policy: CompiledPolicy, flow: FlowStart): Decision {
  if (flow.own) return evaluateOwn(policy, flow);
  const staged = find(policy, flow, 'staged-deny') ?? find(policy, flow, 'staged-allow');
  if (isQuarantined(policy, flow)) return { verdict: 'deny', reason: 'quarantine', match: null, staged };
  const denied = find(policy, flow, 'deny');
  if (denied !== null) return { verdict: 'deny', reason: 'rule', match: denied, staged };
  const allowed = find(policy, flow, 'allow') ?? find(policy, flow, 'observe');
  if (allowed !== null) return { verdict: 'allow', reason: 'rule', match: allowed, staged };
  return { verdict: 'deny', reason: 'default', match: null, staged };
}

/** What is for the gateway itself: the policy's chain first, then what the firewall admits anyway. */
function evaluateOwn(policy: CompiledPolicy, flow: FlowStart): Decision {
  const { protocol, port, local } = flow;
  const nothing = { match: null, staged: null };
  if (protocol === 'udp' && addressPorts.includes(port) && local.source)
    return { verdict: 'allow', reason: 'served', ...nothing };
  const staged = find(policy, flow, 'own-staged-deny') ?? find(policy, flow, 'own-staged-allow');
  const isPage = protocol === 'tcp' && pagePorts.includes(port);
  const denied = (reason: Decision['reason'], match: Match | null = null): Decision => {
    return { verdict: 'deny', reason, match, staged };
  };
  if (!isPage && isQuarantined(policy, { ...flow, local: { ...local, destination: false } }))
    return denied('quarantine');
  const refused = find(policy, flow, 'own-deny');
  if (refused !== null) return denied('rule', refused);
  const isServed = serves(flow);
  const match = find(policy, flow, 'own-allow') ?? find(policy, flow, 'own-observe');
  if (match !== null && isServed) return { verdict: 'allow', reason: 'rule', match, staged };
  if (match === null && policy.ownServices === 'rules' && !isPage) return denied('default');
  return isServed ? { verdict: 'allow', reason: 'served', match: null, staged } : denied('not-served');
}

/** Peers and their hosts get echoes alone. */
function serves({ protocol, port, local, servesTime = false }: FlowStart): boolean {
  if (protocol === 'icmp') return true;
  if (!local.source || protocol === 'other') return false;
  if (port === timePort && !servesTime) return false;
  return ownServicePorts[protocol].some((served) => served === port);
}

function isQuarantined({ accepted }: CompiledPolicy, { local, source, destination }: FlowStart): boolean {
  if (accepted === null) return false;
  return (
    (local.source && findRange(accepted, source) < 0) ||
    (local.destination && findRange(accepted, destination) < 0)
  );
}

function find(policy: CompiledPolicy, flow: FlowStart, category: Category): Match | null {
  const { sources, destinations, services, tables } = policy;
  const service = servicePlace(flow.protocol, flow.port);
  const part = (classes: Classes, layer: Layer, place: bigint) => ({
    layer,
    class: layer === 'any' ? 0 : classOf(classes, layer, place),
  });
  for (const table of tables) {
    if (table.category !== category) continue;
    const classes = {
      source: part(sources, table.layers.source, flow.source),
      destination: part(destinations, table.layers.destination, flow.destination),
      service: part(services, table.layers.service, service),
    };
    const key = Object.values(classes)
      .filter(({ layer }) => layer !== 'any')
      .map((found) => found.class)
      .join(' ');
    const rule = table.entries.get(key);
    if (rule !== undefined) return { category, rule, classes };
  }
  return null;
}

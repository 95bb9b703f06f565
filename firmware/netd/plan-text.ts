import type { DesiredNetwork } from './desired.ts';
import type { LinkOperation, Plan } from './diff.ts';
import { limits } from './limits.ts';
import { type ObservedRoute, routeProtocol } from './observed.ts';

function routeWords({ destination, gateway, onLink, link, metric }: ObservedRoute): string {
  const via = gateway === null ? 'scope link' : `via ${gateway}`;
  return `${destination} ${via} dev ${link}${onLink ? ' onlink' : ''} metric ${metric} proto ${routeProtocol}`;
}

function command(step: LinkOperation): string {
  switch (step.do) {
    case 'create-bridge': {
      const mac = step.mac === null ? '' : ` address ${step.mac}`;
      // Without a forwarding delay a port carries packets as soon as it has a link; loops are the installer's matter.
      return `link add name ${step.link}${mac} type bridge stp_state 0 forward_delay 0`;
    }
    case 'create-vlan':
      return `link add link ${step.parent} name ${step.link} type vlan id ${step.id}`;
    case 'delete-link':
      return `link delete dev ${step.link}`;
    case 'set-master':
      return step.to === null
        ? `link set dev ${step.link} nomaster`
        : `link set dev ${step.link} master ${step.to}`;
    case 'set-mtu':
      return `link set dev ${step.link} mtu ${step.to}`;
    case 'set-up':
      return `link set dev ${step.link} ${step.up ? 'up' : 'down'}`;
    case 'add-address':
      return `address add ${step.address} dev ${step.link}`;
    case 'delete-address':
      return `address delete ${step.address} dev ${step.link}`;
    case 'replace-route':
      return `route replace ${routeWords(step.route)}`;
    case 'delete-route':
      return `route delete ${routeWords(step.route)}`;
  }
}

/** The plan's link operations as input for one `ip -force -batch -`, a line each in the same order. */
export function renderBatch(batch: readonly LinkOperation[]): string {
  return batch.map((step) => `${command(step)}\n`).join('');
}

function sentence(step: LinkOperation): string {
  switch (step.do) {
    case 'create-bridge':
      return `${step.link}: none → bridge`;
    case 'create-vlan':
      return `${step.link}: none → VLAN ${step.id} of ${step.parent}`;
    case 'delete-link':
      return `${step.link}: ${step.kind} → none`;
    case 'set-master':
      return `${step.link}: in ${step.from ?? 'no group'} → in ${step.to ?? 'no group'}`;
    case 'set-mtu':
      return `${step.link}: MTU ${step.from} → ${step.to}`;
    case 'set-up':
      return step.up ? `${step.link}: down → up` : `${step.link}: up → down`;
    case 'add-address':
      return `${step.link}: no address → ${step.address}`;
    case 'delete-address':
      return `${step.link}: ${step.address} → no address`;
    case 'replace-route':
      return `route to ${step.route.destination}: → ${step.route.gateway ?? 'on link'} by ${step.route.link}`;
    case 'delete-route':
      return `route to ${step.route.destination}: ${step.route.gateway ?? 'on link'} by ${step.route.link} → none`;
  }
}

/** What a plan changes, for people: a line each, before → after. */
export function describePlan(plan: Plan): readonly string[] {
  const writes = [...plan.before, ...plan.after].map(
    ({ path, from, to }) => `${path.replace(/^\/(proc\/)?sys\//, '')}: ${from ?? 'none'} → ${to}`,
  );
  return [...plan.batch.map(sentence), ...writes];
}

/** What changes besides what `ip` does: services, and rules of the ruleset, for people. */
export function describeOther(before: DesiredNetwork, after: DesiredNetwork): readonly string[] {
  const services = (['lanServices', 'dhcpClients', 'dhcpv6Clients', 'nameServers'] as const).flatMap(
    (name) => {
      const [from, to] = [JSON.stringify(before[name]), JSON.stringify(after[name])];
      return from === to ? [] : [`${name}: ${from} → ${to}`];
    },
  );
  return [...services, ...describeRules(rulesOf(before), rulesOf(after))];
}

function rulesOf({ firewall, mirror }: DesiredNetwork): string {
  return `${firewall}\n${mirror?.ruleset ?? ''}`;
}

function describeRules(before: string, after: string): readonly string[] {
  const [from, to] = [linesOf(before), linesOf(after)];
  const lines = [
    ...[...from].filter((line) => !to.has(line)).map((line) => `rule removed: ${line}`),
    ...[...to].filter((line) => !from.has(line)).map((line) => `rule added: ${line}`),
  ];
  const shown = lines.slice(0, limits.plannedRules);
  return lines.length > shown.length ? [...shown, `and ${lines.length - shown.length} rules more`] : shown;
}

function linesOf(ruleset: string): ReadonlySet<string> {
  return new Set(ruleset.split('\n').map((line) => line.trim()));
}

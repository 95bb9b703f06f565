import type { Service } from '../../policy/policy.ts';
import type { LearnedService } from './talks.ts';

/** Ports that follow one another are written as a range from this many on. */
const shortestRange = 3;

/** Services in the settings' form: a protocol each, its ports merged; at most `size` ports or ranges in one. */
export function mergeServices(services: readonly LearnedService[], size: number): readonly Service[] {
  return (['tcp', 'udp', 'icmp'] as const).flatMap((protocol): Service[] => {
    const own = services.filter((service) => service.protocol === protocol);
    if (own.length === 0) return [];
    if (protocol === 'icmp') return [{ protocol }];
    const ports = portsOf(own.map(({ port }) => port).toSorted((left, right) => left - right));
    return Array.from({ length: Math.ceil(ports.length / size) }, (_, index) => ({
      protocol,
      ports: ports.slice(index * size, (index + 1) * size),
    }));
  });
}

/** Of ascending ports. */
function portsOf(ports: readonly number[]): readonly (number | string)[] {
  const runs: { from: number; to: number }[] = [];
  for (const port of ports) {
    const last = runs.at(-1);
    if (last !== undefined && port === last.to + 1) last.to = port;
    else runs.push({ from: port, to: port });
  }
  return runs.flatMap(({ from, to }): (number | string)[] =>
    to - from + 1 >= shortestRange
      ? [`${from}-${to}`]
      : Array.from({ length: to - from + 1 }, (_, index) => from + index),
  );
}

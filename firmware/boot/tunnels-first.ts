import type { Status } from '../webui/api/status-schema.ts';
import { limits } from './limits.ts';

export type TunnelsFirstPorts = {
  readonly tunnels: () => readonly Pick<Status['tunnels'][number], 'connect' | 'establishedAt'>[];
  readonly uptimeSeconds: () => number;
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};

/** Waits until the tunnels carry that are always wanted, but no longer than `limits.tunnelsFirstSeconds`. */
export async function tunnelsCarry(ports: TunnelsFirstPorts, signal: AbortSignal): Promise<void> {
  const until = ports.uptimeSeconds() + limits.tunnelsFirstSeconds;
  const isAwaited = () =>
    ports.tunnels().some(({ connect, establishedAt }) => connect === 'always' && establishedAt === null);
  while (isAwaited() && ports.uptimeSeconds() < until && !signal.aborted)
    await ports.wait(limits.tunnelsLookMs, signal);
}

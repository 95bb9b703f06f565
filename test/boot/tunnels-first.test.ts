import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/boot/limits.ts';
import { type TunnelsFirstPorts, tunnelsCarry } from '../../firmware/boot/tunnels-first.ts';

type Tunnel = ReturnType<TunnelsFirstPorts['tunnels']>[number];

/** The seconds that the start waits for tunnels that are as told at a time since then. */
async function waited(
  tunnelsAt: (seconds: number) => readonly Tunnel[],
  signal = new AbortController().signal,
): Promise<number> {
  let now = 100;
  const ports: TunnelsFirstPorts = {
    tunnels: () => tunnelsAt(now - 100),
    uptimeSeconds: () => now,
    wait: async (milliseconds) => {
      now += milliseconds / 1000;
    },
  };
  await tunnelsCarry(ports, signal);
  return now - 100;
}

const carries: Tunnel = { connect: 'always', establishedAt: '2026-01-01T00:00:00.000Z' };
const tries: Tunnel = { connect: 'always', establishedAt: null };
const sleeps: Tunnel = { connect: 'on-demand', establishedAt: null };

describe('the rest of a start', () => {
  test('does not wait where there are no tunnels, or nobody wants them now', async () => {
    expect(await waited(() => [])).toBe(0);
    expect(await waited(() => [sleeps, carries])).toBe(0);
  });

  test('goes on once all tunnels that are always wanted carry', async () => {
    const tunnelsAt = (seconds: number) => [carries, seconds < 3 ? tries : carries];
    expect(await waited(tunnelsAt)).toBe(3);
  });

  test('waits for a peer that is not there no longer than the limit', async () => {
    expect(await waited(() => [tries, carries])).toBe(limits.tunnelsFirstSeconds);
  });

  test('does not wait in a runtime that is told to end', async () => {
    expect(await waited(() => [tries], AbortSignal.abort())).toBe(0);
  });
});

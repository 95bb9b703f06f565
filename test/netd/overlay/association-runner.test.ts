import { describe, expect, test } from 'vitest';
import type { Locator } from '../../../firmware/hip/locator.ts';
import type { DataPath } from '../../../firmware/netd/overlay/data-path.ts';
import { OverlayError } from '../../../firmware/netd/overlay/error.ts';
import type { KernelEvent } from '../../../firmware/netd/overlay/kernel-events.ts';
import { type Overlay, startOverlay } from '../../../firmware/netd/overlay/overlay.ts';
import type { OverlayPorts } from '../../../firmware/netd/overlay/ports.ts';
import type { LogLevel } from '../../../firmware/netd/system-port.ts';
import { hipCrypto } from '../../../firmware/system/hip-crypto.ts';
import { newSigner } from '../../hip/two-hosts.ts';

/** Overlays joined in memory, in virtual time: every port but the cryptography is the test's own. */
class Bench {
  now = 0;
  readonly logs: string[] = [];
  readonly #timers = new Set<{ at: number; callback: () => void }>();
  readonly #kernels = new Map<string, (event: KernelEvent) => void>();
  readonly #listeners = new Map<string, (packet: Uint8Array, from: Locator) => void>();
  addresses: readonly string[] = ['eth0/192.0.2.1'];
  mtu = 1500;
  names: Readonly<Record<string, readonly string[]>> = {};

  ports(address: string, signer = newSigner()): OverlayPorts {
    const locator = { address, port: 10500 };
    return {
      socket: {
        send: (packet, to) => queueMicrotask(() => this.#listeners.get(to.address)?.(packet, locator)),
        onPacket: (listener) => void this.#listeners.set(address, listener),
        onSendFailure: () => {},
        useRaw: async () => {},
        dropped: () => ({ notHip: 0, badChecksum: 0 }),
        close: async () => void this.#listeners.delete(address),
      },
      crypto: hipCrypto,
      signer,
      run: async () => ({ status: 0, stdout: '', stderr: '' }),
      monotonic: () => this.now,
      wallClock: () => 1_700_000_000_000 + this.now,
      setTimer: (milliseconds, callback) => {
        const timer = { at: this.now + milliseconds, callback };
        this.#timers.add(timer);
        return { close: () => void this.#timers.delete(timer) };
      },
      resolve: async (host) => this.names[host] ?? (host.includes('.example') ? [] : [host]),
      sourceAddress: async () => address,
      watchKernel: async (listener) => {
        this.#kernels.set(address, listener);
        return { close: () => void this.#kernels.delete(address) };
      },
      linkMtu: () => this.mtu,
      localAddresses: () => this.addresses,
      log: (level: LogLevel, message: string) => void this.logs.push(`${level} ${message}`),
    };
  }

  /** Lets virtual time pass, timer by timer, with everything that follows each. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    for (;;) {
      // Signatures and look-ups are promises: let them settle, and what they cause.
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      const next = [...this.#timers].toSorted((left, right) => left.at - right.at)[0];
      if (next === undefined || next.at > until) break;
      this.#timers.delete(next);
      this.now = Math.max(this.now, next.at);
      next.callback();
    }
    this.now = until;
  }
}

const working = (): DataPath => ({
  open: async () => {},
  setPeers: async () => {},
  apply: async () => {},
  localAddress: () => undefined,
  remoteAddress: () => undefined,
  forget: () => {},
  counters: async () => [],
  wrongSources: async () => new Map(),
  pathMtus: async () => new Map(),
  close: async () => {},
});

const peer = (name: string, address: string, { hit }: { hit: string }) => ({
  name,
  uri: `hip://${address}/${hit}`,
  protectedPrefixes: [],
});
const states = (overlay: Overlay) => overlay.tunnels().map(({ state, lastError }) => ({ state, lastError }));

describe('an association that is to be kept up', () => {
  test('waits for a name to resolve, then connects', async () => {
    const bench = new Bench();
    const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: working() });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', 'gw-b.example', b)] });
    // B knows A's address, so a lost look-up must not keep them apart; here B is not there yet.
    await bench.pass(10);
    expect(
      states(a)[0]?.lastError === null || states(a)[0]?.lastError === 'gw-b.example has no address',
    ).toBe(true);
    bench.names = { 'gw-b.example': ['192.0.2.2'] };
    await bench.pass(5_000);
    expect([...states(a), ...states(b)].map(({ lastError }) => lastError)).toEqual([null, null]);
    expect(new Set([...states(a), ...states(b)].map(({ state }) => state))).toEqual(
      new Set(['R2-SENT', 'ESTABLISHED']),
    );
    await bench.pass(40_000);
    expect([...states(a), ...states(b)].map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect(bench.logs.filter((line) => line.includes('has no address')).length).toBeLessThanOrEqual(1);
  });

  test('a peer that is never there is tried for ever, ever more slowly, with the reason', async () => {
    const bench = new Bench();
    const a = await startOverlay(
      bench.ports('192.0.2.1'),
      { peers: [peer('b', '192.0.2.9', { hit: '2001:22::1' })] },
      { dataPath: working() },
    );
    await bench.pass(31_500);
    expect(states(a)).toEqual([{ state: 'E-FAILED', lastError: 'the peer does not answer' }]);
    await bench.pass(3_600_000);
    // A minute and a quarter in E-FAILED, half a minute of I1s: never idle beside that.
    for (let look = 0; look < 20; look++) {
      await bench.pass(7_000);
      expect(['I1-SENT', 'E-FAILED']).toContain(states(a)[0]?.state);
    }
    expect(bench.logs.filter((line) => line.startsWith('warning')).length).toBe(1);
  });

  test('a kernel that refuses is shown, logged, and asked again with back-off', async () => {
    const bench = new Bench();
    let refusals = 0;
    const refusing: DataPath = {
      ...working(),
      async apply(_, effects) {
        if (!effects.some(({ type }) => type === 'install-outbound')) return;
        refusals++;
        throw new OverlayError('command-failed', 'ip: RTNETLINK answers: Function not implemented');
      },
    };
    const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: refusing });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
    await bench.pass(1_900);
    expect(states(a)).toMatchObject([{ lastError: 'ip: RTNETLINK answers: Function not implemented' }]);
    expect(states(a)[0]?.state).not.toBe('ESTABLISHED');
    await bench.pass(600_000);
    expect(refusals).toBeGreaterThan(5);
    expect(refusals).toBeLessThan(60);
  });

  test('a host identity that cannot sign is shown, and works again once it can', async () => {
    const bench = new Bench();
    const real = newSigner();
    let broken = true;
    const signer = {
      identity: real.identity,
      sign: async (message: Uint8Array) =>
        broken ? Promise.reject(new Error('TPM is locked')) : real.sign(message),
    };
    const a = await startOverlay(bench.ports('192.0.2.1', signer), { peers: [] }, { dataPath: working() });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
    await bench.pass(5_000);
    expect(bench.logs).toContain('error the host identity cannot sign R1s: TPM is locked');
    broken = false;
    await bench.pass(180_000);
    expect([...states(a), ...states(b)].map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED']);
  });

  test('close tells the peer and leaves nothing running', async () => {
    const bench = new Bench();
    const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: working() });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
    await bench.pass(2_000);
    const closing = a.close();
    await bench.pass(100);
    await closing;
    expect(a.tunnels()).toEqual([]);
    expect(states(b)).toMatchObject([{ state: 'CLOSED' }]);
  });
});

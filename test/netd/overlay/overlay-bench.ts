import type { Locator } from '../../../firmware/hip/locator.ts';
import type { DataPath, EspEffect } from '../../../firmware/netd/overlay/data-path.ts';
import type { EspCounters } from '../../../firmware/netd/overlay/esp-listing.ts';
import type { KernelEvent } from '../../../firmware/netd/overlay/kernel-events.ts';
import type { Overlay } from '../../../firmware/netd/overlay/overlay.ts';
import type { OverlayPorts } from '../../../firmware/netd/overlay/ports.ts';
import type { LogLevel } from '../../../firmware/netd/system-port.ts';
import { hipCrypto } from '../../../firmware/system/hip-crypto.ts';
import { newSigner } from '../../hip/two-hosts.ts';

/** Overlays joined in memory, in virtual time: every port but the cryptography is the test's own. */
export class Bench {
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

  /** What the kernel of the box at this address says. */
  kernelSays(address: string, event: KernelEvent): void {
    this.#kernels.get(address)?.(event);
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

export const working = (): DataPath => ({
  open: async () => {},
  setPeers: async () => {},
  apply: async () => {},
  localAddress: () => undefined,
  remoteAddress: () => undefined,
  forget: () => {},
  counters: async () => [],
  wrongSources: async () => new Map(),
  pathMtus: async () => new Map(),
  fitPaths: async () => {},
  close: async () => {},
});

export const peer = (name: string, address: string, { hit }: { hit: string }) => ({
  name,
  uri: `hip://${address}/${hit}`,
  protectedPrefixes: [],
});
export const states = (overlay: Overlay) =>
  overlay.tunnels().map(({ state, lastError }) => ({ state, lastError }));

/** A kernel that takes everything and lets a test count its packets. */
export class CountingKernel implements DataPath {
  readonly effects: EspEffect[] = [];
  readonly forgotten: number[] = [];
  readonly underlayMtus: number[] = [];
  wrong = new Map<number, number>();
  #inbound: { spi: number; from: string } | undefined;
  #outbound: number | undefined;
  #mark = 0;
  #packets = { in: 0, out: 0 };
  readonly #address: string;

  constructor(address = '192.0.2.1') {
    this.#address = address;
  }

  readonly open = async () => {};
  readonly close = async () => {};
  async setPeers(_: unknown, { underlayMtu }: { underlayMtu: number }): Promise<void> {
    this.underlayMtus.push(underlayMtu);
  }
  async apply({ mark }: { mark: number }, effects: readonly EspEffect[]): Promise<void> {
    this.#mark = mark;
    for (const effect of effects) {
      this.effects.push(effect);
      if (effect.type === 'install-inbound')
        this.#inbound = { spi: effect.association.spi, from: effect.association.from.address };
      else if (effect.type === 'install-outbound') this.#outbound = effect.association.spi;
      else if (effect.type === 'remove-esp') this.#inbound = undefined;
    }
  }
  localAddress(spi: number): string | undefined {
    return this.#inbound?.spi === spi ? this.#address : undefined;
  }
  remoteAddress(spi: number): string | undefined {
    return this.#inbound?.spi === spi ? this.#inbound.from : undefined;
  }
  forget(_: unknown, spi: number): void {
    this.forgotten.push(spi);
  }
  carry(received: number, sent: number): void {
    this.#packets = { in: this.#packets.in + received, out: this.#packets.out + sent };
  }
  get spis(): { inbound: number; outbound: number; mark: number } {
    return { inbound: this.#inbound?.spi ?? 0, outbound: this.#outbound ?? 0, mark: this.#mark };
  }
  async counters(): Promise<readonly EspCounters[]> {
    const { inbound, outbound, mark } = this.spis;
    const common = { mark, sentSequence: 0n, tooOld: 0, replayed: 0, forged: 0 };
    const { in: received, out } = this.#packets;
    return [
      {
        ...common,
        spi: inbound,
        source: '192.0.2.2',
        destination: '192.0.2.1',
        packets: received,
        bytes: received * 100,
      },
      {
        ...common,
        spi: outbound,
        source: '192.0.2.1',
        destination: '192.0.2.2',
        packets: out,
        bytes: out * 100,
      },
    ];
  }
  wrongSources = async () => new Map(this.wrong);
  readonly fitted: ReadonlyMap<number, number>[] = [];
  async fitPaths(pathMtus: ReadonlyMap<number, number>): Promise<void> {
    this.fitted.push(pathMtus);
  }
  pathMtus = async (addresses: readonly string[]) => new Map(addresses.map((address) => [address, 1400]));
}

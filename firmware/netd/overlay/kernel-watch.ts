import type { AssociationRunner } from './association-runner.ts';
import type { DataPath } from './data-path.ts';
import type { EspCounters } from './esp-listing.ts';
import type { KernelEvent } from './kernel-events.ts';
import { limits } from './limits.ts';
import type { OverlayPorts, OverlayTimer } from './ports.ts';

/** The associations by their peers' HITs and marks, as they are now. */
type WatchedRunners = {
  readonly byHit: ReadonlyMap<string, AssociationRunner>;
  readonly byMark: ReadonlyMap<number, AssociationRunner>;
};

type WatchPorts = Pick<OverlayPorts, 'watchKernel' | 'setTimer' | 'log'>;

/** Brings what the kernel says to the associations that it is about: events at once, counters in one reading for all. */
export class KernelWatch {
  readonly #ports: WatchPorts;
  readonly #dataPath: DataPath;
  readonly #runners: WatchedRunners;
  #events: OverlayTimer | undefined;
  #timer: OverlayTimer | undefined;
  #wrongSources: ReadonlyMap<number, number> = new Map();
  #problem = '';
  #closed = false;

  constructor(ports: WatchPorts, dataPath: DataPath, runners: WatchedRunners) {
    this.#ports = ports;
    this.#dataPath = dataPath;
    this.#runners = runners;
  }

  async start(): Promise<void> {
    try {
      this.#events = await this.#ports.watchKernel((event) => this.#take(event));
    } catch (error) {
      // Timers of our own and packets of the peers still do most of it.
      this.#report(`the kernel's events cannot be had: ${messageOf(error)}`);
    }
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#events?.close();
    this.#timer?.close();
  }

  #take(event: KernelEvent): void {
    // Every packet of a peer that has moved is an event: finding its association must not take long.
    const runner =
      event.type === 'acquire'
        ? this.#runners.byHit.get(event.peerHit)
        : this.#runners.byMark.get(event.mark);
    runner?.kernelEvent(event);
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer = this.#ports.setTimer(limits.countersMs, () => {
      void this.#read().finally(() => this.#arm());
    });
  }

  async #read(): Promise<void> {
    const up = [...this.#runners.byHit.values()].filter(({ isUp }) => isUp);
    if (up.length === 0) return;
    try {
      const addresses = up.flatMap(({ locator }) => (locator === undefined ? [] : [locator.address]));
      const [counters, wrongSources, pathMtus] = await Promise.all([
        this.#dataPath.counters(),
        this.#dataPath.wrongSources(),
        this.#dataPath.pathMtus(addresses),
      ]);
      if (this.#closed) return;
      const byMark = Map.groupBy(counters, ({ mark }: EspCounters) => mark);
      const before = this.#wrongSources;
      this.#wrongSources = wrongSources;
      const ways = up.map(({ peer, locator }) => [peer.mark, pathMtus.get(locator?.address ?? '')] as const);
      await this.#dataPath.fitPaths(
        new Map(ways.flatMap(([mark, mtu]) => (mtu === undefined ? [] : [[mark, mtu]]))),
      );
      for (const runner of up) {
        const { mark } = runner.peer;
        runner.read({
          associations: byMark.get(mark) ?? [],
          wrongSource: Math.max(0, (wrongSources.get(mark) ?? 0) - (before.get(mark) ?? 0)),
          pathMtu: pathMtus.get(runner.locator?.address ?? '') ?? null,
        });
      }
    } catch (error) {
      this.#report(`the kernel's counters cannot be read: ${messageOf(error)}`);
    }
  }

  /** The same problem every few seconds is one line. */
  #report(problem: string): void {
    if (problem !== this.#problem) this.#ports.log('warning', problem);
    this.#problem = problem;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

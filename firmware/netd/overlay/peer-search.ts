import { formatLocator, type Locator } from '../../hip/locator.ts';
import type { PeerPlace } from './peer.ts';
import type { OverlayPorts } from './ports.ts';

/** Where a peer may be, by all of its places and names, in turn. */
export class PeerSearch {
  readonly #resolve: OverlayPorts['resolve'];
  #found: readonly Locator[] = [];
  #next = 0;
  #left = 0;

  constructor(resolve: OverlayPorts['resolve']) {
    this.#resolve = resolve;
  }

  /** How many have not had their turn since the look-up. */
  get left(): number {
    return this.#left;
  }

  /**
   * Looks all names up again: addresses change, and the one of the last failure may be an old one. The turn goes on
   * where it was, so that a first place which never answers does not keep the others from being tried.
   */
  async look(places: readonly PeerPlace[]): Promise<void> {
    const lists = await Promise.all(
      places.map(async ({ host, port }) =>
        (await this.#resolve(host)).map((address): Locator => ({ address, port })),
      ),
    );
    const seen = new Map(lists.flat().map((locator) => [formatLocator(locator), locator]));
    this.#found = [...seen.values()];
    this.#left = this.#found.length;
  }

  /** The locator whose turn it is, or undefined where there is none. */
  next(): Locator | undefined {
    this.#left = Math.max(0, this.#left - 1);
    return this.#found[this.#next++ % Math.max(1, this.#found.length)];
  }
}

import type { SettingsLayer } from '../firmware/store/settings-schema.ts';
import type { BoxAnswer, BoxRequest } from './guest/box.ts';
import type { GuestProcess } from './guest-process.ts';
import { HarnessError } from './harness-error.ts';
import { isConnected, OverlaySite } from './overlay-site.ts';
import { waitUntil } from './wait-until.ts';

/**
 * A gateway whose networks are the firmware's, too: settings on disk and on trial, netd, the policy and the overlay, in a
 * network namespace of the guest. Its ports are the namespace's links by their names: `port1` is its LAN, `port2` the
 * uplink that it was made with, and so on with those that a test adds.
 */
export class OverlayBox extends OverlaySite {
  #process: GuestProcess | null = null;

  /** Starts it with these settings confirmed, on these links besides `lan` and `uplink`. */
  async start(layer: SettingsLayer, further: readonly string[] = []): Promise<BoxAnswer> {
    this.#process = this.space.program('box', this.name);
    return this.#ask({ do: 'start', pem: this.pem, layer, nics: ['lan', 'uplink', ...further] });
  }

  /** Puts settings on trial that confirm themselves once everybody can be reached as before. */
  tryOut(layer: SettingsLayer, seconds: number): Promise<BoxAnswer> {
    return this.#ask({ do: 'try', layer, seconds });
  }

  look(): Promise<BoxAnswer> {
    return this.#ask({ do: 'look' });
  }

  /** What it has logged since it was started. */
  get log(): string {
    return this.#process?.log ?? '';
  }

  /** Waits until the tunnel to a peer carries. */
  async connected(peer: OverlaySite): Promise<BoxAnswer> {
    try {
      return await waitUntil(
        `${this.name} has a tunnel to ${peer.name}`,
        () => this.look(),
        ({ tunnels }) => isConnected(tunnels, peer),
      );
    } catch (cause) {
      throw new HarnessError('timeout', `${cause}\nlog of ${this.name}:\n${this.log}`, { cause });
    }
  }

  #ask(request: BoxRequest): Promise<BoxAnswer> {
    if (this.#process === null) throw new HarnessError('usage', `${this.name} is not running.`);
    return this.#process.ask<BoxAnswer>(request);
  }
}

import { admissionRemoval, renderAdmission } from './admission.ts';
import { antiSpoofingRemoval, renderAntiSpoofing } from './anti-spoofing.ts';
import type { KernelCommands } from './kernel-commands.ts';
import type { Peer } from './peer.ts';
import { segmentMtu } from './routes.ts';

/** Keeps nftables to letting in what is of the peers: their HIP, and out of the tunnel their sources. */
export class PeerGuard {
  readonly #kernel: Pick<KernelCommands, 'nft'>;
  readonly #localHit: string;
  /** What nftables has; null where that is not certain. */
  #held: { readonly ruleset: string; readonly peers: readonly Peer[] } | null = null;

  constructor(kernel: Pick<KernelCommands, 'nft'>, localHit: string) {
    this.#kernel = kernel;
    this.#localHit = localHit;
  }

  /** Lets in exactly these peers. Those that were let in before and still are never find the door shut meanwhile. */
  async letIn(peers: readonly Peer[], underlayMtu: number): Promise<void> {
    const render = (before?: readonly Peer[]) =>
      renderAntiSpoofing(peers, segmentMtu(underlayMtu), before) +
      renderAdmission(this.#localHit, peers, before);
    const ruleset = render();
    const held = this.#held;
    if (held?.ruleset === ruleset) return;
    this.#held = null;
    if (held === null || !(await this.#takes(render(held.peers)))) await this.#kernel.nft(ruleset);
    this.#held = { ruleset, peers };
  }

  /** Lets in nobody, and does not look any more. */
  async close(): Promise<void> {
    this.#held = null;
    await this.#kernel.nft(antiSpoofingRemoval + admissionRemoval);
  }

  /** Whether nftables takes a change. It does not where somebody else has changed these tables. */
  async #takes(change: string): Promise<boolean> {
    return this.#kernel.nft(change).then(
      () => true,
      () => false,
    );
  }
}

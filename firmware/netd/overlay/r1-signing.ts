import { limits as hipLimits } from '../../hip/limits.ts';
import type { R1Drafts, Responder } from '../../hip/responder.ts';
import { limits } from './limits.ts';
import type { OverlayPorts, OverlayTimer } from './ports.ts';

/** Keeps a responder's R1s signed ahead: a new generation in time, and those that are used up. */
export class R1Signing {
  readonly #ports: Pick<OverlayPorts, 'signer' | 'monotonic' | 'setTimer' | 'log'>;
  readonly #responder: Responder;
  readonly #onGeneration: () => void;
  #timer: OverlayTimer | undefined;
  #isSigning = false;
  #closed = false;

  /** `onGeneration` is called when a new generation serves. */
  constructor(
    ports: Pick<OverlayPorts, 'signer' | 'monotonic' | 'setTimer' | 'log'>,
    responder: Responder,
    onGeneration: () => void = () => {},
  ) {
    this.#ports = ports;
    this.#responder = responder;
    this.#onGeneration = onGeneration;
  }

  /** Signs a new generation, and from then on one whenever it is time. */
  async renew(): Promise<void> {
    const signed = await this.#finish(this.#responder.draftGeneration(this.#ports.monotonic()));
    if (this.#closed) return;
    if (signed) this.#onGeneration();
    const wait = signed ? hipLimits.generationMs : limits.signRetryMs;
    this.#timer = this.#ports.setTimer(wait, () => void this.renew());
  }

  async signMissing(): Promise<void> {
    if (this.#isSigning || this.#closed) return;
    this.#isSigning = true;
    const drafts = this.#responder.draftMissing(this.#ports.monotonic());
    if (drafts !== undefined) await this.#finish(drafts);
    this.#isSigning = false;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.close();
  }

  async #finish(drafts: R1Drafts): Promise<boolean> {
    try {
      const signatures: Uint8Array[] = [];
      // One after the other: a TPM signs no faster in parallel, and exchanges that run should not wait for all of these.
      for (const message of drafts.messages) signatures.push(await this.#ports.signer.sign(message));
      drafts.finish(signatures);
      return true;
    } catch (error) {
      this.#ports.log(
        'error',
        `the host identity cannot sign R1s: ${error instanceof Error ? error.message : String(error)}`,
      );
      return false;
    }
  }
}

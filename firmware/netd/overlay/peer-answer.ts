import { type AssociationInput, type AssociationState, isCarrying } from '../../hip/association.ts';
import { limits as hipLimits } from '../../hip/limits.ts';
import type { PeerAnswer } from '../netd.ts';
import { limits } from './limits.ts';

type LocalAddress = (localSpi: number) => string | undefined;

/**
 * Whether a peer that we send to answers, and from which address of ours it was asked: what the uplink that has this
 * address is judged by. A peer to whom nothing is sent says nothing of it.
 */
export class PeerAnswerWatch {
  readonly #localAddress: LocalAddress;
  #lostFrom: string | null = null;

  /** @param localAddress the outer address that a security association was installed with */
  constructor(localAddress: LocalAddress) {
    this.#localAddress = localAddress;
  }

  /** Takes every input with the states around it, before the kernel forgets the old one's security associations. */
  note(before: AssociationState, { type }: AssociationInput, after: AssociationState): void {
    if (isCarrying(before) && !isCarrying(after) && type === 'timeout')
      this.#lostFrom = this.#localAddress(before.association.localSpi) ?? null;
    // A peer that whole tries do not find may be gone itself.
    else if (isCarrying(after) || after.name === 'E-FAILED') this.#lostFrom = null;
  }

  /** What is known of an association in this state at `now`, in the machine's milliseconds. */
  read(state: AssociationState, now: number): PeerAnswer | null {
    if (!isCarrying(state))
      return this.#lostFrom === null ? null : { address: this.#lostFrom, answers: false };
    const { heardAt, outstanding, isSilent, localSpi } = state.association;
    const address = this.#localAddress(localSpi);
    if (address === undefined) return null;
    const silence = now - heardAt;
    const repeated = (outstanding?.transmissions ?? 0) > 1;
    if (silence >= hipLimits.deadPeerMs && (isSilent || repeated)) return { address, answers: false };
    // Heard since the counters were read last but one.
    return silence < 2 * limits.countersMs ? { address, answers: true } : null;
  }
}

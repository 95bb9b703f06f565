import type { AssociationRunner } from './association-runner.ts';
import { limits } from './limits.ts';
import type { OverlayPorts } from './ports.ts';

/** What is looked at of an association. */
export type RoutedAssociation = Pick<AssociationRunner, 'state' | 'locator' | 'localAddress'>;

/**
 * Notices that packets to peers leave with another address though the box has the addresses that it had: a default route
 * that moved to another uplink. Nothing tells of that but asking the kernel, which is done for a few peers at a time.
 */
export class RouteWatch {
  readonly #sourceAddress: OverlayPorts['sourceAddress'];
  #turn = 0;

  constructor(sourceAddress: OverlayPorts['sourceAddress']) {
    this.#sourceAddress = sourceAddress;
  }

  /** The address that packets to a peer leave with where that is another than the peer was told of, or null. */
  async movedTo(association: RoutedAssociation): Promise<string | null> {
    const told = toldAddress(association);
    if (association.locator === undefined || told === undefined) return null;
    const source = await this.#sourceAddress(association.locator);
    return source === told ? null : source;
  }

  /** Whether one of those whose turn it is has moved: `limits.routesPerCheck` of them, all in the end. */
  async hasMoved(associations: readonly RoutedAssociation[]): Promise<boolean> {
    const count = Math.min(limits.routesPerCheck, associations.length);
    for (let look = 0; look < count; look++) {
      const association = associations[this.#turn++ % associations.length];
      if (association !== undefined && (await this.movedTo(association)) !== null) return true;
    }
    return false;
  }
}

/** The address that the peer was told of, or has from the exchange. */
function toldAddress({ state, localAddress }: RoutedAssociation): string | undefined {
  const isUp = state.name === 'R2-SENT' || state.name === 'ESTABLISHED';
  return (isUp ? state.association.ownAddresses[0] : undefined) ?? localAddress;
}

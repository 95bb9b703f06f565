import { readLocatorSet } from './announced-locators.ts';
import type { Association } from './association-contents.ts';
import { limits } from './limits.ts';
import { type Locator, sameLocator } from './locator.ts';
import type { ParameterOf } from './parameter-fields.ts';

/**
 * Takes a place where the peer may be now, of which only a packet's source speaks: a NAT may have changed its mind, or
 * somebody may play the peer's packets from elsewhere. Nothing moves there before the peer has proven that it receives
 * there (RFC 8046 §5.4). The same association where there is nothing to be found out.
 */
export function consider(association: Association, place: Locator, now: number): Association {
  const { locator, candidate } = association;
  const isKnown = sameLocator(place, locator) || (candidate !== undefined && sameLocator(place, candidate));
  return isKnown ? association : { ...association, candidate: place, checkedAt: now };
}

/** The same for what can be had without the peer's doing, and so not soon after the last time. */
export function considerHint(association: Association, place: Locator, now: number): Association {
  return now - association.checkedAt < limits.checkMs ? association : consider(association, place, now);
}

/** What a LOCATOR_SET makes of an association. */
export type Readdressed = {
  readonly association: Association;
  /** Whether the peer itself says that it is where the packet came from. */
  readonly vouchesForSource: boolean;
  readonly preferredIsUnsupported: boolean;
};

/**
 * Processes the LOCATOR_SET of an authentic and new UPDATE (RFC 8046 §5.3). All that the peer said before about its
 * locators is replaced. The next place to be checked is, in this order: where the packet came from, if that is listed or
 * nothing listed can be used, since a way there exists; and the preferred one.
 */
export function readdress(
  association: Association,
  set: ParameterOf<'LOCATOR_SET'>,
  {
    from,
    newSpi,
    now,
  }: { readonly from: Locator; readonly newSpi: number | undefined; readonly now: number },
): Readdressed {
  const spis = newSpi === undefined ? [association.peerSpi] : [association.peerSpi, newSpi];
  const { locators, preferredIsUnsupported } = readLocatorSet(set, { from, spis, now });
  const isListed = (place: Locator) => locators.some(({ locator }) => sameLocator(locator, place));
  const [preferred] = locators;
  const { locator } = association;
  const known: Association = { ...association, peerLocators: locators };
  const vouchesForSource = isListed(from);
  const outcome = (next: Association) => ({ association: next, vouchesForSource, preferredIsUnsupported });
  const moveTo = (place: Locator) =>
    outcome({ ...known, candidate: sameLocator(place, locator) ? undefined : place });

  if (vouchesForSource && !isListed(locator)) return moveTo(from);
  // Behind a NAT a host knows only its inner addresses: where its packets come from is the way back.
  if (!vouchesForSource && !sameLocator(from, locator)) return outcome(consider(known, from, now));
  return moveTo(preferred?.locator ?? locator);
}

/** The next of the peer's other places. */
export function alternative({ peerLocators, locator }: Association): Locator | undefined {
  return peerLocators.find((other) => !sameLocator(other.locator, locator))?.locator;
}

/** Forgets a place. */
export function without(association: Association, place: Locator): Association {
  const { candidate, peerLocators } = association;
  return {
    ...association,
    candidate: candidate !== undefined && sameLocator(candidate, place) ? undefined : candidate,
    peerLocators: peerLocators.filter(({ locator }) => !sameLocator(locator, place)),
  };
}

/** Forgets the places whose time is over; where the one in use is among them, another is checked (RFC 8046 §5.1). */
export function expireLocators(association: Association, now: number): Association {
  const { locator, peerLocators } = association;
  const over = peerLocators.filter(({ until }) => until <= now);
  if (over.length === 0) return association;
  const left: Association = { ...association, peerLocators: peerLocators.filter(({ until }) => until > now) };
  const isDeprecated = over.some((other) => sameLocator(other.locator, locator));
  return isDeprecated ? { ...left, candidate: left.candidate ?? alternative(left) } : left;
}

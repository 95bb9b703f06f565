import type {
  AssociationContext,
  AssociationEffect,
  AssociationInput,
  AssociationState,
  Carrying,
  Established,
  Transition,
} from './association.ts';
import type { Association } from './association-contents.ts';
import { espKeyLength } from './key-material.ts';
import { limits } from './limits.ts';
import type { Locator } from './locator.ts';
import { considerHint, expireLocators } from './mobility.ts';
import { keepAlive } from './notification.ts';
import { installRekeyed, rekeyTime, requestRekey } from './rekey.ts';
import { giveUp, isMoving, pursue, repeatUpdate, sendUpdate } from './update.ts';

/** What a base exchange leaves to an association. */
type Exchanged = Pick<
  Association,
  | 'role'
  | 'locator'
  | 'peerIdentity'
  | 'hash'
  | 'keys'
  | 'agreement'
  | 'suite'
  | 'localSpi'
  | 'peerSpi'
  | 'newerThan'
>;

/** An association at its beginning. Update IDs start at zero (RFC 7401 §5.2.16). */
export function newAssociation(exchanged: Exchanged, now: number, context: AssociationContext): Association {
  const { keys, suite } = exchanged;
  return {
    ...exchanged,
    establishedAt: now,
    keymat: keys.keymat,
    keymatIndex: keys.keymatIndex + espKeyLength(suite),
    draws: 1,
    rekeyAt: rekeyTime(now, context),
    retired: [],
    nextUpdateId: 0,
    peerUpdateId: 0,
    peerUpdatesMissed: [],
    ownAddresses: [],
    announce: false,
    peerLocators: [],
    checkedAt: Number.NEGATIVE_INFINITY,
    heardAt: now,
    isSilent: false,
    keepaliveAt: now + limits.keepaliveMs,
  };
}

/** Something that only a peer with an association sends has come: the exchange is over (RFC 7401 §4.4.3, table 5). */
export function establish(state: Carrying, now: number): Established {
  return inEstablished(state, { ...state.association, heardAt: now });
}

/** R2-SENT's time is over, or an UPDATE of ours is to be sent. */
export function inEstablished(state: Carrying, association: Association): Established {
  return { ...state, name: 'ESTABLISHED', association, deadline: nextDeadline(association) };
}

/** When something has to be done although nothing comes. */
export function nextDeadline(association: Association): number {
  const { outstanding, rekey, rekeyAt, retired, retryAt, peerLocators, keepaliveAt } = association;
  return Math.min(
    keepaliveAt,
    rekey?.deadline ?? rekeyAt,
    outstanding?.deadline ?? Number.POSITIVE_INFINITY,
    retryAt ?? Number.POSITIVE_INFINITY,
    ...retired.map(({ until }) => until),
    ...peerLocators.map(({ until }) => until),
  );
}

/** Does all that is due (see `nextDeadline`). */
export function expireEstablished(state: Established, now: number, context: AssociationContext): Transition {
  if (state.association.rekey !== undefined && now >= state.association.rekey.deadline)
    return giveUp(state, 'the peer does not finish a rekey');
  const steps: readonly ((current: Established) => Transition)[] = [
    (current) => dropRetired(current, now),
    (current) =>
      now >= (current.association.outstanding?.deadline ?? Number.POSITIVE_INFINITY)
        ? repeatUpdate(current, now, context)
        : { state: current, effects: [] },
    (current) => {
      const { rekey, rekeyAt } = current.association;
      return rekey === undefined && now >= rekeyAt ? askForRekey(current, now, context) : unchanged(current);
    },
    (current) => {
      const { retryAt, ...association } = expireLocators(current.association, now);
      const isOver = retryAt === undefined || now >= retryAt;
      return pursue(
        { ...current, association: isOver ? association : { ...association, retryAt } },
        now,
        context,
      );
    },
    (current) =>
      now >= current.association.keepaliveAt ? keepAlive(current, now, context) : unchanged(current),
  ];
  let next: Transition = unchanged(state);
  for (const step of steps) {
    if (next.state.name !== 'ESTABLISHED') return next;
    const { state: after, effects } = step(next.state);
    next = { state: after, effects: [...next.effects, ...effects] };
  }
  return next;
}

function unchanged(state: AssociationState): Transition {
  return { state, effects: [] };
}

function dropRetired(state: Established, now: number): Transition {
  const { retired } = state.association;
  const over = retired.filter(({ until }) => until <= now);
  if (over.length === 0) return unchanged(state);
  const left = retired.filter(({ until }) => until > now);
  return {
    state: { ...state, association: { ...state.association, retired: left } },
    effects: over.map(({ spi }): AssociationEffect => ({ type: 'remove-inbound', spi })),
  };
}

/** Asks the peer for new ESP keys as soon as no UPDATE is outstanding. */
export function askForRekey(state: Carrying, now: number, context: AssociationContext): Transition {
  const association = requestRekey(state.association, now, context);
  return pursue(inEstablished(state, association), now, context);
}

/**
 * Tells the peer this host's addresses (RFC 8046 §5.2). Where the security associations' own address is another one now,
 * they are replaced too: with new keys no sequence number is used twice. An UPDATE that is outstanding went out from the
 * old address and is overtaken at once.
 */
export function announceOwnAddresses(
  state: Carrying,
  { addresses, moved }: Extract<AssociationInput, { type: 'own-addresses' }>,
  now: number,
  context: AssociationContext,
): Transition {
  const { association } = state;
  const known = association.ownAddresses;
  const isNews =
    addresses.length !== known.length || addresses.some((address, index) => address !== known[index]);
  // What is being said already is not said again: its answer would be one to something older.
  if (addresses.length === 0 || (!isNews && (!moved || isMoving(association)))) return unchanged(state);
  const told: Association = { ...association, ownAddresses: addresses, announce: true };
  const next = moved ? requestRekey(told, now, context) : told;
  const again = moved ? installRekeyed(next, true) : [];
  const sent = sendUpdate(inEstablished(state, next), context);
  return { state: sent.state, effects: [...again, ...sent.effects] };
}

/** ESP comes from elsewhere than before: the peer is asked whether it receives there. */
export function followMapping(
  state: Carrying,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const established = establish(state, now);
  const association = considerHint(established.association, from, now);
  return pursue({ ...established, association }, now, context);
}

/**
 * Dead-peer detection in the manner of RFC 3706: as long as something is heard of the peer, or nothing is sent to it, it is
 * left in peace. Data that arrives ends R2-SENT (RFC 7401 §4.4.3, table 5).
 */
export function observeTraffic(
  state: Carrying,
  { sent, received }: { readonly sent: boolean; readonly received: boolean },
  now: number,
  context: AssociationContext,
): Transition {
  if (received) return unchanged(establish(state, now));
  const { heardAt, outstanding } = state.association;
  const isQuiet = sent && now - heardAt >= limits.deadPeerMs && outstanding === undefined;
  return isQuiet ? sendUpdate(inEstablished(state, state.association), context) : unchanged(state);
}

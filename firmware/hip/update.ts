import { announceAddresses } from './announced-locators.ts';
import {
  type AssociationContext,
  type AssociationState,
  type Draft,
  dropped,
  type Established,
  leaveEsp,
  type Transition,
} from './association.ts';
import type { Association, Rekey } from './association-contents.ts';
import { limits } from './limits.ts';
import { type Locator, sameLocator } from './locator.ts';
import { alternative, without } from './mobility.ts';
import type { Parameter } from './parameter-fields.ts';
import { ownEspInfo } from './rekey.ts';
import { awaitDraft, completePacket, draftPacket } from './signed-packet.ts';

/** What an UPDATE acknowledges of the peer's. */
export type Answer = { readonly updateId: number; readonly echo: Uint8Array | undefined };

/** Whether the peer has yet to be told something, or asked. */
export function hasNews(association: Association): boolean {
  const { announce, candidate } = association;
  return rekeyToAskFor(association) !== undefined || announce || candidate !== undefined;
}

/** Our half of a rekey as long as the peer has not acknowledged it. */
export function rekeyToAskFor({ rekey }: Association): Rekey | undefined {
  return rekey?.acknowledged === false ? rekey : undefined;
}

/**
 * Whether the peer has yet to hear that this host moved, and so has no keys for the security associations that receive at
 * its new address.
 */
export function isMoving({ announce, rekey }: Association): boolean {
  return announce && rekey !== undefined && rekey.theirs === undefined;
}

/** Sends what the peer has yet to be told, as soon as no UPDATE of ours is outstanding. */
export function pursue(state: Established, now: number, context: AssociationContext): Transition {
  const { outstanding, retryAt } = state.association;
  const isEarly = retryAt !== undefined && now < retryAt;
  if (outstanding !== undefined || isEarly || !hasNews(state.association)) return { state, effects: [] };
  return sendUpdate(state, context);
}

/**
 * Sends an UPDATE with an Update ID of its own and all that the peer has yet to be told (RFC 7401 §6.11). It goes where
 * the peer seems to be; the echo request in it asks for the proof. An UPDATE that was outstanding is overtaken by this
 * one, which says the same and more (RFC 7401 §5.3.5).
 */
export function sendUpdate(state: Established, context: AssociationContext, answer?: Answer): Transition {
  const { association } = state;
  const { announce, ownAddresses, localSpi, keymatIndex } = association;
  const to = association.candidate ?? association.locator;
  const asks = rekeyToAskFor(association);
  const updateId = association.nextUpdateId;
  const echo = context.crypto.random(limits.nonceLength);
  const gratuitous = { name: 'ESP_INFO' as const, keymatIndex, oldSpi: localSpi, newSpi: localSpi };
  const keyPair = asks?.keyPair;
  const parameters: Parameter[] = [
    ...(asks !== undefined ? [ownEspInfo(association, asks)] : announce ? [gratuitous] : []),
    ...(announce ? [announceAddresses(ownAddresses, asks?.localSpi ?? localSpi)] : []),
    { name: 'SEQ', updateId },
    ...(answer === undefined ? [] : [{ name: 'ACK' as const, updateIds: [answer.updateId] }]),
    ...(keyPair === undefined
      ? []
      : [{ name: 'DIFFIE_HELLMAN' as const, group: keyPair.group, publicValue: keyPair.publicValue }]),
    { name: 'ECHO_REQUEST_SIGNED', data: echo },
    ...echoResponse(association, answer),
  ];
  const outstanding = {
    ...{ updateId, to, echo, rekeys: asks !== undefined, announces: announce },
    ...{ transmissions: 0, deadline: Number.POSITIVE_INFINITY },
  };
  const next: Association = {
    ...association,
    nextUpdateId: (updateId + 1) >>> 0,
    outstanding,
    check: { to, echo },
    retryAt: undefined,
  };
  return awaitDraft(
    { ...state, association: next },
    {
      kind: 'UPDATE',
      ...draftUpdate(next, parameters, context),
      ...{ to, updateId },
      ...(answer === undefined ? {} : { answers: answer.updateId }),
    },
  );
}

/** Acknowledges an UPDATE of the peer's without saying anything of our own. */
export function acknowledge(
  state: Established,
  answer: Answer,
  to: Locator,
  context: AssociationContext,
): Transition {
  const parameters: Parameter[] = [
    { name: 'ACK', updateIds: [answer.updateId] },
    ...echoResponse(state.association, answer),
  ];
  const draft = draftUpdate(state.association, parameters, context);
  return awaitDraft(state, { kind: 'UPDATE', ...draft, to, answers: answer.updateId });
}

/**
 * The proof that this host receives where the peer asked. Whoever is moving does not give it: the peer would send there
 * under keys that are read at the old address only. It asks again once it knows of the move.
 */
function echoResponse(association: Association, answer: Answer | undefined): Parameter[] {
  const echo = answer?.echo;
  return echo === undefined || isMoving(association) ? [] : [{ name: 'ECHO_RESPONSE_SIGNED', data: echo }];
}

function draftUpdate(
  { hash, keys }: Association,
  parameters: readonly Parameter[],
  context: AssociationContext,
) {
  return draftPacket(context, 'UPDATE', parameters, { name: 'HIP_MAC', hash, keys });
}

/** Sends a draft whose signature has come, if it still has a use. */
export function sendDraft(
  state: AssociationState,
  draft: Draft,
  signature: Uint8Array,
  now: number,
  context: AssociationContext,
): Transition {
  const packet = completePacket(context, draft, signature);
  const send = { type: 'send' as const, packet, to: draft.to };
  if (draft.kind === 'NOTIFY') return { state, effects: [send] };
  if (state.name !== 'ESTABLISHED') return { state, effects: [] };
  const { association } = state;
  if (draft.kind === 'keepalive')
    return {
      state: { ...state, association: { ...association, keepalive: packet } },
      effects: [{ ...send, to: association.locator }],
    };
  let next = association;
  if (draft.updateId !== undefined) {
    const { outstanding } = association;
    if (outstanding?.updateId !== draft.updateId) return { state, effects: [] };
    const deadline = now + limits.retransmitMs;
    next = { ...next, outstanding: { ...outstanding, packet, transmissions: 1, deadline } };
  }
  if (draft.answers !== undefined)
    next = { ...next, answer: { updateId: draft.answers, packet, to: draft.to, sentAt: now } };
  return { state: { ...state, association: next }, effects: [send] };
}

/** An UPDATE could not be signed: what it said is tried again a little later. */
export function abandonDraft(state: AssociationState, draft: Draft, now: number): AssociationState {
  if (state.name !== 'ESTABLISHED' || draft.kind !== 'UPDATE' || draft.updateId === undefined) return state;
  const { association } = state;
  if (association.outstanding?.updateId !== draft.updateId) return state;
  const retryAt = now + limits.signRetryMs;
  return { ...state, association: { ...association, outstanding: undefined, retryAt } };
}

/** The outstanding UPDATE was not acknowledged in time: it goes out again, elsewhere, or the peer is given up. */
export function repeatUpdate(state: Established, now: number, context: AssociationContext): Transition {
  const { outstanding, candidate } = state.association;
  if (outstanding?.packet === undefined) return { state, effects: [] };
  const { packet, to, transmissions } = outstanding;
  // There is a hint that the peer is elsewhere, and here it does not answer.
  if (candidate !== undefined && !sameLocator(candidate, to)) return sendUpdate(state, context);
  const isPlea = (outstanding.rekeys || outstanding.announces) && candidate === undefined;
  const most = isPlea ? limits.updateTransmissions : limits.probeTransmissions;
  if (transmissions >= most) return tryElsewhere(state, to, now, context);
  const deadline = now + limits.retransmitMs * 2 ** transmissions;
  const repeated = { ...outstanding, transmissions: transmissions + 1, deadline };
  return {
    state: { ...state, association: { ...state.association, outstanding: repeated } },
    effects: [{ type: 'send', packet, to }],
  };
}

/** The peer does not answer at a place: another one of its locators is next, and in the end there is none. */
function tryElsewhere(
  state: Established,
  place: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const isSilent = state.association.isSilent || sameLocator(place, state.association.locator);
  const left: Association = { ...without(state.association, place), outstanding: undefined, isSilent };
  if (!isSilent) return pursue({ ...state, association: left }, now, context);
  const candidate = alternative(left);
  if (candidate === undefined) return giveUp(state, 'the peer does not answer any more');
  return sendUpdate({ ...state, association: { ...left, candidate } }, context);
}

/**
 * Ends an association that is of no more use. No CLOSE is sent, whatever §4.4.4 has: who does not answer an UPDATE would
 * not answer that, and a new exchange, which replaces the association at both ends, can start at once.
 */
export function giveUp(state: Established, reason: string): Transition {
  const gone: AssociationState = { name: 'UNASSOCIATED', failures: state.failures };
  const { effects } = dropped(gone, reason, 'warning');
  return { state: gone, effects: [...leaveEsp(state), ...effects] };
}

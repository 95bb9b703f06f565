import { equalBytes } from '../bytes/bytes.ts';
import {
  type AssociationContext,
  type AssociationInput,
  type AssociationState,
  dropped,
  isCarrying,
  leaveEsp,
  type Transition,
  unansweredI2,
} from './association.ts';
import { draftClose, receiveClose, receiveCloseAck, sendClose, sendCloseAck } from './closing.ts';
import {
  announceOwnAddresses,
  askForRekey,
  expireEstablished,
  followMapping,
  inEstablished,
  nextDeadline,
  observeTraffic,
} from './established.ts';
import { compareHits } from './host-identity-tag.ts';
import { isFresher, isOutdated, makeI1, receiveR1, receiveR2, sendI2 } from './initiator.ts';
import { limits } from './limits.ts';
import { type Locator, sameLocator } from './locator.ts';
import { isKeepalive, receiveNotify } from './notification.ts';
import type { Packet } from './packet.ts';
import { receiveUpdate } from './receive-update.ts';
import { receiveI2, sendR2 } from './responder-exchange.ts';
import { abandonDraft, sendDraft } from './update.ts';

/**
 * The association machine (RFC 7401 §4.4): what one input makes of a state, and what has to be done. `now` is in
 * milliseconds of any clock that does not go back. The caller finds the association by a packet's HITs.
 */
export function transition(
  state: AssociationState,
  input: AssociationInput,
  now: number,
  context: AssociationContext,
): Transition {
  const next = process(state, input, now, context);
  return next.state === state ? next : { state: completed(state, next.state), effects: next.effects };
}

/** Carries over what is known of the peer beyond any association, and sets the deadline that follows from an association's. */
function completed(before: AssociationState, after: AssociationState): AssociationState {
  const r1Counter = after.r1Counter ?? before.r1Counter;
  const hintedAt = after.hintedAt ?? before.hintedAt;
  const notifiedAt = after.notifiedAt ?? before.notifiedAt;
  const state = {
    ...after,
    ...(r1Counter === undefined ? {} : { r1Counter }),
    ...(hintedAt === undefined ? {} : { hintedAt }),
    ...(notifiedAt === undefined ? {} : { notifiedAt }),
  };
  return state.name === 'ESTABLISHED' ? { ...state, deadline: nextDeadline(state.association) } : state;
}

function process(
  state: AssociationState,
  input: AssociationInput,
  now: number,
  context: AssociationContext,
): Transition {
  switch (input.type) {
    case 'connect':
      return connect(state, input.to, now, context);
    case 'packet':
      return receive(state, input.packet, input.from, now, context);
    case 'signed':
      return signed(state, input, now, context);
    case 'sign-failed':
      return signFailed(state, input.message, now);
    case 'timeout':
      return 'deadline' in state && now >= state.deadline
        ? expire(state, now, context)
        : { state, effects: [] };
    case 'rekey':
      return isCarrying(state) ? askForRekey(state, now, context) : { state, effects: [] };
    case 'own-addresses':
      return isCarrying(state) ? announceOwnAddresses(state, input, now, context) : { state, effects: [] };
    case 'mapping':
      return isCarrying(state) ? followMapping(state, input.from, now, context) : { state, effects: [] };
    case 'traffic':
      return isCarrying(state) ? observeTraffic(state, input, now, context) : { state, effects: [] };
    case 'close':
      return close(state, context);
    case 'abandon':
      return { state: { name: 'UNASSOCIATED', failures: state.failures }, effects: leaveEsp(state) };
  }
}

/** User data or settings ask for an association (RFC 7401 §6.6). One that exists or is being made is left alone. */
function connect(state: AssociationState, to: Locator, now: number, context: AssociationContext): Transition {
  // The peer's exchange is about to succeed; an I1 now would make it start over.
  if (state.pending?.kind === 'R2') return { state, effects: [] };
  switch (state.name) {
    case 'UNASSOCIATED':
    case 'CLOSING':
    case 'E-FAILED':
      return sendI1(state.failures, to, 1, now, context);
    case 'CLOSED':
      return {
        state: { ...state, reconnecting: true },
        effects: [{ type: 'send', packet: makeI1(context), to }],
      };
    case 'I1-SENT':
      // Another address of the peer, or a route that was not there before: worth a fresh start.
      return state.pending === undefined
        ? sendI1(state.failures, to, 1, now, context)
        : { state, effects: [] };
    case 'I2-SENT':
    case 'R2-SENT':
    case 'ESTABLISHED':
      return { state, effects: [] };
  }
}

function sendI1(
  failures: number,
  to: Locator,
  transmissions: number,
  now: number,
  context: AssociationContext,
): Transition {
  const deadline = now + retransmitWait(transmissions);
  return {
    state: { name: 'I1-SENT', failures, to, transmissions, deadline },
    effects: [{ type: 'send', packet: makeI1(context), to }],
  };
}

function receive(
  state: AssociationState,
  packet: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  // An opportunistic I1 names no receiver: that mode is off (RFC 7401 §4.1.8).
  if (!equalBytes(packet.sender, context.peer) || !equalBytes(packet.receiver, context.own.hit))
    return dropped(state, `${packet.packet} is not between these two hosts`);
  const localIsGreater = compareHits(context.own.hit, context.peer) > 0;
  switch (packet.packet) {
    case 'I1':
      if (state.name === 'I1-SENT' && !localIsGreater && sameLocator(from, state.to))
        return collide(state, now, context);
      // One that comes from elsewhere is answered: behind a NAT the peer may never get ours.
      return { state, effects: [{ type: 'answer-i1', i1: packet, to: from }] };
    case 'R1':
      return receiveAnyR1(state, packet, from, now, context);
    case 'I2':
      // Both sent I2: the greater HIT's association comes from the other's I2 (RFC 7401 §6.9, step 5).
      if (state.name === 'I2-SENT' && !localIsGreater)
        return dropped(state, 'I2 collides with ours, which goes first');
      return receiveI2(state, packet, from, now, context);
    case 'R2':
      return state.name === 'I2-SENT' ? receiveR2(state, packet, now, context) : unexpected(state, packet);
    case 'UPDATE':
      return isCarrying(state)
        ? receiveUpdate(state, packet, from, now, context)
        : seek(state, packet, from, now, context);
    case 'NOTIFY':
      return isWithout(state) && isKeepalive(packet)
        ? seek(state, packet, from, now, context)
        : receiveNotify(state, packet, from, now, context);
    case 'CLOSE':
      return receiveClose(state, packet, from, now, context);
    case 'CLOSE_ACK':
      return state.name === 'CLOSING' || state.name === 'CLOSED'
        ? receiveCloseAck(state, packet, context)
        : unexpected(state, packet);
  }
}

/**
 * Both ends started: the smaller HIT is the initiator and drops the other's I1 (RFC 7401 §6.7, step 3). But that peer is
 * there now, so our own I1 need not wait until its turn comes again.
 */
function collide(
  state: Extract<AssociationState, { name: 'I1-SENT' }>,
  now: number,
  context: AssociationContext,
): Transition {
  const sentAt = state.deadline - retransmitWait(state.transmissions);
  const isRecent = now - sentAt < limits.retransmitMs;
  if (isRecent || state.pending !== undefined)
    return dropped(state, 'I1 collides with ours, which goes first');
  return sendI1(state.failures, state.to, state.transmissions, now, context);
}

/** How long an answer to a transmission is waited for; the first counts as 1. */
function retransmitWait(transmissions: number): number {
  return limits.retransmitMs * 2 ** (transmissions - 1);
}

/** A state in which there is no association, nor one being finished. */
function isWithout(state: AssociationState): boolean {
  return state.name === 'UNASSOCIATED' || state.name === 'I1-SENT' || state.name === 'E-FAILED';
}

/**
 * The peer has an association that we do not, as after our own restart. It may be that we cannot find it, and that this
 * packet came out through a NAT which lets an answer in: an I1 goes there, once in a while, since the packet proves nothing.
 */
function seek(
  state: AssociationState,
  packet: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  if (!isWithout(state) || isSeeking(state, now) || state.pending !== undefined)
    return unexpected(state, packet);
  return {
    state: { ...state, hintedAt: now },
    effects: [
      { type: 'send', packet: makeI1(context), to: from },
      {
        type: 'report',
        level: 'debug',
        message: `${packet.packet} without an association: I1 sent to its source`,
      },
    ],
  };
}

function isSeeking({ hintedAt }: AssociationState, now: number): boolean {
  return hintedAt !== undefined && now - hintedAt < limits.hintMs;
}

/** An R1 counts only where an I1 of ours is unanswered (RFC 7401 §6.8), so not in CLOSING, whatever §4.4.3 says. */
function receiveAnyR1(
  state: AssociationState,
  r1: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const making = state.pending?.kind;
  if (making === 'I2' || making === 'R2') return dropped(state, `R1 while an ${making} is being made`);
  const isAwaited =
    state.name === 'I1-SENT' ||
    (isWithout(state) && isSeeking(state, now)) ||
    (state.name === 'CLOSED' && state.reconnecting) ||
    (state.name === 'I2-SENT' && isFresher(r1, state.exchange));
  if (!isAwaited) return unexpected(state, r1);
  const transmissions = state.name === 'I1-SENT' ? state.transmissions : 1;
  if (isOutdated(r1, state) && transmissions < limits.i1sBeforeOldR1)
    return dropped(state, 'R1 is older than that of the last exchange');
  return receiveR1(state, r1, from, now, context);
}

function signed(
  state: AssociationState,
  { message, signature }: { readonly message: Uint8Array; readonly signature: Uint8Array },
  now: number,
  context: AssociationContext,
): Transition {
  const draft = state.drafts?.find((waiting) => equalBytes(waiting.message, message));
  if (draft !== undefined) return sendDraft(withoutDraft(state, message), draft, signature, now, context);
  const { pending } = state;
  if (pending === undefined || !equalBytes(pending.message, message))
    return dropped(state, 'a signature came too late');
  const settled = withoutPending(state);
  switch (pending.kind) {
    case 'I2':
      return sendI2(settled, pending, signature, now, context);
    case 'R2':
      return sendR2(settled, pending, signature, now, context);
    case 'CLOSE':
      return isCarrying(settled)
        ? sendClose(settled, pending, signature, now, context)
        : { state: settled, effects: [] };
    case 'CLOSE_ACK':
      return sendCloseAck(settled, pending, signature, now, context);
  }
}

function signFailed(state: AssociationState, message: Uint8Array, now: number): Transition {
  const draft = state.drafts?.find((waiting) => equalBytes(waiting.message, message));
  if (draft !== undefined)
    return dropped(
      abandonDraft(withoutDraft(state, message), draft, now),
      `${draft.kind} could not be signed`,
      'warning',
    );
  if (state.pending === undefined || !equalBytes(state.pending.message, message))
    return { state, effects: [] };
  return dropped(withoutPending(state), `${state.pending.kind} could not be signed`, 'warning');
}

function expire(
  state: Exclude<AssociationState, { name: 'UNASSOCIATED' }>,
  now: number,
  context: AssociationContext,
): Transition {
  switch (state.name) {
    case 'I1-SENT':
      if (state.transmissions >= limits.i1Transmissions)
        return fail(state, 'the peer does not answer', now, context);
      if (state.pending === undefined)
        return sendI1(state.failures, state.to, state.transmissions + 1, now, context);
      // The answer to the last I1 is being signed: another would only bring another R1.
      return { state: again(state, now), effects: [] };
    case 'I2-SENT':
      if (state.transmissions >= limits.i2Transmissions)
        return fail(state, 'the peer does not finish the exchange', now, context);
      return {
        state: again(state, now),
        effects: [{ type: 'send', packet: state.i2, to: state.exchange.locator }],
      };
    case 'R2-SENT':
      return { state: inEstablished(state, state.association), effects: [] };
    case 'ESTABLISHED':
      return expireEstablished(state, now, context);
    case 'CLOSING':
      if (state.transmissions >= limits.closeTransmissions)
        return { state: { name: 'UNASSOCIATED', failures: 0 }, effects: [] };
      return {
        state: again(state, now),
        effects: [{ type: 'send', packet: state.close, to: state.association.locator }],
      };
    case 'CLOSED':
    case 'E-FAILED':
      return {
        state: { name: 'UNASSOCIATED', failures: state.failures, ...unansweredI2(state) },
        effects: [],
      };
  }
}

/** Counts a transmission and doubles the wait for the next. */
function again<State extends { readonly transmissions: number; readonly deadline: number }>(
  state: State,
  now: number,
): State {
  const deadline = now + retransmitWait(state.transmissions + 1);
  return { ...state, transmissions: state.transmissions + 1, deadline };
}

/** Waits longer after every failure in a row, within 25 % of random so that a fleet does not come back in step. */
function fail(
  state: AssociationState,
  reason: string,
  now: number,
  { crypto }: AssociationContext,
): Transition {
  const [shortest, longest] = limits.failedWaitMs;
  const wait = Math.min(longest, shortest * 2 ** Math.min(state.failures, 30));
  const spread = ((crypto.random(1)[0] ?? 0) / 255 - 0.5) / 2;
  const deadline = now + Math.round(wait * (1 + spread));
  return {
    state: { name: 'E-FAILED', failures: state.failures + 1, reason, deadline, ...unansweredI2(state) },
    effects: [
      ...leaveEsp(state),
      { type: 'report', level: state.failures === 0 ? 'warning' : 'debug', message: reason },
    ],
  };
}

function close(state: AssociationState, context: AssociationContext): Transition {
  switch (state.name) {
    case 'R2-SENT':
    case 'ESTABLISHED':
      return draftClose(state, context);
    case 'UNASSOCIATED':
    case 'I1-SENT':
    case 'I2-SENT':
    case 'E-FAILED':
      return { state: { name: 'UNASSOCIATED', failures: 0 }, effects: leaveEsp(state) };
    case 'CLOSING':
    case 'CLOSED':
      return { state, effects: [] };
  }
}

function unexpected(state: AssociationState, { packet }: Packet): Transition {
  return dropped(state, `${packet} is not expected in ${state.name}`);
}

function withoutPending(state: AssociationState): AssociationState {
  const { pending: _, ...rest } = state;
  return rest;
}

function withoutDraft(state: AssociationState, message: Uint8Array): AssociationState {
  const drafts = (state.drafts ?? []).filter((draft) => !equalBytes(draft.message, message));
  const { drafts: _, ...rest } = state;
  return drafts.length === 0 ? rest : { ...rest, drafts };
}

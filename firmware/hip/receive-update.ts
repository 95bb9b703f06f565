import { equalBytes } from '../bytes/bytes.ts';
import {
  type AssociationContext,
  type AssociationEffect,
  type Carrying,
  dropped,
  type Established,
  type Transition,
} from './association.ts';
import type { Association } from './association-contents.ts';
import { establish } from './established.ts';
import { limits } from './limits.ts';
import { formatLocator, type Locator, sameLocator } from './locator.ts';
import { consider, readdress } from './mobility.ts';
import { refused } from './notification.ts';
import { type Packet, parameter } from './packet.ts';
import { macIsGood } from './protection.ts';
import { finishRekey, joinRekey, peerHalf } from './rekey.ts';
import { signatureIsGood } from './signed-packet.ts';
import { type Answer, acknowledge, hasNews, pursue, rekeyToAskFor, sendUpdate } from './update.ts';

/**
 * Processes an UPDATE (RFC 7401 §6.12, RFC 7402 §6.9, RFC 8046 §5.3): first what it acknowledges and proves, then what it
 * asks for, which is done before it is acknowledged. Only a peer that finished the exchange sends one, so R2-SENT ends
 * (RFC 7401 §4.4.3, table 5).
 */
export function receiveUpdate(
  state: Carrying,
  update: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const { hash, keys, peerIdentity, locator } = state.association;
  const key = keys.incoming.integrity;
  if (!macIsGood(update, 'HIP_MAC', { crypto: context.crypto, hash, key }))
    return refused(state, 'UPDATE MAC is wrong', 'HIP_MAC_FAILED', locator, now, context);
  if (!signatureIsGood(update, peerIdentity, context.crypto))
    return refused(state, 'UPDATE signature is wrong', 'AUTHENTICATION_FAILED', locator, now, context);
  const before = establish(state, now);
  const answered = withAnswers(before.association, update, from);
  const { association, effects } = finishRekey(answered, now, context);
  const current: Established = { ...before, association };
  const next = prefixed(effects, carryOn(current, update, from, now, context));
  return prefixed(next.effects, { state: next.state, effects: followed(before.association, next.state) });
}

/** What an UPDATE asks for, once what it acknowledges is settled. */
function carryOn(
  state: Established,
  update: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const { association } = state;
  const sequence = parameter(update, 'SEQ');
  if (sequence === undefined) {
    const isInvalid = parameter(update, 'ACK') === undefined;
    return isInvalid ? dropped(state, 'UPDATE has neither SEQ nor ACK') : pursue(state, now, context);
  }
  const { updateId } = sequence;
  const answer: Answer = { updateId, echo: usableEcho(update) };
  const recorded: Established = { ...state, association: recordUpdate(association, updateId) };
  switch (standingOf(association, updateId)) {
    case 'outside':
      return dropped(state, `UPDATE ${updateId} is out of sequence`);
    case 'repeated':
      return answerAgain(state, answer, now, context);
    case 'overtaken':
      // It says what its sender no longer means (RFC 7401 §5.3.5).
      return acknowledge(recorded, answer, association.locator, context);
    case 'new': {
      const next = carryOut(recorded, update, { answer, from, now }, context);
      if (!('refusal' in next)) return next;
      return refused(state, next.refusal, 'INVALID_SYNTAX', association.locator, now, context);
    }
  }
}

/** The outbound security association follows the peer, unless a rekey has just made one that does. */
function followed(before: Association, state: Transition['state']): readonly AssociationEffect[] {
  if (state.name !== 'ESTABLISHED') return [];
  const { locator, localSpi, peerSpi } = state.association;
  if (sameLocator(locator, before.locator) || peerSpi !== before.peerSpi) return [];
  return [
    { type: 'move-outbound', spi: peerSpi, localSpi, to: locator },
    { type: 'report', level: 'info', message: `the peer is at ${formatLocator(locator)} now` },
  ];
}

function prefixed(effects: readonly AssociationEffect[], next: Transition): Transition {
  return { state: next.state, effects: [...effects, ...next.effects] };
}

/** What the peer's ACK and ECHO_RESPONSE_SIGNED settle (RFC 7401 §6.12.2, RFC 8046 §5.4). */
function withAnswers(association: Association, update: Packet, from: Locator): Association {
  const { outstanding, check, rekey, candidate } = association;
  const ids = parameter(update, 'ACK')?.updateIds ?? [];
  const echo = parameter(update, 'ECHO_RESPONSE_SIGNED')?.data;
  let next = association;
  if (outstanding?.packet !== undefined && ids.includes(outstanding.updateId)) {
    const isChecked = candidate !== undefined && sameLocator(candidate, outstanding.to);
    next = {
      ...next,
      outstanding: undefined,
      isSilent: false,
      announce: next.announce && !outstanding.announces,
      rekey: rekey && { ...rekey, acknowledged: rekey.acknowledged || outstanding.rekeys },
      candidate: isChecked ? undefined : candidate,
    };
  }
  if (check === undefined || echo === undefined || !equalBytes(echo, check.echo)) return next;
  // Received there and answered from there: who only passes on what the peer receives elsewhere does not get its traffic.
  const isProven = sameLocator(from, check.to);
  return { ...next, check: undefined, locator: isProven ? check.to : next.locator };
}

type Standing = 'new' | 'overtaken' | 'repeated' | 'outside';

/** Where an Update ID of the peer's stands in the window (RFC 7401 §6.12.1, steps 1 and 2). */
function standingOf({ peerUpdateId, peerUpdatesMissed }: Association, updateId: number): Standing {
  const ahead = (updateId - peerUpdateId) >>> 0;
  if (ahead < limits.updateWindow) return 'new';
  if ((peerUpdateId - updateId) >>> 0 > limits.updateWindow) return 'outside';
  return peerUpdatesMissed.includes(updateId) ? 'overtaken' : 'repeated';
}

function recordUpdate(association: Association, updateId: number): Association {
  const { peerUpdateId, peerUpdatesMissed } = association;
  const ahead = (updateId - peerUpdateId) >>> 0;
  if (ahead >= limits.updateWindow)
    return { ...association, peerUpdatesMissed: peerUpdatesMissed.filter((id) => id !== updateId) };
  const skipped = Array.from({ length: ahead }, (_, index) => (peerUpdateId + index) >>> 0);
  return {
    ...association,
    peerUpdateId: (updateId + 1) >>> 0,
    peerUpdatesMissed: [...peerUpdatesMissed, ...skipped].slice(-limits.updateWindow),
  };
}

function usableEcho(update: Packet): Uint8Array | undefined {
  const data = parameter(update, 'ECHO_REQUEST_SIGNED')?.data;
  return data === undefined || data.length > limits.echoLength ? undefined : data.slice();
}

/**
 * Answers a repeated UPDATE as before, where the peer is known to be or said that it is: whoever plays it again from
 * elsewhere gets nothing.
 */
function answerAgain(
  state: Established,
  answer: Answer,
  now: number,
  context: AssociationContext,
): Transition {
  const { answer: last, locator, candidate } = state.association;
  const isBeingMade = state.drafts?.some(
    (draft) => draft.kind === 'UPDATE' && draft.answers === answer.updateId,
  );
  if (isBeingMade) return { state, effects: [] };
  if (last !== undefined && now - last.sentAt < limits.repeatMs) return { state, effects: [] };
  // With its signature missing, or after another answer, there is nothing kept to send.
  if (last?.updateId !== answer.updateId) return acknowledge(state, answer, locator, context);
  const to = candidate !== undefined && sameLocator(last.to, candidate) ? candidate : locator;
  return {
    state: { ...state, association: { ...state.association, answer: { ...last, to, sentAt: now } } },
    effects: [{ type: 'send', packet: last.packet, to }],
  };
}

type Refusal = { readonly refusal: string };

/** Does what a new UPDATE asks for, and answers it. */
function carryOut(
  state: Established,
  update: Packet,
  { answer, from, now }: { readonly answer: Answer; readonly from: Locator; readonly now: number },
  context: AssociationContext,
): Transition | Refusal {
  const before = state.association;
  const hostId = parameter(update, 'HOST_ID');
  if (hostId !== undefined && !equalBytes(hostId.identity, before.peerIdentity.octets))
    return { refusal: 'UPDATE has another host identity' };
  if (parameter(update, 'ENCRYPTED') !== undefined)
    return { refusal: 'UPDATE has encrypted parameters, which none that we know needs' };
  const theirs = peerHalf(before, update);
  if (theirs !== undefined && 'refusal' in theirs) return theirs;

  const set = parameter(update, 'LOCATOR_SET');
  const place = set && readdress(before, set, { from, newSpi: theirs?.spi, now });
  let association = place?.association ?? consider(before, from, now);
  let effects: readonly AssociationEffect[] = [];
  if (theirs !== undefined) {
    const joined = joinRekey(association, theirs, now, context);
    if (joined === undefined) return { refusal: 'UPDATE asks for keys that cannot be drawn' };
    const finished = finishRekey(joined.association, now, context);
    association = finished.association;
    effects = [...joined.effects, ...finished.effects];
  }
  const next: Established = { ...state, association };
  const isVouched = sameLocator(from, before.locator) || place?.vouchesForSource === true;
  const answered = answerNew(next, answer, { source: from, isVouched }, context);
  if (place?.preferredIsUnsupported !== true) return prefixed(effects, answered);
  const told = refused(
    answered.state,
    'the peer prefers a locator of an unknown type',
    'LOCATOR_TYPE_UNSUPPORTED',
    before.locator,
    now,
    context,
  );
  return prefixed([...effects, ...answered.effects], told);
}

/**
 * Answers a new UPDATE. An UPDATE of our own says it along with what else there is to say, unless that goes elsewhere or
 * must wait for the one that is outstanding. It need not wait where the peer itself says that it has moved, nor with our
 * half of a rekey, without which nothing may be sent to the peer's new address. An echo goes only to where the peer is
 * known to be or says that it is: it must not prove to the peer that we receive at somebody else's address.
 */
function answerNew(
  state: Established,
  answer: Answer,
  { source, isVouched }: { readonly source: Locator; readonly isVouched: boolean },
  context: AssociationContext,
): Transition {
  const { candidate, locator, outstanding } = state.association;
  const target = candidate ?? locator;
  const place = isVouched ? source : locator;
  const asks = rekeyToAskFor(state.association) !== undefined;
  const isOvertaken =
    isVouched &&
    outstanding !== undefined &&
    (!sameLocator(outstanding.to, target) || (asks && !outstanding.rekeys));
  const mayTell = hasNews(state.association) && (outstanding === undefined || isOvertaken);
  if (!mayTell) return acknowledge(state, answer, place, context);
  if (isVouched && sameLocator(target, source)) return sendUpdate(state, context, answer);
  const isChecked = sameLocator(target, source);
  const telling = sendUpdate(state, context, isChecked ? { ...answer, echo: undefined } : undefined);
  if (telling.state.name !== 'ESTABLISHED' || (isChecked && answer.echo === undefined)) return telling;
  return prefixed(telling.effects, acknowledge(telling.state, answer, place, context));
}

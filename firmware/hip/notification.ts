import {
  type AssociationContext,
  type AssociationState,
  dropped,
  type Established,
  type Transition,
} from './association.ts';
import { limits } from './limits.ts';
import { type Locator, sameLocator } from './locator.ts';
import { considerHint } from './mobility.ts';
import { notifyTypeName, notifyTypes } from './notify.ts';
import { type Packet, parametersNamed } from './packet.ts';
import { awaitDraft, draftPacket, signatureIsGood } from './signed-packet.ts';
import { pursue } from './update.ts';

/**
 * Stays as it was, reports why, and tells the peer with a NOTIFY (RFC 7401 §5.2.19), at most one in `limits.notifyMs`.
 * `to` must be a place where the peer is known to receive, or one that a solved puzzle proves: a NOTIFY is longer than
 * what may have caused it.
 */
export function refused(
  state: AssociationState,
  reason: string,
  type: keyof typeof notifyTypes,
  to: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  // Whoever sends such packets by the thousand fills no log either.
  const isRecent = state.notifiedAt !== undefined && now - state.notifiedAt < limits.notifyMs;
  if (isRecent) return dropped(state, reason);
  const { effects } = dropped(state, reason, 'warning');
  const draft = draftPacket(context, 'NOTIFY', [
    { name: 'NOTIFICATION', messageType: notifyTypes[type], data: new Uint8Array() },
  ]);
  const next = awaitDraft({ ...state, notifiedAt: now }, { kind: 'NOTIFY', ...draft, to });
  return { ...next, effects: [...effects, ...next.effects] };
}

/**
 * Informational only: an error must not change anything (RFC 7401 §6.13). But a keepalive from elsewhere may mean that a
 * NAT has given the peer another address; whether it is there is then asked of it.
 */
export function receiveNotify(
  state: AssociationState,
  packet: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const types = parametersNamed(packet, 'NOTIFICATION').map(({ messageType }) => messageType);
  const errors = types.filter((type) => type !== notifyTypes.NAT_KEEPALIVE);
  if (errors.length > 0)
    return dropped(
      state,
      `NOTIFY ${errors.map((type) => notifyTypeName(type) ?? `of type ${type}`).join(', ')}`,
    );
  if (state.name !== 'ESTABLISHED' || !isKeepalive(packet)) return { state, effects: [] };
  const { association } = state;
  if (sameLocator(from, association.locator)) return { state, effects: [] };
  const considered = considerHint(association, from, now);
  if (considered === association) return { state, effects: [] };
  if (!signatureIsGood(packet, association.peerIdentity, context.crypto))
    return dropped(state, 'keepalive is not signed by the peer', 'warning');
  return pursue({ ...state, association: considered }, now, context);
}

export function isKeepalive(packet: Packet): boolean {
  return parametersNamed(packet, 'NOTIFICATION').some(
    ({ messageType }) => messageType === notifyTypes.NAT_KEEPALIVE,
  );
}

/** Sends the NAT keepalive (RFC 9028 §4.10), or asks for the one signature that all of them share. Without UDP no NAT is there. */
export function keepAlive(state: Established, now: number, context: AssociationContext): Transition {
  const association = { ...state.association, keepaliveAt: now + limits.keepaliveMs };
  const waiting: Established = { ...state, association };
  const { keepalive, locator } = association;
  if (locator.port === null) return { state: waiting, effects: [] };
  if (keepalive !== undefined)
    return { state: waiting, effects: [{ type: 'send', packet: keepalive, to: locator }] };
  const draft = draftPacket(context, 'NOTIFY', [
    { name: 'NOTIFICATION', messageType: notifyTypes.NAT_KEEPALIVE, data: new Uint8Array() },
  ]);
  return awaitDraft(waiting, { kind: 'keepalive', ...draft, to: locator });
}

import { equalBytes } from '../bytes/bytes.ts';
import {
  type Association,
  type AssociationContext,
  type AssociationState,
  dropped,
  leaveEsp,
  type Pending,
  type Transition,
} from './association.ts';
import { limits } from './limits.ts';
import type { Locator } from './locator.ts';
import { notifyTypes } from './notify.ts';
import { type Packet, parameter, parametersNamed } from './packet.ts';
import type { Parameter } from './parameter-fields.ts';
import { awaitSignature, completePacket, draftPacket, isAuthentic } from './signed-packet.ts';

type WithAssociation = Extract<AssociationState, { association: Association }>;

/** Asks for the signature of a CLOSE (RFC 7401 §5.3.7). */
export function draftClose(state: WithAssociation, context: AssociationContext): Transition {
  const { hash, keys } = state.association;
  const echo = context.crypto.random(16);
  const parameters: Parameter[] = [{ name: 'ECHO_REQUEST_SIGNED', data: echo }];
  const draft = draftPacket(context, 'CLOSE', parameters, { name: 'HIP_MAC', hash, keys });
  return awaitSignature(state, { kind: 'CLOSE', ...draft, echo });
}

/** Sends the CLOSE; from here on no data may pass (RFC 7401 §4.4.2). */
export function sendClose(
  state: WithAssociation,
  pending: Extract<Pending, { kind: 'CLOSE' }>,
  signature: Uint8Array,
  now: number,
  context: AssociationContext,
): Transition {
  const close = completePacket(context, pending, signature);
  const { association } = state;
  return {
    state: {
      name: 'CLOSING',
      failures: 0,
      association,
      close,
      echo: pending.echo,
      transmissions: 1,
      deadline: now + limits.retransmitMs,
    },
    effects: [...leaveEsp(state), { type: 'send', packet: close, to: association.locator }],
  };
}

/** Processes a CLOSE wherever keys exist (RFC 7401 §6.14); CLOSED answers it again. */
export function receiveClose(
  state: AssociationState,
  close: Packet,
  from: Locator,
  context: AssociationContext,
): Transition {
  const keys = keysOf(state);
  if (keys === undefined) return dropped(state, 'CLOSE without an association');
  const echo = parameter(close, 'ECHO_REQUEST_SIGNED');
  if (echo === undefined || echo.data.length > limits.echoLength)
    return dropped(state, 'CLOSE has no usable echo request');
  if (!isAuthentic(close, keys, context.crypto)) return dropped(state, 'CLOSE is not authentic', 'warning');
  const parameters: Parameter[] = [{ name: 'ECHO_RESPONSE_SIGNED', data: echo.data }];
  const draft = draftPacket(context, 'CLOSE_ACK', parameters, { name: 'HIP_MAC', ...keys });
  return awaitSignature(state, { kind: 'CLOSE_ACK', ...draft, to: from });
}

/** Sends the CLOSE_ACK and stays to answer repeated CLOSEs for a while. */
export function sendCloseAck(
  state: AssociationState,
  pending: Extract<Pending, { kind: 'CLOSE_ACK' }>,
  signature: Uint8Array,
  now: number,
  context: AssociationContext,
): Transition {
  const packet = completePacket(context, pending, signature);
  const keys = keysOf(state);
  if (keys === undefined) return dropped(state, 'CLOSE_ACK came too late to be sent');
  const echo = 'echo' in state ? state.echo : undefined;
  return {
    state: {
      name: 'CLOSED',
      failures: 0,
      association: keys,
      ...(echo === undefined ? {} : { echo }),
      reconnecting: state.name === 'CLOSED' && state.reconnecting,
      deadline: now + limits.closedMs,
    },
    effects: [
      ...leaveEsp(state),
      { type: 'send', packet, to: pending.to },
      ...(state.name === 'CLOSED'
        ? []
        : [{ type: 'report' as const, level: 'info' as const, message: 'closed by the peer' }]),
    ],
  };
}

/** Ends an association whose CLOSE the peer confirmed (RFC 7401 §6.15). */
export function receiveCloseAck(
  state: Extract<AssociationState, { name: 'CLOSING' | 'CLOSED' }>,
  packet: Packet,
  context: AssociationContext,
): Transition {
  const echo = parameter(packet, 'ECHO_RESPONSE_SIGNED');
  if (echo === undefined || state.echo === undefined || !equalBytes(echo.data, state.echo)) {
    return dropped(state, 'CLOSE_ACK answers no CLOSE of ours');
  }
  if (!isAuthentic(packet, state.association, context.crypto))
    return dropped(state, 'CLOSE_ACK is not authentic', 'warning');
  return { state: { name: 'UNASSOCIATED', failures: 0 }, effects: [] };
}

/** Parameters that ask for a new key or a new address. Acknowledging one without acting on it would leave the ends apart. */
const notYetServed = ['ESP_INFO', 'DIFFIE_HELLMAN', 'ENCRYPTED'] as const;

/**
 * Acknowledges an authentic UPDATE that asks for nothing but that (RFC 7401 §6.12). A rekey is not acknowledged: the
 * peer then closes and starts over, as §6.11 has it. A readdressing one has a critical parameter that decoding refuses.
 */
export function receiveUpdate(
  state: Extract<AssociationState, { name: 'R2-SENT' | 'ESTABLISHED' }>,
  update: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const { association } = state;
  if (!isAuthentic(update, association, context.crypto))
    return dropped(state, 'UPDATE is not authentic', 'warning');
  // Only a peer that finished the exchange sends UPDATE (RFC 7401 §4.4.3, table 5).
  const established: AssociationState =
    state.name === 'ESTABLISHED'
      ? state
      : { ...state, name: 'ESTABLISHED', deadline: now + limits.keepaliveMs };
  if (notYetServed.some((name) => parameter(update, name) !== undefined)) {
    return dropped(established, 'UPDATE asks for a rekey, which is not served', 'warning');
  }
  const sequence = parameter(update, 'SEQ');
  if (sequence === undefined) return { state: established, effects: [] };
  const ahead = (sequence.updateId - association.peerUpdateId) >>> 0;
  const isRepeated = ahead === 0xffff_ffff;
  if (ahead !== 0 && !isRepeated)
    return dropped(established, `UPDATE ${sequence.updateId} is out of sequence`);
  const echo = parameter(update, 'ECHO_REQUEST_SIGNED');
  const parameters: Parameter[] = [{ name: 'ACK', updateIds: [sequence.updateId] }];
  if (echo !== undefined && echo.data.length <= limits.echoLength) {
    parameters.push({ name: 'ECHO_RESPONSE_SIGNED', data: echo.data });
  }
  const draft = draftPacket(context, 'UPDATE', parameters, {
    name: 'HIP_MAC',
    hash: association.hash,
    keys: association.keys,
  });
  const peerUpdateId = isRepeated ? association.peerUpdateId : (sequence.updateId + 1) >>> 0;
  return awaitSignature(
    { ...established, association: { ...association, peerUpdateId } },
    { kind: 'UPDATE', ...draft, to: from },
  );
}

/** Informational only, and not even authenticated: it must not change anything (RFC 7401 §5.3.6). */
export function receiveNotify(state: AssociationState, packet: Packet): Transition {
  const types = parametersNamed(packet, 'NOTIFICATION')
    .map(({ messageType }) => messageType)
    .filter((type) => type !== notifyTypes.NAT_KEEPALIVE);
  return types.length === 0 ? { state, effects: [] } : dropped(state, `NOTIFY of type ${types.join(', ')}`);
}

/** Sends the NAT keepalive (RFC 9028 §4.10), or asks for the one signature that all of them share. */
export function keepAlive(
  state: Extract<AssociationState, { name: 'ESTABLISHED' }>,
  now: number,
  context: AssociationContext,
): Transition {
  const waiting: AssociationState = { ...state, deadline: now + limits.keepaliveMs };
  const { keepalive, locator } = state.association;
  if (keepalive !== undefined)
    return { state: waiting, effects: [{ type: 'send', packet: keepalive, to: locator }] };
  // Another message waits for its signature; the keepalive can wait for the next turn.
  if (state.pending !== undefined) return { state: waiting, effects: [] };
  const notification = {
    name: 'NOTIFICATION' as const,
    messageType: notifyTypes.NAT_KEEPALIVE,
    data: new Uint8Array(),
  };
  return awaitSignature(waiting, { kind: 'NOTIFY', ...draftPacket(context, 'NOTIFY', [notification]) });
}

/** The association's keys and identity, or those of an exchange that waits for R2. */
function keysOf(state: AssociationState): Association | undefined {
  if ('association' in state) return state.association;
  if (state.name !== 'I2-SENT') return undefined;
  const { locator, peerIdentity, hash, keys, suite, localSpi } = state.exchange;
  return {
    role: 'initiator',
    locator,
    peerIdentity,
    hash,
    keys,
    suite,
    localSpi,
    peerSpi: 0,
    newerThan: 0,
    peerUpdateId: 0,
    establishedAt: 0,
  };
}

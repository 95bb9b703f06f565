import { equalBytes } from '../bytes/bytes.ts';
import {
  type AssociationContext,
  type AssociationState,
  type Carrying,
  dropped,
  leaveEsp,
  type Pending,
  type Transition,
} from './association.ts';
import type { ClosedAssociation } from './association-contents.ts';
import { limits } from './limits.ts';
import type { Locator } from './locator.ts';
import { refused } from './notification.ts';
import { type Packet, parameter } from './packet.ts';
import type { Parameter } from './parameter-fields.ts';
import { awaitSignature, completePacket, draftPacket, isAuthentic } from './signed-packet.ts';

/** Asks for the signature of a CLOSE (RFC 7401 §5.3.7). */
export function draftClose(state: Carrying, context: AssociationContext): Transition {
  const { hash, keys } = state.association;
  const echo = context.crypto.random(limits.nonceLength);
  const parameters: Parameter[] = [{ name: 'ECHO_REQUEST_SIGNED', data: echo }];
  const draft = draftPacket(context, 'CLOSE', parameters, { name: 'HIP_MAC', hash, keys });
  return awaitSignature(state, { kind: 'CLOSE', ...draft, echo });
}

/** Sends the CLOSE; from here on no data may pass (RFC 7401 §4.4.2). */
export function sendClose(
  state: Carrying,
  pending: Extract<Pending, { kind: 'CLOSE' }>,
  signature: Uint8Array,
  now: number,
  context: AssociationContext,
): Transition {
  const close = completePacket(context, pending, signature);
  const { locator } = state.association;
  return {
    state: {
      name: 'CLOSING',
      failures: 0,
      association: remainsOf(state.association),
      close,
      echo: pending.echo,
      transmissions: 1,
      deadline: now + limits.retransmitMs,
    },
    effects: [...leaveEsp(state), { type: 'send', packet: close, to: locator }],
  };
}

/** Processes a CLOSE wherever keys exist (RFC 7401 §6.14); CLOSED answers it again. */
export function receiveClose(
  state: AssociationState,
  close: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const remains = remainsIn(state);
  if (remains === undefined) return dropped(state, 'CLOSE without an association');
  const echo = parameter(close, 'ECHO_REQUEST_SIGNED');
  if (echo === undefined || echo.data.length > limits.echoLength)
    return dropped(state, 'CLOSE has no usable echo request');
  if (!isAuthentic(close, remains, context.crypto))
    return refused(state, 'CLOSE is not authentic', 'HIP_MAC_FAILED', remains.locator, now, context);
  const parameters: Parameter[] = [{ name: 'ECHO_RESPONSE_SIGNED', data: echo.data }];
  const { hash, keys } = remains;
  const draft = draftPacket(context, 'CLOSE_ACK', parameters, { name: 'HIP_MAC', hash, keys });
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
  const remains = remainsIn(state);
  if (remains === undefined) return dropped(state, 'CLOSE_ACK came too late to be sent');
  const echo = 'echo' in state ? state.echo : undefined;
  return {
    state: {
      name: 'CLOSED',
      failures: 0,
      association: remains,
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

/** What a CLOSE and its answer need: the association's, or an exchange's that waits for R2. */
function remainsIn(state: AssociationState): ClosedAssociation | undefined {
  if (state.name === 'I2-SENT') return remainsOf(state.exchange);
  return 'association' in state ? remainsOf(state.association) : undefined;
}

function remainsOf({
  locator,
  peerIdentity,
  hash,
  keys,
  suite,
  localSpi,
}: ClosedAssociation): ClosedAssociation {
  return { locator, peerIdentity, hash, keys, suite, localSpi };
}

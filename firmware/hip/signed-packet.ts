import { equalBytes } from '../bytes/bytes.ts';
import type { AssociationContext, Draft, Pending, Transition } from './association.ts';
import type { Association } from './association-contents.ts';
import type { HashAlgorithm, HipCrypto } from './crypto-port.ts';
import type { HostIdentity } from './host-identity.ts';
import { computeHit, type HostIdentityTag } from './host-identity-tag.ts';
import type { AssociationKeys } from './key-material.ts';
import { limits } from './limits.ts';
import {
  appendParameters,
  encodePacket,
  type Packet,
  type PacketName,
  parameter,
  parameterOffset,
} from './packet.ts';
import type { Parameter, ParameterOf } from './parameter-fields.ts';
import { macIsGood, protectedOctets } from './protection.ts';
import { suiteHash } from './suites.ts';

/** A packet of ours up to HIP_MAC or HIP_MAC_2, ready to be signed. */
export function draftPacket(
  context: AssociationContext,
  packet: PacketName,
  parameters: readonly Parameter[],
  mac?: {
    readonly name: 'HIP_MAC' | 'HIP_MAC_2';
    readonly hash: HashAlgorithm;
    readonly keys: AssociationKeys;
  },
): { readonly unsigned: Uint8Array; readonly message: Uint8Array } {
  let unsigned = encodePacket({
    packet,
    controls: 0,
    sender: context.own.hit,
    receiver: context.peer,
    parameters,
  });
  if (mac !== undefined) {
    const appended = mac.name === 'HIP_MAC_2' ? context.own.hostIdOctets : undefined;
    const covered = protectedOctets(unsigned, unsigned.length, appended);
    const value = context.crypto.hmac(mac.hash, mac.keys.outgoing.integrity.reveal(), covered);
    unsigned = appendParameters(unsigned, { name: mac.name, mac: value });
  }
  return { unsigned, message: protectedOctets(unsigned, unsigned.length) };
}

/** Adds the signature that was waited for, and what follows it. */
export function completePacket(
  context: AssociationContext,
  { unsigned }: Pick<Pending | Draft, 'unsigned'>,
  signature: Uint8Array,
  following: readonly Parameter[] = [],
): Uint8Array {
  const algorithm = context.own.identity.algorithm;
  return appendParameters(unsigned, { name: 'HIP_SIGNATURE', algorithm, signature }, ...following);
}

/**
 * Holds a message until its signature comes. A message that waited before is forgotten and its signature ignored, but
 * not an R2: its I2 is used up, so the peer's exchange could never be finished.
 */
export function awaitSignature(state: Transition['state'], pending: Pending): Transition {
  if (state.pending?.kind === 'R2' && pending.kind !== 'R2') return { state, effects: [] };
  return { state: { ...state, pending }, effects: [{ type: 'sign', message: pending.message }] };
}

/**
 * Lets a message wait for its signature beside what changes the state. A newer UPDATE of ours takes the place of an older
 * one; where too many wait, the oldest of the others is forgotten: what matters will be repeated.
 */
export function awaitDraft(state: Transition['state'], draft: Draft): Transition {
  const isOwn = (candidate: Draft) => candidate.kind === 'UPDATE' && candidate.updateId !== undefined;
  const waiting = (state.drafts ?? []).filter((other) => !(isOwn(draft) && isOwn(other)));
  const surplus = waiting.length < limits.drafts ? -1 : waiting.findIndex((other) => !isOwn(other));
  const drafts = [...waiting.filter((_, index) => index !== surplus), draft];
  return { state: { ...state, drafts }, effects: [{ type: 'sign', message: draft.message }] };
}

/** The identity in a HOST_ID, if it is the one that the HIT names (RFC 7401 §6.8, step 10; §6.9, step 12). */
export function identityOfHit(
  hostId: ParameterOf<'HOST_ID'>,
  hit: HostIdentityTag,
  crypto: Pick<HipCrypto, 'hash'>,
): HostIdentity | undefined {
  const identity = { algorithm: hostId.algorithm, octets: hostId.identity.slice() };
  const computed = computeHit(identity, crypto);
  return computed !== undefined && equalBytes(computed, hit) ? identity : undefined;
}

/** Checks HIP_SIGNATURE with the sender's key; the hash is that of the sender's HIT suite (RFC 7401 §6.4.2). */
export function signatureIsGood(packet: Packet, identity: HostIdentity, crypto: HipCrypto): boolean {
  const offset = parameterOffset(packet, 'HIP_SIGNATURE');
  const received = parameter(packet, 'HIP_SIGNATURE');
  const hash = suiteHash(packet.sender);
  if (offset === undefined || received === undefined || hash === undefined) return false;
  if (received.algorithm !== identity.algorithm) return false;
  return crypto.verify(identity, hash, protectedOctets(packet.octets, offset), received.signature);
}

/** Checks HIP_MAC and then HIP_SIGNATURE of a packet that belongs to an association. */
export function isAuthentic(
  packet: Packet,
  association: Pick<Association, 'hash' | 'keys' | 'peerIdentity'>,
  crypto: HipCrypto,
): boolean {
  const { hash, keys, peerIdentity } = association;
  return (
    macIsGood(packet, 'HIP_MAC', { crypto, hash, key: keys.incoming.integrity }) &&
    signatureIsGood(packet, peerIdentity, crypto)
  );
}

import { equalBytes } from '../bytes/bytes.ts';
import {
  type AssociationContext,
  type AssociationState,
  dropped,
  leaveEsp,
  type Pending,
  type Transition,
} from './association.ts';
import type { Association } from './association-contents.ts';
import { firstEspInfo, firstPeerSpi } from './base-exchange.ts';
import { decryptParameters } from './encrypted.ts';
import { newAssociation } from './established.ts';
import { deriveKeys } from './key-material.ts';
import { limits } from './limits.ts';
import type { Locator } from './locator.ts';
import { refused } from './notification.ts';
import type { notifyTypes } from './notify.ts';
import { type Packet, parameter } from './packet.ts';
import type { ParameterOf } from './parameter-fields.ts';
import { macIsGood } from './protection.ts';
import { isGroupOf } from './responder.ts';
import {
  awaitSignature,
  completePacket,
  draftPacket,
  identityOfHit,
  signatureIsGood,
} from './signed-packet.ts';
import { defaultOffers, espTransportFormat, responderHash } from './suites.ts';

/**
 * Processes an I2 in any state that may accept one (RFC 7401 §6.9, RFC 7402 §6.5), the cheapest checks first: the
 * puzzle, then Diffie-Hellman and HIP_MAC, then the identity and its signature. Nothing is kept until all have passed.
 */
export function receiveI2(
  state: AssociationState,
  i2: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const { crypto, own, peer, offers = defaultOffers } = context;
  if (state.pending?.kind === 'R2' && isSameI2(i2, state.pending.i2)) return { state, effects: [] };
  if (state.name === 'R2-SENT' || state.name === 'ESTABLISHED') {
    const { answered } = state.association;
    if (answered !== undefined && isSameI2(i2, answered.i2)) {
      return { state, effects: [{ type: 'send', packet: answered.r2, to: state.association.locator }] };
    }
  }
  const solution = parameter(i2, 'SOLUTION');
  if (solution === undefined) return dropped(state, 'I2 lacks a solution');
  const counter = parameter(i2, 'R1_COUNTER')?.counter;
  const recognised = context.responder.recognise({ initiator: peer, from, counter, solution, now });
  if (recognised === 'busy')
    return refused(state, 'I2 refused: busy', 'RESPONDER_BUSY_PLEASE_RETRY', from, now, context);
  if (typeof recognised === 'string') return dropped(state, `I2 refused: ${recognised}`);
  const current = newestAssociation(state);
  if (current !== undefined && recognised.issuedAt <= current.newerThan) {
    return dropped(state, 'I2 of an exchange older than the association');
  }

  // The puzzle is bound to where its R1 went, so the peer receives there and may be told of errors (RFC 7401 §6.9.1). The
  // responder keeps account of what comes of right solutions.
  const refuse = (reason: string, type: keyof typeof notifyTypes): Transition => {
    const next = refused(state, `I2 refused: ${reason}`, type, from, now, context);
    return { ...next, effects: [{ type: 'refuse-solution', solution: recognised }, ...next.effects] };
  };
  const theirs = parameter(i2, 'DIFFIE_HELLMAN');
  const formats = parameter(i2, 'TRANSPORT_FORMAT_LIST')?.formats;
  if (!theirs || !formats) return refuse('a parameter is missing', 'INVALID_SYNTAX');
  const cipher = single(parameter(i2, 'HIP_CIPHER')?.ciphers, offers.ciphers);
  if (!cipher) return refuse('not a cipher that R1 offers', 'INVALID_HIP_CIPHER_CHOSEN');
  const suite = single(parameter(i2, 'ESP_TRANSFORM')?.suites, offers.espSuites);
  if (!suite || formats.length !== 1 || formats[0] !== espTransportFormat)
    return refuse('not an ESP suite that R1 offers', 'INVALID_ESP_TRANSFORM_CHOSEN');
  const { keyPair } = recognised;
  if (!isGroupOf(keyPair, theirs.group)) return refuse('not the group of R1', 'INVALID_DH_CHOSEN');
  const peerPublicValue = theirs.publicValue.slice();
  const sharedSecret = keyPair.agree(peerPublicValue);
  if (sharedSecret === undefined) return refuse('an invalid Diffie-Hellman value', 'INVALID_SYNTAX');
  const hash = responderHash(own.hit);
  const keys = deriveKeys(
    {
      ...{ hash, sharedSecret, local: own.hit, peer, cipher },
      ...{ random: solution.random, solution: solution.solution },
    },
    crypto,
  );
  if (!macIsGood(i2, 'HIP_MAC', { crypto, hash, key: keys.incoming.integrity }))
    return refuse('MAC is wrong', 'HIP_MAC_FAILED');
  const hostId =
    parameter(i2, 'HOST_ID') ?? encryptedHostId(i2, { cipher, key: keys.incoming.encryption, crypto });
  if (hostId === undefined) return refuse('no host identity', 'ENCRYPTION_FAILED');
  const peerIdentity = identityOfHit(hostId, peer, crypto);
  if (peerIdentity === undefined) return refuse('a host identity that is not the HIT’s', 'INVALID_HIT');
  if (!signatureIsGood(i2, peerIdentity, crypto))
    return refuse('signature is wrong', 'AUTHENTICATION_FAILED');
  const peerSpi = firstPeerSpi(i2, keys);
  if (peerSpi === undefined) return refuse('no usable ESP_INFO', 'INVALID_SYNTAX');

  const association = newAssociation(
    {
      ...{ role: 'responder', locator: from, peerIdentity, hash, keys, suite, peerSpi },
      agreement: { keyPair, peerPublicValue },
      localSpi: context.newSpi(),
      newerThan: recognised.issuedAt,
    },
    now,
    context,
  );
  const espInfo = firstEspInfo(keys, association.localSpi);
  const draft = draftPacket(context, 'R2', [espInfo], { name: 'HIP_MAC_2', hash, keys });
  const next = awaitSignature(state, { kind: 'R2', ...draft, association, i2: i2.octets.slice() });
  return { ...next, effects: [{ type: 'accept-solution', solution: recognised }, ...next.effects] };
}

/** The signed R2 goes out; an older association's ESP pair is gone before the new one is there (RFC 7402 §6.5). */
export function sendR2(
  state: AssociationState,
  pending: Extract<Pending, { kind: 'R2' }>,
  signature: Uint8Array,
  now: number,
  context: AssociationContext,
): Transition {
  const r2 = completePacket(context, pending, signature);
  const association: Association = { ...pending.association, answered: { i2: pending.i2, r2 } };
  const { suite, keys, locator } = association;
  const { incoming, outgoing } = keys.espKeys(suite);
  return {
    state: { name: 'R2-SENT', failures: 0, association, deadline: now + limits.exchangeCompleteMs },
    effects: [
      ...leaveEsp(state),
      {
        type: 'install-inbound',
        association: { spi: association.localSpi, suite, keys: incoming, from: locator },
      },
      {
        type: 'install-outbound',
        association: { spi: association.peerSpi, suite, keys: outgoing, to: locator },
      },
      { type: 'send', packet: r2, to: locator },
      { type: 'report', level: 'info', message: `established as responder with ${suite.name}` },
    ],
  };
}

/** The one value of a list in an I2 (RFC 7401 §6.9, step 9), if it is one of ours. */
function single<Choice extends { readonly id: number }>(
  values: readonly number[] | undefined,
  offered: readonly Choice[],
): Choice | undefined {
  return values?.length === 1 ? offered.find(({ id }) => id === values[0]) : undefined;
}

/** ENCRYPTED { HOST_ID }: anything else in it drops the I2 (RFC 7401 §6.9, step 11). */
function encryptedHostId(
  i2: Packet,
  opening: Parameters<typeof decryptParameters>[1],
): ParameterOf<'HOST_ID'> | undefined {
  const encrypted = parameter(i2, 'ENCRYPTED');
  const inner = encrypted && decryptParameters(encrypted, opening);
  return inner?.ok === true ? parameter({ parameters: inner.value }, 'HOST_ID') : undefined;
}

/** What an I2 would replace: the association that is being answered, or the one that stands. */
function newestAssociation(state: AssociationState): Association | undefined {
  if (state.pending?.kind === 'R2') return state.pending.association;
  return state.name === 'R2-SENT' || state.name === 'ESTABLISHED' ? state.association : undefined;
}

/** Whether an I2 is the very one that was taken before. */
function isSameI2(packet: Packet, i2: Uint8Array): boolean {
  return equalBytes(packet.octets, i2);
}

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
import { decryptParameters } from './encrypted.ts';
import { deriveKeys } from './key-material.ts';
import { limits } from './limits.ts';
import type { Locator } from './locator.ts';
import { type Packet, parameter, parametersNamed } from './packet.ts';
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
  const [info, ...moreInfo] = parametersNamed(i2, 'ESP_INFO');
  const solution = parameter(i2, 'SOLUTION');
  const theirs = parameter(i2, 'DIFFIE_HELLMAN');
  const cipher = single(parameter(i2, 'HIP_CIPHER')?.ciphers, offers.ciphers);
  const suite = single(parameter(i2, 'ESP_TRANSFORM')?.suites, offers.espSuites);
  const formats = parameter(i2, 'TRANSPORT_FORMAT_LIST')?.formats;
  if (!info || moreInfo.length > 0 || !solution || !theirs || !formats)
    return dropped(state, 'I2 lacks a parameter');
  if (!cipher || !suite || formats.length !== 1 || formats[0] !== espTransportFormat) {
    return dropped(state, 'I2 chooses what R1 did not offer');
  }

  const counter = parameter(i2, 'R1_COUNTER')?.counter;
  const recognised = context.responder.recognise({ initiator: peer, from, counter, solution, now });
  if (typeof recognised === 'string') return dropped(state, `I2 refused: ${recognised}`);
  const current = newestAssociation(state);
  if (current !== undefined && recognised.issuedAt <= current.newerThan) {
    return dropped(state, 'I2 of an exchange older than the association');
  }
  if (!isGroupOf(recognised.keyPair, theirs.group)) return dropped(state, 'I2 has another group than R1');
  // From here on the I2 costs public-key operations, and the responder keeps account of what came of them.
  const refused = (reason: string): Transition => {
    const { effects } = dropped(state, reason, 'warning');
    return { state, effects: [{ type: 'refuse-solution', solution: recognised }, ...effects] };
  };
  const sharedSecret = recognised.keyPair.agree(theirs.publicValue);
  if (sharedSecret === undefined) return refused('I2 has an invalid Diffie-Hellman value');
  const hash = responderHash(own.hit);
  const keys = deriveKeys(
    {
      hash,
      sharedSecret,
      random: solution.random,
      solution: solution.solution,
      local: own.hit,
      peer,
      cipher,
    },
    crypto,
  );
  if (!macIsGood(i2, 'HIP_MAC', { crypto, hash, key: keys.incoming.integrity })) {
    return refused('I2 MAC is wrong');
  }
  const hostId =
    parameter(i2, 'HOST_ID') ?? encryptedHostId(i2, { cipher, key: keys.incoming.encryption, crypto });
  const peerIdentity = hostId && identityOfHit(hostId, peer, crypto);
  if (peerIdentity === undefined) return refused('I2 has no host identity that is the HIT’s');
  if (!signatureIsGood(i2, peerIdentity, crypto)) return refused('I2 signature is wrong');
  if (info.keymatIndex !== keys.keymatIndex || info.oldSpi !== 0 || info.newSpi < limits.smallestSpi) {
    return refused('I2 has no usable ESP_INFO');
  }

  const association: Association = {
    role: 'responder',
    locator: from,
    peerIdentity,
    hash,
    keys,
    suite,
    localSpi: context.newSpi(),
    peerSpi: info.newSpi,
    newerThan: recognised.issuedAt,
    peerUpdateId: 0,
    establishedAt: now,
  };
  const espInfo = {
    name: 'ESP_INFO' as const,
    keymatIndex: keys.keymatIndex,
    oldSpi: 0,
    newSpi: association.localSpi,
  };
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

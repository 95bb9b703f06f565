import {
  type AssociationContext,
  type AssociationState,
  dropped,
  leaveEsp,
  type Pending,
  type Transition,
} from './association.ts';
import type { InitiatorExchange } from './association-contents.ts';
import { firstEspInfo, firstPeerSpi } from './base-exchange.ts';
import type { DhGroup } from './crypto-port.ts';
import { encryptParameters } from './encrypted.ts';
import { newAssociation, nextDeadline } from './established.ts';
import { deriveKeys } from './key-material.ts';
import { limits } from './limits.ts';
import type { Locator } from './locator.ts';
import { refused } from './notification.ts';
import type { notifyTypes } from './notify.ts';
import { encodePacket, type Packet, parameter, parameterOffset, parametersNamed } from './packet.ts';
import type { Parameter } from './parameter-fields.ts';
import { macIsGood, protectedR1Octets } from './protection.ts';
import { solvePuzzle } from './puzzle.ts';
import {
  awaitSignature,
  completePacket,
  draftPacket,
  identityOfHit,
  signatureIsGood,
} from './signed-packet.ts';
import {
  defaultOffers,
  type EspSuite,
  espTransportFormat,
  type HipCipher,
  hashLengths,
  hitSuite,
  responderHash,
  suiteHash,
} from './suites.ts';

/** I1 (RFC 7401 §5.3.1): neither signed nor secret. */
export function makeI1({ own, peer, offers = defaultOffers }: AssociationContext): Uint8Array {
  const parameters: Parameter[] = [{ name: 'DH_GROUP_LIST', groups: offers.groups }];
  return encodePacket({ packet: 'I1', controls: 0, sender: own.hit, receiver: peer, parameters });
}

/**
 * Answers an R1 (RFC 7401 §6.8). The signature comes before anything costly; everything that the R1 lacks or that does
 * not fit leaves the state as it was, waiting for a better R1.
 */
export function receiveR1(
  state: AssociationState,
  r1: Packet,
  from: Locator,
  now: number,
  context: AssociationContext,
): Transition {
  const { crypto, own, peer } = context;
  const puzzle = parameter(r1, 'PUZZLE');
  const hostId = parameter(r1, 'HOST_ID');
  const hash = suiteHash(peer);
  if (!puzzle || !hostId || hash === undefined) return dropped(state, 'R1 lacks a parameter');
  if (puzzle.random.length !== hashLengths[hash]) return dropped(state, 'R1 puzzle is not as long as RHASH');
  const peerIdentity = identityOfHit(hostId, peer, crypto);
  if (peerIdentity === undefined)
    return dropped(state, 'R1 has a host identity that is not the HIT’s', 'warning');
  if (!r1SignatureIsGood(r1, context)) return dropped(state, 'R1 signature is wrong', 'warning');

  const choice = choose(r1, context);
  // A malformed R1 is dropped in silence (RFC 7401 §6.8.1); of what cannot be agreed on its sender's operator may hear.
  if (choice === undefined) return dropped(state, 'R1 lacks a parameter');
  if ('refusal' in choice) return refused(state, choice.refusal, choice.type, from, now, context);
  const echo = parameter(r1, 'ECHO_REQUEST_SIGNED');
  if (echo !== undefined && echo.data.length > limits.echoLength)
    return dropped(state, 'R1 echo request is too long', 'warning');
  const solution = solvePuzzle(
    {
      hash: responderHash(peer),
      random: puzzle.random,
      difficulty: puzzle.difficulty,
      initiator: own.hit,
      responder: peer,
    },
    crypto,
  );
  if (solution === undefined)
    return dropped(state, `R1 puzzle of ${puzzle.difficulty} bits is too hard`, 'warning');
  const { group, cipher, suite, peerPublicValue } = choice;
  const keyPair = crypto.generateKeyPair(group);
  const sharedSecret = keyPair.agree(peerPublicValue);
  if (sharedSecret === undefined) return dropped(state, 'R1 has an invalid Diffie-Hellman value', 'warning');
  const random = puzzle.random.slice();
  const keys = deriveKeys({ hash, sharedSecret, random, solution, local: own.hit, peer, cipher }, crypto);

  const counter = parameter(r1, 'R1_COUNTER');
  const exchange: InitiatorExchange = {
    locator: from,
    peerIdentity,
    peerHostId: parameterOctets(r1, 'HOST_ID'),
    r1Counter: counter?.counter ?? 0n,
    hash,
    keys,
    agreement: { keyPair, peerPublicValue },
    suite,
    localSpi: context.newSpi(),
  };
  const parameters: Parameter[] = [
    firstEspInfo(keys, exchange.localSpi),
    ...(counter === undefined ? [] : [counter]),
    { name: 'SOLUTION', difficulty: puzzle.difficulty, opaque: puzzle.opaque, random, solution },
    { name: 'DIFFIE_HELLMAN', group: keyPair.group, publicValue: keyPair.publicValue },
    { name: 'HIP_CIPHER', ciphers: [cipher.id] },
    encryptParameters([own.hostId], { cipher, key: keys.outgoing.encryption, crypto }),
    ...(echo === undefined ? [] : [{ name: 'ECHO_RESPONSE_SIGNED' as const, data: echo.data }]),
    { name: 'TRANSPORT_FORMAT_LIST', formats: [espTransportFormat] },
    { name: 'ESP_TRANSFORM', suites: [suite.id] },
  ];
  const draft = draftPacket(context, 'I2', parameters, { name: 'HIP_MAC', hash, keys });
  return awaitSignature(state, { kind: 'I2', ...draft, exchange, unsignedEchoes: unsignedEchoes(r1) });
}

type Choice = {
  readonly group: DhGroup;
  readonly cipher: HipCipher;
  readonly suite: EspSuite;
  readonly peerPublicValue: Uint8Array;
};
type Refusal = { readonly refusal: string; readonly type: keyof typeof notifyTypes };

/** Chooses from what an authentic R1 offers (RFC 7401 §6.8, steps 6, 7, 14 and 15); undefined where a list is missing. */
function choose(
  r1: Packet,
  { own, offers = defaultOffers }: AssociationContext,
): Choice | Refusal | undefined {
  const theirs = parameter(r1, 'DIFFIE_HELLMAN');
  const groups = parameter(r1, 'DH_GROUP_LIST')?.groups;
  const ciphers = parameter(r1, 'HIP_CIPHER')?.ciphers;
  const suites = parameter(r1, 'ESP_TRANSFORM')?.suites;
  const formats = parameter(r1, 'TRANSPORT_FORMAT_LIST')?.formats;
  const hitSuites = parameter(r1, 'HIT_SUITE_LIST')?.suites;
  if (!theirs || !groups || !ciphers || !hitSuites || !suites || !formats) return undefined;
  if (!hitSuites.includes(hitSuite(own.hit) << 4))
    return { refusal: 'the peer does not take our HIT suite', type: 'UNSUPPORTED_HIT_SUITE' };
  // The first of the responder's signed list that our I1 offered: anything else is a downgrade (RFC 7401 §4.1.7).
  const common = groups.find((candidate) => offers.groups.some((ours) => ours === candidate));
  const group = offers.groups.find((ours) => ours === common);
  if (group === undefined)
    return { refusal: 'no Diffie-Hellman group in common', type: 'NO_DH_PROPOSAL_CHOSEN' };
  if (theirs.group !== group)
    return { refusal: 'R1 has another group than the negotiated one: downgrade', type: 'INVALID_DH_CHOSEN' };
  const cipher = offers.ciphers.find(({ id }) => ciphers.includes(id));
  if (cipher === undefined) return { refusal: 'no HIP cipher in common', type: 'NO_HIP_PROPOSAL_CHOSEN' };
  const suite = offers.espSuites.find(({ id }) => suites.includes(id));
  if (suite === undefined || !formats.includes(espTransportFormat))
    return { refusal: 'no ESP suite in common', type: 'NO_ESP_PROPOSAL_CHOSEN' };
  return { group, cipher, suite, peerPublicValue: theirs.publicValue.slice() };
}

/** The signed I2 goes out, and the inbound ESP association is there before the peer can use it (RFC 7402 §3.3.1). */
export function sendI2(
  state: AssociationState,
  pending: Extract<Pending, { kind: 'I2' }>,
  signature: Uint8Array,
  now: number,
  context: AssociationContext,
): Transition {
  const { exchange } = pending;
  const i2 = completePacket(context, pending, signature, pending.unsignedEchoes);
  return {
    state: {
      name: 'I2-SENT',
      failures: state.failures,
      exchange,
      i2,
      transmissions: 1,
      deadline: now + limits.retransmitMs,
    },
    effects: [
      ...leaveEsp(state),
      {
        type: 'install-inbound',
        association: {
          spi: exchange.localSpi,
          suite: exchange.suite,
          keys: exchange.keys.espKeys(exchange.suite).incoming,
          from: exchange.locator,
        },
      },
      { type: 'send', packet: i2, to: exchange.locator },
    ],
  };
}

/** Finishes the exchange (RFC 7401 §6.10, RFC 7402 §6.6). */
export function receiveR2(
  state: Extract<AssociationState, { name: 'I2-SENT' }>,
  r2: Packet,
  now: number,
  context: AssociationContext,
): Transition {
  const { crypto } = context;
  const { exchange } = state;
  const { hash, keys, suite } = exchange;
  const key = keys.incoming.integrity;
  if (!macIsGood(r2, 'HIP_MAC_2', { crypto, hash, key, hostId: exchange.peerHostId })) {
    return dropped(state, 'R2 MAC is wrong', 'warning');
  }
  if (!signatureIsGood(r2, exchange.peerIdentity, crypto))
    return dropped(state, 'R2 signature is wrong', 'warning');
  const peerSpi = firstPeerSpi(r2, keys);
  if (peerSpi === undefined) return dropped(state, 'R2 has no usable ESP_INFO', 'warning');
  const { locator, peerIdentity, agreement, localSpi, r1Counter } = exchange;
  const association = newAssociation(
    {
      ...{ role: 'initiator', locator, peerIdentity, hash, keys, agreement, suite, localSpi, peerSpi },
      newerThan: now,
    },
    now,
    context,
  );
  return {
    state: {
      name: 'ESTABLISHED',
      failures: 0,
      association,
      r1Counter,
      deadline: nextDeadline(association),
    },
    effects: [
      {
        type: 'install-outbound',
        association: { spi: peerSpi, suite, keys: keys.espKeys(suite).outgoing, to: locator },
      },
      { type: 'report', level: 'info', message: `established as initiator with ${suite.name}` },
    ],
  };
}

function r1SignatureIsGood(r1: Packet, { crypto, peer }: AssociationContext): boolean {
  const received = parameter(r1, 'HIP_SIGNATURE_2');
  const end = parameterOffset(r1, 'HIP_SIGNATURE_2');
  const puzzleOffset = parameterOffset(r1, 'PUZZLE');
  const hostId = parameter(r1, 'HOST_ID');
  const puzzle = parameter(r1, 'PUZZLE');
  if (!received || end === undefined || puzzleOffset === undefined || !hostId || !puzzle) return false;
  if (received.algorithm !== hostId.algorithm) return false;
  const message = protectedR1Octets(r1.octets, end, puzzleOffset, puzzle.random.length);
  const identity = { algorithm: hostId.algorithm, octets: hostId.identity };
  return crypto.verify(identity, responderHash(peer), message, received.signature);
}

/** A parameter's octets with padding, copied from the packet. */
function parameterOctets(packet: Packet, name: 'HOST_ID'): Uint8Array {
  const index = packet.parameters.findIndex((candidate) => candidate.name === name);
  return packet.octets.slice(packet.offsets[index], packet.offsets[index + 1] ?? packet.octets.length);
}

/** Anybody on the path may have added these (RFC 7401 §5.2.21): they are echoed as far as an I2 has room for them. */
function unsignedEchoes(r1: Packet): Parameter[] {
  let room: number = limits.unsignedEchoLength;
  const echoes: Parameter[] = [];
  for (const { data } of parametersNamed(r1, 'ECHO_REQUEST_UNSIGNED')) {
    // Type, Length and padding count too, or many empty ones would fill the packet.
    room -= data.length + 12;
    if (room >= 0) echoes.push({ name: 'ECHO_RESPONSE_UNSIGNED', data: data.slice() });
  }
  return echoes;
}

/** Whether an R1 is fresher than the one that was answered (RFC 7401 §6.8, step 8). */
export function isFresher(r1: Packet, exchange: InitiatorExchange): boolean {
  return counterOf(r1) > exchange.r1Counter;
}

/** Whether an R1 is older than that of the peer's last exchange: somebody may play it again (RFC 7401 §4.1.4). */
export function isOutdated(r1: Packet, { r1Counter = 0n }: AssociationState): boolean {
  return counterOf(r1) < r1Counter;
}

function counterOf(r1: Packet): bigint {
  return parameter(r1, 'R1_COUNTER')?.counter ?? 0n;
}

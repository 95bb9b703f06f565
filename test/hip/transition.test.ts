import { describe, expect, test } from 'vitest';
import type { AssociationInput, AssociationState, StateName } from '../../firmware/hip/association.ts';
import { limits } from '../../firmware/hip/limits.ts';
import type { PacketName } from '../../firmware/hip/packet.ts';
import { appendParameters } from '../../firmware/hip/packet.ts';
import { draftPacket } from '../../firmware/hip/signed-packet.ts';
import { exchange, type Host, parsed, twoHosts } from './two-hosts.ts';

/** One host in each state, with the packets that its peer could send to it there. */
type Scene = {
  readonly host: Host;
  readonly peer: Host;
  readonly packets: Readonly<Record<PacketName, Uint8Array>>;
};

/** A signed packet of `host` under its association's keys. */
async function authentic(
  host: Host,
  packet: 'UPDATE' | 'NOTIFY' | 'CLOSE' | 'CLOSE_ACK',
  parameters: Parameters<typeof draftPacket>[2],
) {
  const { state } = host;
  if (!('association' in state)) throw new Error(`no association in ${state.name}`);
  const { hash, keys } = state.association;
  const mac = packet === 'NOTIFY' ? undefined : { name: 'HIP_MAC' as const, hash, keys };
  const { unsigned, message } = draftPacket(host.context, packet, parameters, mac);
  return appendParameters(unsigned, {
    name: 'HIP_SIGNATURE',
    algorithm: 7,
    signature: await host.signer.sign(message),
  });
}

const seq = (updateId: number) => ({ name: 'SEQ' as const, updateId });

/** When the peer starts over: before any deadline, and late enough that its R1 is newer than the association. */
const later = 500;

/** Brings a host to a state, and makes packets that are right as far as they can be in it. */
async function scene(state: StateName, isGreater: boolean): Promise<Scene> {
  const [smaller, greater] = await twoHosts();
  const [host, peer] = isGreater ? [greater, smaller] : [smaller, greater];
  const connect = { type: 'connect' as const, to: peer.locator };
  const own: Partial<Record<PacketName, Uint8Array>> = {};

  // An association of an earlier time, whose packets are authentic for nobody who has forgotten it.
  await exchange(host, peer);
  const old = {
    UPDATE: await authentic(peer, 'UPDATE', [seq(0)]),
    NOTIFY: await authentic(peer, 'NOTIFY', [
      { name: 'NOTIFICATION', messageType: 42, data: new Uint8Array() },
    ]),
    CLOSE: await authentic(peer, 'CLOSE', [{ name: 'ECHO_REQUEST_SIGNED', data: Uint8Array.of(1) }]),
  };
  let echo = new Uint8Array(16);
  if (state === 'CLOSING' || state === 'CLOSED') {
    const [close] = await host.packets({ type: 'close' });
    const request = parsed(close ?? new Uint8Array()).parameters.find(
      ({ name }) => name === 'ECHO_REQUEST_SIGNED',
    );
    if (request !== undefined && 'data' in request) echo = request.data.slice();
  }
  const closeAck = await authentic(peer, 'CLOSE_ACK', [{ name: 'ECHO_RESPONSE_SIGNED', data: echo }]);
  if (state === 'CLOSED') await host.receive(old.CLOSE, peer);
  if (!['ESTABLISHED', 'CLOSING', 'CLOSED', 'R2-SENT'].includes(state)) host.step({ type: 'abandon' });

  // The peer starts over: its I1, and an I2 for an R1 of the host.
  peer.step({ type: 'abandon' });
  const [i1 = new Uint8Array()] = await peer.packets({ type: 'connect', to: host.locator }, later);
  const [r1OfHost = new Uint8Array()] = await host.receive(i1, peer, later);
  const r1Anyway =
    r1OfHost.length > 0
      ? r1OfHost
      : (host.responder.answer(parsed(i1), peer.locator, later) ?? new Uint8Array());
  const [i2 = new Uint8Array()] = await peer.receive(r1Anyway, host);

  if (state === 'R2-SENT') await host.receive(i2, peer, later);
  if (state === 'I1-SENT' || state === 'I2-SENT' || state === 'E-FAILED') await host.packets(connect, 0);
  // An R1 for the host, and the R2 for its own I2.
  const hostI1 = i1For(host, peer);
  const r1 = peer.responder.answer(parsed(hostI1), host.locator, later) ?? new Uint8Array();
  if (state === 'I2-SENT') {
    const [ownI2 = new Uint8Array()] = await host.receive(r1, peer);
    peer.step({ type: 'abandon' });
    const [r2] = await peer.receive(ownI2, host);
    own.R2 = r2 ?? new Uint8Array();
  }
  if (state === 'E-FAILED')
    for (let count = 0; count < limits.i1Transmissions; count++)
      host.step({ type: 'timeout' }, 1e6 * (count + 1));
  if (state === 'R2-SENT') {
    // Packets under the keys of the association that this I2 made.
    const [r2 = new Uint8Array()] = await host.receive(i2, peer, later);
    await peer.receive(r2, host);
    old.UPDATE = await authentic(peer, 'UPDATE', [seq(0)]);
    old.CLOSE = await authentic(peer, 'CLOSE', [{ name: 'ECHO_REQUEST_SIGNED', data: Uint8Array.of(1) }]);
  }
  expect(host.state.name).toBe(state);
  return {
    host,
    peer,
    packets: { I1: i1, R1: r1, I2: i2, R2: own.R2 ?? i2AsR2(r1), ...old, CLOSE_ACK: closeAck },
  };
}

/** The I1 that a host would send, without its knowing. */
function i1For(host: Host, peer: Host): Uint8Array {
  const before = host.state;
  host.state = { name: 'UNASSOCIATED', failures: 0 };
  const [effect] = host.step({ type: 'connect', to: peer.locator });
  host.state = before;
  return effect?.type === 'send' ? effect.packet : new Uint8Array();
}

/** An R2 that belongs to nothing: an R1's octets under another type. */
function i2AsR2(r1: Uint8Array): Uint8Array {
  const octets = r1.slice();
  octets[2] = 4;
  return octets;
}

type Expected = readonly [next: StateName, sent: string];

/** What a packet does, as `[next state, packets sent]`, for RFC 7401 §4.4.3 tables 2 to 9. */
const same = (state: StateName, sent = ''): Expected => [state, sent];

const table: Readonly<Record<StateName, Readonly<Record<PacketName, Expected>>>> = {
  UNASSOCIATED: {
    I1: same('UNASSOCIATED', 'R1'),
    R1: same('UNASSOCIATED'),
    I2: ['R2-SENT', 'R2'],
    R2: same('UNASSOCIATED'),
    UPDATE: same('UNASSOCIATED'),
    NOTIFY: same('UNASSOCIATED'),
    CLOSE: same('UNASSOCIATED'),
    CLOSE_ACK: same('UNASSOCIATED'),
  },
  'I1-SENT': {
    I1: same('I1-SENT', 'R1'),
    R1: ['I2-SENT', 'I2'],
    I2: ['R2-SENT', 'R2'],
    R2: same('I1-SENT'),
    UPDATE: same('I1-SENT'),
    NOTIFY: same('I1-SENT'),
    CLOSE: same('I1-SENT'),
    CLOSE_ACK: same('I1-SENT'),
  },
  'I2-SENT': {
    I1: same('I2-SENT', 'R1'),
    R1: same('I2-SENT'),
    I2: ['R2-SENT', 'R2'],
    R2: ['ESTABLISHED', ''],
    UPDATE: same('I2-SENT'),
    NOTIFY: same('I2-SENT'),
    CLOSE: same('I2-SENT'),
    CLOSE_ACK: same('I2-SENT'),
  },
  'R2-SENT': {
    I1: same('R2-SENT', 'R1'),
    R1: same('R2-SENT'),
    I2: same('R2-SENT', 'R2'),
    R2: same('R2-SENT'),
    UPDATE: ['ESTABLISHED', 'UPDATE'],
    NOTIFY: same('R2-SENT'),
    CLOSE: ['CLOSED', 'CLOSE_ACK'],
    CLOSE_ACK: same('R2-SENT'),
  },
  ESTABLISHED: {
    I1: same('ESTABLISHED', 'R1'),
    R1: same('ESTABLISHED'),
    I2: ['R2-SENT', 'R2'],
    R2: same('ESTABLISHED'),
    UPDATE: same('ESTABLISHED', 'UPDATE'),
    NOTIFY: same('ESTABLISHED'),
    CLOSE: ['CLOSED', 'CLOSE_ACK'],
    CLOSE_ACK: same('ESTABLISHED'),
  },
  CLOSING: {
    I1: same('CLOSING', 'R1'),
    R1: same('CLOSING'),
    I2: ['R2-SENT', 'R2'],
    R2: same('CLOSING'),
    UPDATE: same('CLOSING'),
    NOTIFY: same('CLOSING'),
    CLOSE: ['CLOSED', 'CLOSE_ACK'],
    CLOSE_ACK: ['UNASSOCIATED', ''],
  },
  CLOSED: {
    I1: same('CLOSED', 'R1'),
    R1: same('CLOSED'),
    I2: ['R2-SENT', 'R2'],
    R2: same('CLOSED'),
    UPDATE: same('CLOSED'),
    NOTIFY: same('CLOSED'),
    CLOSE: same('CLOSED', 'CLOSE_ACK'),
    CLOSE_ACK: ['UNASSOCIATED', ''],
  },
  'E-FAILED': {
    I1: same('E-FAILED', 'R1'),
    R1: same('E-FAILED'),
    I2: ['R2-SENT', 'R2'],
    R2: same('E-FAILED'),
    UPDATE: same('E-FAILED'),
    NOTIFY: same('E-FAILED'),
    CLOSE: same('E-FAILED'),
    CLOSE_ACK: same('E-FAILED'),
  },
};

/** Where the smaller HIT does otherwise: its own exchange goes first (RFC 7401 §6.7, step 3; §6.9, step 5). */
const smallerTable: Partial<Record<StateName, Partial<Record<PacketName, Expected>>>> = {
  'I1-SENT': { I1: same('I1-SENT') },
  'I2-SENT': { I2: same('I2-SENT') },
};

const names = (packets: readonly Uint8Array[]) => packets.map((octets) => parsed(octets).packet).join(' ');

describe.each([true, false])('RFC 7401 §4.4.3, our HIT the greater: %s', (isGreater) => {
  const cases = Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row).map(([packet, expected]) => {
      const special = isGreater ? undefined : smallerTable[state as StateName]?.[packet as PacketName];
      return { state: state as StateName, packet: packet as PacketName, expected: special ?? expected };
    }),
  );
  test.each(cases)('$state receives $packet: $expected', async ({ state, packet, expected }) => {
    const { host, peer, packets } = await scene(state, isGreater);
    const sent = await host.receive(packets[packet], peer, later);
    expect([host.state.name, names(sent)]).toEqual(expected);
  });
});

describe('RFC 7401 §4.4.3: what is not a packet', () => {
  const inputs = (peer: Host): Readonly<Record<string, AssociationInput>> => ({
    connect: { type: 'connect', to: peer.locator },
    close: { type: 'close' },
    abandon: { type: 'abandon' },
    signed: { type: 'signed', message: Uint8Array.of(1), signature: new Uint8Array(64) },
    'sign-failed': { type: 'sign-failed', message: Uint8Array.of(1) },
    'early timeout': { type: 'timeout' },
  });
  const expected: Readonly<Record<StateName, Readonly<Record<string, Expected>>>> = {
    UNASSOCIATED: { connect: ['I1-SENT', 'I1'], close: same('UNASSOCIATED'), abandon: same('UNASSOCIATED') },
    'I1-SENT': { connect: same('I1-SENT', 'I1'), close: ['UNASSOCIATED', ''], abandon: ['UNASSOCIATED', ''] },
    'I2-SENT': { connect: same('I2-SENT'), close: ['UNASSOCIATED', ''], abandon: ['UNASSOCIATED', ''] },
    'R2-SENT': { connect: same('R2-SENT'), close: ['CLOSING', 'CLOSE'], abandon: ['UNASSOCIATED', ''] },
    ESTABLISHED: { connect: same('ESTABLISHED'), close: ['CLOSING', 'CLOSE'], abandon: ['UNASSOCIATED', ''] },
    CLOSING: { connect: ['I1-SENT', 'I1'], close: same('CLOSING'), abandon: ['UNASSOCIATED', ''] },
    CLOSED: { connect: same('CLOSED', 'I1'), close: same('CLOSED'), abandon: ['UNASSOCIATED', ''] },
    'E-FAILED': { connect: ['I1-SENT', 'I1'], close: ['UNASSOCIATED', ''], abandon: ['UNASSOCIATED', ''] },
  };
  const cases = (Object.keys(expected) as StateName[]).flatMap((state) =>
    ['connect', 'close', 'abandon', 'signed', 'sign-failed', 'early timeout'].map((input) => ({
      state,
      input,
      outcome: expected[state][input] ?? same(state),
    })),
  );
  test.each(cases)('$state, $input: $outcome', async ({ state, input, outcome }) => {
    const { host, peer } = await scene(state, true);
    const sent = await host.packets(inputs(peer)[input] ?? { type: 'timeout' }, -1);
    expect([host.state.name, names(sent)]).toEqual(outcome);
  });

  test.each(['I2-SENT', 'R2-SENT', 'ESTABLISHED'] as const)(
    '%s: what is left removes its security associations',
    async (state) => {
      const { host } = await scene(state, true);
      expect(host.step({ type: 'abandon' }).map(({ type }) => type)).toEqual(['remove-esp']);
    },
  );
});

describe('RFC 7401 §6.6 and §6.8: retransmission', () => {
  /** Lets time-outs come exactly at their deadlines. */
  async function runOut(host: Host): Promise<{ sent: string[]; at: number[] }> {
    const sent: string[] = [];
    const at: number[] = [];
    while ('deadline' in host.state && ['I1-SENT', 'I2-SENT', 'CLOSING'].includes(host.state.name)) {
      const now = host.state.deadline;
      expect(await host.packets({ type: 'timeout' }, now - 1)).toEqual([]);
      for (const packet of await host.packets({ type: 'timeout' }, now)) {
        sent.push(names([packet]));
        at.push(now);
      }
    }
    return { sent, at };
  }

  test(`I1 goes out ${limits.i1Transmissions} times with doubling waits, then E-FAILED waits longer after every failure`, async () => {
    const [host, peer] = await twoHosts();
    const waits: number[] = [];
    let now = 0;
    for (let round = 0; round < 9; round++) {
      await host.packets({ type: 'connect', to: peer.locator }, now);
      const { at } = await runOut(host);
      if (round === 0) expect(at).toEqual([1000, 3000, 7000, 15_000]);
      if (host.state.name !== 'E-FAILED') throw new Error(host.state.name);
      expect(host.state.reason).toBe('the peer does not answer');
      const begun = now + 31_000;
      waits.push(host.state.deadline - begun);
      now = host.state.deadline;
      await host.packets({ type: 'timeout' }, now);
      expect(host.state).toEqual({ name: 'UNASSOCIATED', failures: round + 1 });
    }
    const [shortest, longest] = limits.failedWaitMs;
    for (const [round, wait] of waits.entries()) {
      const plain = Math.min(longest, shortest * 2 ** round);
      expect(wait).toBeGreaterThanOrEqual(plain * 0.75);
      expect(wait).toBeLessThanOrEqual(plain * 1.25);
    }
  });

  test('the smaller HIT’s I1 goes out again at once when the other’s comes, but not more often than every second', async () => {
    const [smaller, greater] = await twoHosts();
    await smaller.packets({ type: 'connect', to: greater.locator }, 0);
    for (const now of [1000, 3000, 7000]) await smaller.packets({ type: 'timeout' }, now);
    const [i1 = new Uint8Array()] = await greater.packets({ type: 'connect', to: smaller.locator }, 8000);
    expect(await smaller.receive(i1, greater, 7999)).toEqual([]);
    expect(names(await smaller.receive(i1, greater, 8000))).toBe('I1');
    expect(await smaller.receive(i1, greater, 8999)).toEqual([]);
    expect(smaller.state).toMatchObject({ name: 'I1-SENT', transmissions: 4, deadline: 16_000 });
  });

  test(`I2 goes out ${limits.i2Transmissions} times, the same each time`, async () => {
    const { host } = await scene('I2-SENT', true);
    const first = host.state.name === 'I2-SENT' ? host.state.i2 : new Uint8Array();
    const packets = await host.packets(
      { type: 'timeout' },
      host.state.name === 'I2-SENT' ? host.state.deadline : 0,
    );
    expect(packets).toEqual([first]);
    expect((await runOut(host)).sent).toEqual(['I2', 'I2', 'I2']);
    expect(host.state).toMatchObject({ name: 'E-FAILED', failures: 1 });
  });

  test('a lost R2 comes again for the same I2, also after R2-SENT, without new keys', async () => {
    const [initiator, responder] = await twoHosts();
    const { i2, r2 } = await exchange(initiator, responder);
    const before = responder.state;
    expect(await responder.receive(i2, initiator)).toEqual([r2]);
    expect(responder.state).toBe(before);
    responder.step({ type: 'timeout' }, limits.exchangeCompleteMs);
    expect(responder.state.name).toBe('ESTABLISHED');
    const effects = await responder.settle({ type: 'packet', packet: parsed(i2), from: initiator.locator });
    expect(effects.map(({ type }) => type)).toEqual(['send']);
  });

  test('CLOSE goes out three times, then the association is forgotten', async () => {
    const { host } = await scene('CLOSING', true);
    expect((await runOut(host)).sent).toEqual(['CLOSE', 'CLOSE']);
    expect(host.state).toEqual({ name: 'UNASSOCIATED', failures: 0 });
  });

  test('CLOSED ends after a while', async () => {
    const { host } = await scene('CLOSED', true);
    host.step({ type: 'timeout' }, limits.closedMs);
    expect(host.state).toEqual({ name: 'UNASSOCIATED', failures: 0 });
  });
});

describe('peer restart (RFC 7401 §4.5.4)', () => {
  test('a new exchange replaces the association: the old pair goes, a new one with other keys comes', async () => {
    const [peer, host] = await twoHosts();
    await exchange(peer, host);
    const old = keyOf(host.state);
    peer.step({ type: 'abandon' });
    const [i1 = new Uint8Array()] = await peer.packets({ type: 'connect', to: host.locator }, later);
    const [r1 = new Uint8Array()] = await host.receive(i1, peer, later);
    expect(keyOf(host.state)).toEqual(old);
    const [i2 = new Uint8Array()] = await peer.receive(r1, host, later);
    const effects = await host.settle({ type: 'packet', packet: parsed(i2), from: peer.locator }, later);
    expect(effects.map(({ type }) => type)).toEqual([
      ...['accept-solution', 'sign', 'remove-esp', 'install-inbound', 'install-outbound', 'send', 'report'],
    ]);
    expect(keyOf(host.state)).not.toEqual(old);
  });

  test('a recorded I2 brings no old keys back, whatever state it meets', async () => {
    const [peer, host] = await twoHosts();
    const { i2 } = await exchange(peer, host);
    for (const ending of ['abandon', 'close'] as const) {
      await host.settle({ type: ending });
      const before = host.state;
      expect(await host.receive(i2, peer)).toEqual([]);
      expect(host.state).toBe(before);
    }
    // A new exchange of the same peer is welcome.
    peer.step({ type: 'abandon' });
    await exchange(peer, host, later);
    expect(host.state.name).toBe('R2-SENT');
  });

  test('an I2 that the peer has given up for a newer one does not come first by coming last', async () => {
    const [peer, host] = await twoHosts();
    const [i1 = new Uint8Array()] = await peer.packets({ type: 'connect', to: host.locator });
    const [oldR1 = new Uint8Array()] = await host.receive(i1, peer);
    const [oldI2 = new Uint8Array()] = await peer.receive(oldR1, host);
    peer.step({ type: 'abandon' });
    await exchange(peer, host, later);
    const before = host.state;
    expect(await host.receive(oldI2, peer, later)).toEqual([]);
    expect(host.state).toBe(before);
  });

  test('when both ends’ exchanges cross, the loser’s I2 does not replace what the winner’s has made', async () => {
    const [smaller, greater] = await twoHosts();
    const [theirI1 = new Uint8Array()] = await greater.packets({ type: 'connect', to: smaller.locator });
    const [theirR1 = new Uint8Array()] = await smaller.receive(theirI1, greater);
    const [theirI2 = new Uint8Array()] = await greater.receive(theirR1, smaller);
    const { r2 } = await exchange(smaller, greater);
    expect([smaller.state.name, greater.state.name, r2.length]).toEqual(['ESTABLISHED', 'R2-SENT', 184]);
    // Sent before R2, it arrives after it.
    expect(await smaller.receive(theirI2, greater)).toEqual([]);
    expect(smaller.state.name).toBe('ESTABLISHED');
  });

  function keyOf(state: AssociationState): Uint8Array {
    if (!('association' in state)) throw new Error(state.name);
    const { keys, suite } = state.association;
    return keys.espKeys(suite).outgoing.encryption.reveal();
  }
});

describe('signatures that come late or never', () => {
  test('an answer is made once, whatever arrives while it is being signed', async () => {
    const [initiator, responder] = await twoHosts();
    const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: responder.locator });
    const [r1 = new Uint8Array()] = await responder.receive(i1, initiator);
    const first = initiator.step({ type: 'packet', packet: parsed(r1), from: responder.locator });
    const again = initiator.step({ type: 'packet', packet: parsed(r1), from: responder.locator });
    expect([first.map(({ type }) => type), again.map(({ type }) => type)]).toEqual([['sign'], ['report']]);
    const deadline = initiator.state.name === 'I1-SENT' ? initiator.state.deadline : 0;
    expect(initiator.step({ type: 'timeout' }, deadline)).toEqual([]);
    expect(initiator.state.pending?.kind).toBe('I2');
    const [sign] = first;
    if (sign?.type !== 'sign') throw new Error('nothing to sign');
    const [i2] = await initiator.packets({
      type: 'signed',
      message: sign.message,
      signature: await initiator.signer.sign(sign.message),
    });

    const packet = parsed(i2 ?? new Uint8Array());
    const taken = responder.step({ type: 'packet', packet, from: initiator.locator });
    expect(taken.map(({ type }) => type)).toEqual(['accept-solution', 'sign']);
    expect(responder.step({ type: 'packet', packet, from: initiator.locator })).toEqual([]);
    // Nothing else may take the place of the R2: its I2 is used up.
    const r1ForUs = parsed(
      initiator.responder.answer(parsed(i1For(responder, initiator)), responder.locator, 0) ??
        new Uint8Array(),
    );
    responder.step({ type: 'packet', packet: r1ForUs, from: initiator.locator });
    expect(responder.state.pending?.kind).toBe('R2');
    // An exchange that the peer has nearly finished is not disturbed by our own wish for one.
    expect(responder.step({ type: 'connect', to: initiator.locator })).toEqual([]);
  });

  test('a signature that cannot be had leaves the state to its timer', async () => {
    const [initiator, responder] = await twoHosts();
    const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: responder.locator });
    const [r1 = new Uint8Array()] = await responder.receive(i1, initiator);
    const [sign] = initiator.step({ type: 'packet', packet: parsed(r1), from: responder.locator });
    if (sign?.type !== 'sign') throw new Error('nothing to sign');
    initiator.step({ type: 'sign-failed', message: sign.message });
    expect(initiator.state).toMatchObject({ name: 'I1-SENT' });
    expect(initiator.state.pending).toBeUndefined();
    expect(names(await initiator.packets({ type: 'timeout' }, 1000))).toBe('I1');
  });
});

describe('ESTABLISHED', () => {
  test('RFC 9028 §4.10: a NAT keepalive every 15 s, signed once', async () => {
    const [initiator, responder] = await twoHosts();
    await exchange(initiator, responder);
    const signed: number[] = [];
    const packets: Uint8Array[] = [];
    for (let turn = 1; turn <= 3; turn++) {
      const effects = await initiator.settle({ type: 'timeout' }, turn * limits.keepaliveMs);
      signed.push(effects.filter(({ type }) => type === 'sign').length);
      packets.push(...effects.flatMap((effect) => (effect.type === 'send' ? [effect.packet] : [])));
    }
    expect([signed, names(packets)]).toEqual([[1, 0, 0], 'NOTIFY NOTIFY NOTIFY']);
    expect(packets[1]).toEqual(packets[0]);
    const before = responder.state;
    expect(
      responder.step({
        type: 'packet',
        packet: parsed(packets[0] ?? new Uint8Array()),
        from: initiator.locator,
      }),
    ).toEqual([]);
    expect(responder.state).toBe(before);
  });

  test('RFC 7401 §6.12: UPDATE 0 is acknowledged, its repetition too, one out of sequence is not', async () => {
    const [host, peer] = await twoHosts();
    await exchange(host, peer);
    const answer = async (...parameters: Parameters<typeof draftPacket>[2]) => {
      const [packet] = await host.receive(await authentic(peer, 'UPDATE', parameters), peer);
      return packet === undefined ? null : parsed(packet).parameters.slice(0, -2);
    };
    expect(await answer(seq(1))).toBeNull();
    expect(await answer(seq(0))).toEqual([{ name: 'ACK', updateIds: [0] }]);
    expect(await answer(seq(0))).toEqual([{ name: 'ACK', updateIds: [0] }]);
    expect(await answer(seq(1), { name: 'ECHO_REQUEST_SIGNED', data: Uint8Array.of(4) })).toEqual([
      { name: 'ACK', updateIds: [1] },
      { name: 'ECHO_RESPONSE_SIGNED', data: Uint8Array.of(4) },
    ]);
    expect(await answer(seq(0))).toBeNull();
    expect(await answer({ name: 'ACK', updateIds: [0] })).toBeNull();
  });

  test('a rekey is not acknowledged, since it would not be carried out', async () => {
    const [host, peer] = await twoHosts();
    await exchange(host, peer);
    const update = await authentic(peer, 'UPDATE', [
      { name: 'ESP_INFO', keymatIndex: 200, oldSpi: 1, newSpi: 4096 },
      seq(0),
    ]);
    const before = host.state;
    expect(await host.receive(update, peer)).toEqual([]);
    expect(host.state).toBe(before);
  });

  test('what is not authentic does nothing', async () => {
    const [host, peer] = await twoHosts();
    await exchange(host, peer);
    const close = await authentic(peer, 'CLOSE', [{ name: 'ECHO_REQUEST_SIGNED', data: Uint8Array.of(1) }]);
    const before = host.state;
    for (const offset of [44, 60, close.length - 20]) {
      const forged = close.slice();
      forged[offset] = (forged[offset] ?? 0) ^ 1;
      expect(await host.receive(forged, peer)).toEqual([]);
      expect(host.state).toBe(before);
    }
  });
});

describe('RFC 7401 §6.8: R1s in I2-SENT', () => {
  test('one with a larger counter starts the exchange over, the same one does not', async () => {
    const [host, peer] = await twoHosts();
    const [i1 = new Uint8Array()] = await host.packets({ type: 'connect', to: peer.locator });
    const [r1 = new Uint8Array()] = await peer.receive(i1, host);
    await host.receive(r1, peer);
    expect(await host.receive(r1, peer)).toEqual([]);
    await peer.prepareR1s();
    const [fresh = new Uint8Array()] = await peer.receive(i1, host);
    const effects = await host.settle({ type: 'packet', packet: parsed(fresh), from: peer.locator });
    expect(effects.map(({ type }) => type)).toEqual(['sign', 'remove-esp', 'install-inbound', 'send']);
  });
});

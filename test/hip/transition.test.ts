import { describe, expect, test } from 'vitest';
import type { AssociationInput, StateName } from '../../firmware/hip/association.ts';
import { limits } from '../../firmware/hip/limits.ts';
import type { PacketName } from '../../firmware/hip/packet.ts';
import { later, names, scene } from './scene.ts';
import type { Host } from './two-hosts.ts';

type Expected = readonly [next: StateName, sent: string];

/** What a packet does, as `[next state, packets sent]`, for RFC 7401 §4.4.3 tables 2 to 9. */
const same = (state: StateName, sent = ''): Expected => [state, sent];

const table: Readonly<Record<StateName, Readonly<Record<PacketName, Expected>>>> = {
  UNASSOCIATED: {
    I1: same('UNASSOCIATED', 'R1'),
    R1: same('UNASSOCIATED'),
    I2: ['R2-SENT', 'R2'],
    R2: same('UNASSOCIATED'),
    UPDATE: same('UNASSOCIATED', 'I1'),
    NOTIFY: same('UNASSOCIATED'),
    CLOSE: same('UNASSOCIATED'),
    CLOSE_ACK: same('UNASSOCIATED'),
  },
  'I1-SENT': {
    I1: same('I1-SENT', 'R1'),
    R1: ['I2-SENT', 'I2'],
    I2: ['R2-SENT', 'R2'],
    R2: same('I1-SENT'),
    UPDATE: same('I1-SENT', 'I1'),
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
    // It is one of an association that is no more: its MAC is wrong.
    CLOSE: same('I2-SENT', 'NOTIFY'),
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
    UPDATE: same('E-FAILED', 'I1'),
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
  /** Every other input; `timeout` and `traffic` stand for those that have an effect. */
  type Kind =
    | Exclude<AssociationInput['type'], 'packet'>
    | 'early timeout'
    | 'traffic received'
    | 'no traffic';
  const inputs = (host: Host, peer: Host): Readonly<Record<Kind, readonly [AssociationInput, number]>> => {
    const message = Uint8Array.of(1);
    const elsewhere = { address: '198.51.100.1', port: 10500 };
    const deadline = 'deadline' in host.state ? host.state.deadline : later;
    return {
      connect: [{ type: 'connect', to: peer.locator }, later],
      close: [{ type: 'close' }, later],
      abandon: [{ type: 'abandon' }, later],
      signed: [{ type: 'signed', message, signature: new Uint8Array(64) }, later],
      'sign-failed': [{ type: 'sign-failed', message }, later],
      timeout: [{ type: 'timeout' }, deadline],
      'early timeout': [{ type: 'timeout' }, -1],
      rekey: [{ type: 'rekey' }, later],
      'own-addresses': [{ type: 'own-addresses', addresses: [elsewhere.address], moved: true }, later],
      mapping: [{ type: 'mapping', from: elsewhere }, later],
      traffic: [{ type: 'traffic', sent: true, received: false }, later + limits.deadPeerMs],
      'traffic received': [{ type: 'traffic', sent: false, received: true }, later],
      'no traffic': [{ type: 'traffic', sent: false, received: false }, later + limits.deadPeerMs],
    };
  };
  const gone: Expected = ['UNASSOCIATED', ''];
  const updates: Expected = ['ESTABLISHED', 'UPDATE'];
  const carrying = { rekey: updates, 'own-addresses': updates, mapping: updates, traffic: updates };
  /** What is not named changes nothing. */
  const expected: Readonly<Record<StateName, Partial<Record<Kind, Expected>>>> = {
    UNASSOCIATED: { connect: ['I1-SENT', 'I1'] },
    'I1-SENT': { connect: same('I1-SENT', 'I1'), close: gone, abandon: gone, timeout: same('I1-SENT', 'I1') },
    'I2-SENT': { close: gone, abandon: gone, timeout: same('I2-SENT', 'I2') },
    'R2-SENT': {
      ...carrying,
      ...{ close: ['CLOSING', 'CLOSE'], abandon: gone },
      ...{ timeout: ['ESTABLISHED', ''], 'traffic received': ['ESTABLISHED', ''] },
    },
    ESTABLISHED: {
      ...carrying,
      ...{ close: ['CLOSING', 'CLOSE'], abandon: gone },
      // The first thing to be due is the NAT keepalive.
      timeout: same('ESTABLISHED', 'NOTIFY'),
    },
    CLOSING: { connect: ['I1-SENT', 'I1'], abandon: gone, timeout: same('CLOSING', 'CLOSE') },
    CLOSED: { connect: same('CLOSED', 'I1'), abandon: gone, timeout: gone },
    'E-FAILED': { connect: ['I1-SENT', 'I1'], close: gone, abandon: gone, timeout: gone },
  };
  const kinds = Object.keys(inputs({ state: {} } as Host, {} as Host)) as Kind[];
  const cases = (Object.keys(expected) as StateName[]).flatMap((state) =>
    kinds.map((kind) => ({ state, kind, outcome: expected[state][kind] ?? same(state) })),
  );
  test.each(cases)('$state, $kind: $outcome', async ({ state, kind, outcome }) => {
    const { host, peer } = await scene(state, true);
    const [input, now] = inputs(host, peer)[kind];
    const before = host.state;
    const sent = await host.packets(input, now);
    expect([host.state.name, names(sent)]).toEqual(outcome);
    const isIgnored = expected[state][kind] === undefined && kind !== 'traffic received';
    if (isIgnored) expect({ ...host.state, failures: 0 }).toEqual({ ...before, failures: 0 });
  });

  test.each(['I2-SENT', 'R2-SENT', 'ESTABLISHED'] as const)(
    '%s: what is left removes its security associations',
    async (state) => {
      const { host } = await scene(state, true);
      expect(host.step({ type: 'abandon' }).map(({ type }) => type)).toEqual(['remove-esp']);
    },
  );
});

import { describe, expect, test } from 'vitest';
import type { AssociationInput, StateName } from '../../firmware/hip/association.ts';
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

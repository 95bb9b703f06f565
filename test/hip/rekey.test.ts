import { describe, expect, test } from 'vitest';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { parameter } from '../../firmware/hip/packet.ts';
import type { Parameter } from '../../firmware/hip/parameter-fields.ts';
import { authentic, names, seq } from './scene.ts';
import { parsed } from './two-hosts.ts';
import { type End, established, type Wire } from './wire.ts';

const rekey = { type: 'rekey' } as const;

/** What tells one pair of keys from another. */
const keyOf = ({ outbound }: End) => outbound?.key;

function spisAgree({ ends: [left, right] }: Wire): boolean {
  return (
    left.association.localSpi === right.association.peerSpi &&
    right.association.localSpi === left.association.peerSpi
  );
}

describe('RFC 7402 §6.8 to §6.10: rekeying', () => {
  test.each([0, 1] as const)('three UPDATEs change both directions over (end %i asks)', async (asking) => {
    const wire = await established();
    const [left, right] = wire.ends;
    const [asker, other] = asking === 0 ? [left, right] : [right, left];
    const old = wire.ends.map(({ association }) => association);
    await wire.settle(asker, rekey);
    expect(wire.log).toEqual([
      'UPDATE(ESP_INFO SEQ ECHO_REQUEST_SIGNED)',
      'UPDATE(ESP_INFO SEQ ACK ECHO_REQUEST_SIGNED ECHO_RESPONSE_SIGNED)',
      'UPDATE(ACK ECHO_RESPONSE_SIGNED)',
    ]);
    expect(spisAgree(wire)).toBe(true);
    for (const [index, end] of wire.ends.entries()) {
      const { keymatIndex, localSpi, suite } = end.association;
      const start = old[index]?.keymatIndex ?? 0;
      expect(localSpi).not.toBe(old[index]?.localSpi);
      expect(keymatIndex).toBe(start + 40);
      expect(keyOf(end)).toBe(
        toHex(end.association.keymat.espKeys(suite, start)?.outgoing.encryption.reveal() ?? new Uint8Array()),
      );
      // The old inbound association stays for what is still under way.
      expect([...end.inbound.keys()]).toEqual([old[index]?.localSpi, localSpi]);
    }
    await wire.pass(limits.retiredMs - 1);
    expect(wire.ends.map(({ inbound }) => inbound.size)).toEqual([2, 2]);
    await wire.pass(1);
    expect(wire.ends.map(({ inbound }) => inbound.size)).toEqual([1, 1]);
    expect([asker.carries, other.carries]).toEqual([true, true]);
  });

  test.each([0, 1, 2])(
    'UPDATE %i is lost: it comes again, and no direction is ever interrupted',
    async (lost) => {
      const wire = await established();
      const [left] = wire.ends;
      const before = keyOf(left);
      wire.isLost = (_, count) => count === lost;
      await wire.settle(left, rekey);
      expect(wire.log.at(-1)).toMatch(/lost$/);
      await wire.pass(limits.retransmitMs * 2);
      expect(wire.ends.map(({ association }) => association.rekey)).toEqual([undefined, undefined]);
      expect(wire.ends.map(({ association }) => association.outstanding)).toEqual([undefined, undefined]);
      expect(keyOf(left)).not.toBe(before);
      expect(spisAgree(wire)).toBe(true);
    },
  );

  test('both ends ask at once: they end with one pair of keys', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    await wire.input(left, rekey);
    await wire.input(right, rekey);
    await wire.deliver();
    expect(wire.log).toEqual([
      'UPDATE(ESP_INFO SEQ ECHO_REQUEST_SIGNED)',
      'UPDATE(ESP_INFO SEQ ECHO_REQUEST_SIGNED)',
      'UPDATE(ACK ECHO_RESPONSE_SIGNED)',
      'UPDATE(ACK ECHO_RESPONSE_SIGNED)',
    ]);
    expect(spisAgree(wire)).toBe(true);
    expect(left.association.keymatIndex).toBe(right.association.keymatIndex);
    expect(wire.ends.map(({ inbound }) => inbound.size)).toEqual([2, 2]);
  });

  test.each([0, 1, 2, 3])('both ask at once and UPDATE %i is lost', async (lost) => {
    const wire = await established();
    wire.isLost = (_, count) => count === lost;
    await wire.input(wire.ends[0], rekey);
    await wire.input(wire.ends[1], rekey);
    await wire.deliver();
    await wire.pass(4 * limits.retransmitMs);
    expect(spisAgree(wire)).toBe(true);
    expect(wire.ends.map(({ association }) => association.rekey)).toEqual([undefined, undefined]);
  });

  test(`every ${limits.drawsPerAgreement + 1}th pair of keys comes from a new Diffie-Hellman secret, and starts at index 0`, async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    for (let count = 1; count < limits.drawsPerAgreement; count++) {
      await wire.settle(count % 2 === 0 ? left : right, rekey);
      expect(left.association.keymat).toBe(left.association.keys.keymat);
    }
    wire.log.length = 0;
    await wire.settle(left, rekey);
    expect(wire.log).toEqual([
      'UPDATE(ESP_INFO SEQ DIFFIE_HELLMAN ECHO_REQUEST_SIGNED)',
      'UPDATE(ESP_INFO SEQ ACK DIFFIE_HELLMAN ECHO_REQUEST_SIGNED ECHO_RESPONSE_SIGNED)',
      'UPDATE(ACK ECHO_RESPONSE_SIGNED)',
    ]);
    for (const { association } of wire.ends) {
      expect(association.keymat).not.toBe(association.keys.keymat);
      expect([association.keymatIndex, association.draws]).toEqual([40, 1]);
    }
    expect(left.association.keymat.sharedSecret.reveal()).toEqual(
      right.association.keymat.sharedSecret.reveal(),
    );
    // And on from there.
    await wire.settle(right, rekey);
    expect(wire.ends.map(({ association }) => association.keymatIndex)).toEqual([80, 80]);
  });

  test('both ask at once and only one has a new Diffie-Hellman key: the other’s old one goes with it', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    const { state } = left.host;
    if (state.name !== 'ESTABLISHED') throw new Error(state.name);
    left.host.state = { ...state, association: { ...state.association, draws: limits.drawsPerAgreement } };
    await wire.input(left, rekey);
    await wire.input(right, rekey);
    await wire.deliver();
    expect(wire.log.filter((line) => line.includes('DIFFIE_HELLMAN')).length).toBe(1);
    expect(wire.ends.map(({ association }) => association.keymatIndex)).toEqual([40, 40]);
    expect(left.association.keymat.sharedSecret.reveal()).toEqual(
      right.association.keymat.sharedSecret.reveal(),
    );
    expect(right.association.agreement.peerPublicValue).toEqual(
      left.association.agreement.keyPair.publicValue,
    );
  });

  test('keys are replaced by time: after the age that is set, less up to a tenth', async () => {
    for (const [octet, part] of [
      [0, 1],
      [255, 1 - limits.rekeySpread],
    ] as const) {
      const wire = await established();
      const [left] = wire.ends;
      const { context } = left.host;
      const random = (length: number) =>
        length === 1 ? Uint8Array.of(octet) : context.crypto.random(length);
      left.host.context = { ...context, crypto: { ...context.crypto, random }, rekeyMs: 100_000 };
      await wire.settle(left, rekey);
      const key = keyOf(left);
      expect(left.association.rekeyAt).toBe(100_000 * part);
      await wire.pass(left.association.rekeyAt - 1);
      expect(keyOf(left)).toBe(key);
      await wire.pass(1);
      expect(keyOf(left)).not.toBe(key);
    }
  });

  test('an hour is the age where none is set', async () => {
    const { ends } = await established();
    for (const { association } of ends) {
      expect(association.rekeyAt).toBeGreaterThanOrEqual(limits.rekeyMs * (1 - limits.rekeySpread));
      expect(association.rekeyAt).toBeLessThanOrEqual(limits.rekeyMs);
    }
  });

  test('a second wish for new keys while the first is under way changes nothing', async () => {
    const wire = await established();
    const [left] = wire.ends;
    await wire.input(left, rekey);
    expect(await wire.input(left, rekey)).toEqual([]);
    await wire.deliver();
    expect(left.association.draws).toBe(2);
  });

  test(`rekeys in quick succession leave at most ${limits.retiredCount} old inbound associations`, async () => {
    const wire = await established();
    for (let count = 0; count < limits.retiredCount + 3; count++) await wire.settle(wire.ends[0], rekey);
    expect(wire.ends.map(({ inbound }) => inbound.size)).toEqual(
      Array.from({ length: 2 }, () => limits.retiredCount + 1),
    );
    wire.isSteady = false;
    await wire.settle(wire.ends[0], { type: 'abandon' });
    expect(wire.ends[0].inbound.size).toBe(0);
  });

  test('a peer that acknowledges and does not answer is given up in the end, with all that was installed', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    wire.isSteady = false;
    await wire.input(left, rekey);
    const ack = await authentic(right.host, 'UPDATE', [{ name: 'ACK', updateIds: [0] }]);
    await wire.input(left, { type: 'packet', packet: parsed(ack), from: right.place });
    wire.isLost = () => true;
    await wire.pass(limits.rekeyFinishMs - 1);
    expect(left.host.state.name).toBe('ESTABLISHED');
    await wire.pass(1);
    expect(left.host.state.name).toBe('UNASSOCIATED');
    expect([left.inbound.size, left.outbound]).toEqual([0, undefined]);
    expect(left.reports.at(-1)).toBe('the peer does not finish a rekey');
  });
});

describe('RFC 7402 §6.9: what a peer may ask for', () => {
  /** An UPDATE of the right end, and what the left end makes of it. */
  async function receives(...parameters: readonly Parameter[]) {
    const wire = await established();
    const [left, right] = wire.ends;
    const packet = await authentic(right.host, 'UPDATE', fillIn(parameters, right));
    const before = left.host.state;
    wire.isSteady = false;
    await wire.input(left, { type: 'packet', packet: parsed(packet), from: right.place });
    return { wire, left, right, before, answer: wire.sent[0] && parsed(wire.sent[0].octets) };
  }

  /** OLD SPI 1 stands for the one in use. */
  const fillIn = (parameters: readonly Parameter[], { association }: End) =>
    parameters.map((one) =>
      one.name === 'ESP_INFO' && one.oldSpi === 1 ? { ...one, oldSpi: association.localSpi } : one,
    );
  const espInfo = (keymatIndex: number, oldSpi = 1, newSpi = 0x5000) => ({
    ...{ name: 'ESP_INFO' as const, keymatIndex, oldSpi, newSpi },
  });
  const key = (group = 7, publicValue = new Uint8Array(64).fill(1)) => ({
    ...{ name: 'DIFFIE_HELLMAN' as const, group, publicValue },
  });

  test('the greater index wins', async () => {
    const { left, answer } = await receives(espInfo(1000), seq(0));
    expect(answer && parameter(answer, 'ESP_INFO')?.keymatIndex).toBe(1000);
    expect(left.association.rekey?.drawn?.keymatIndex).toBe(1000);
  });

  test('a smaller index than ours does not bring old keys back', async () => {
    const { left, answer } = await receives(espInfo(160), seq(0));
    expect(answer && parameter(answer, 'ESP_INFO')?.keymatIndex).toBe(200);
    expect(left.association.rekey?.drawn?.keymatIndex).toBe(200);
  });

  test('the last keys of KEYMAT can be drawn, and the answer to more is a new Diffie-Hellman key', async () => {
    const end = 255 * 48;
    const last = await receives(espInfo(end - 40), seq(0));
    expect(last.answer && parameter(last.answer, 'DIFFIE_HELLMAN')).toBeUndefined();
    expect(last.left.association.rekey?.drawn?.keymatIndex).toBe(end - 40);
    const beyond = await receives(espInfo(end - 39), seq(0));
    expect(beyond.answer && parameter(beyond.answer, 'ESP_INFO')?.keymatIndex).toBe(0);
    expect(beyond.answer && parameter(beyond.answer, 'DIFFIE_HELLMAN')?.group).toBe(7);
    expect(beyond.left.association.rekey?.drawn?.keymatIndex).toBe(0);
  });

  test('an additional pair is treated as a rekey (RFC 8046 §5.3)', async () => {
    const { answer } = await receives(espInfo(200, 0), seq(0));
    expect(answer && parameter(answer, 'ESP_INFO')).toBeDefined();
  });

  test('an SPI that is only named asks for nothing (RFC 8046 §5.3)', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    const spi = right.association.localSpi;
    const update = await authentic(right.host, 'UPDATE', [espInfo(200, spi, spi), seq(0)]);
    await wire.input(left, { type: 'packet', packet: parsed(update), from: right.place });
    expect(wire.log).toEqual(['UPDATE(ACK)']);
    expect(left.association.rekey).toBeUndefined();
  });

  test.each<[string, readonly Parameter[]]>([
    ['two ESP_INFOs', [espInfo(200), espInfo(200), seq(0)]],
    ['an SPI that is not in use', [espInfo(200, 77), seq(0)]],
    ['a reserved SPI', [espInfo(200, 1, limits.smallestSpi - 1), seq(0)]],
    ['an SPI to be deprecated', [espInfo(200, 1, 0), seq(0)]],
    ['a Diffie-Hellman key without ESP_INFO', [seq(0), key()]],
    ['a Diffie-Hellman key and an index', [espInfo(200), seq(0), key()]],
    ['a Diffie-Hellman key of another group', [espInfo(0), seq(0), key(8)]],
    ['a Diffie-Hellman key that is no point of the curve', [espInfo(0), seq(0), key()]],
    ['something encrypted', [seq(0), { name: 'ENCRYPTED', data: new Uint8Array(32) }]],
    [
      'another host identity',
      [
        seq(0),
        {
          ...{ name: 'HOST_ID', algorithm: 7, domainType: 0 },
          identity: new Uint8Array(67),
          domain: new Uint8Array(),
        },
      ],
    ],
  ])('%s: not acknowledged, and the peer is told', async (_, parameters) => {
    const { left, right, before, answer } = await receives(...parameters);
    expect(answer && parameter(answer, 'NOTIFICATION')?.messageType).toBe(7);
    expect(left.host.state).toEqual({ ...before, notifiedAt: 0 });
    // A right one with the same Update ID is welcome.
    const update = await authentic(right.host, 'UPDATE', fillIn([espInfo(200), seq(0)], right));
    expect(names(await left.host.receive(update, right.host))).toBe('UPDATE');
  });
});

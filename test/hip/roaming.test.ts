import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/hip/limits.ts';
import type { Locator } from '../../firmware/hip/locator.ts';
import { parameter } from '../../firmware/hip/packet.ts';
import { authentic, seq } from './scene.ts';
import { parsed } from './two-hosts.ts';
import { established } from './wire.ts';

const at = (address: string, port = 10500): Locator => ({ address, port });
const elsewhere = at('198.51.100.7');
const attacker = at('203.0.113.66', 666);

describe('addresses that nobody announces: NATs, and who plays packets again', () => {
  test('a NAT gives the peer another port: a keepalive from there leads to a check, and the check to the move', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    const rebound = { ...right.place, port: 40_001 };
    await wire.pass(limits.keepaliveMs);
    wire.isSteady = false;
    right.place = rebound;
    await wire.pass(limits.keepaliveMs);
    expect(left.association.locator).toEqual(rebound);
    expect([left.carries, right.carries]).toEqual([true, true]);
  });

  test.each([0, 1])(
    'ESP from elsewhere does the same, also when packet %i of the check is lost',
    async (lost) => {
      const wire = await established();
      wire.isSteady = false;
      const [left, right] = wire.ends;
      right.place = elsewhere;
      wire.isLost = (_, count) => count === lost;
      await wire.settle(left, { type: 'mapping', from: elsewhere });
      expect(left.carries).toBe(false);
      await wire.pass(limits.retransmitMs);
      expect(left.carries).toBe(true);
      // The kernel may say so again.
      expect(await wire.input(left, { type: 'mapping', from: elsewhere })).toEqual([]);
    },
  );

  test('hints are followed no more often than every few seconds', async () => {
    const wire = await established();
    const [left] = wire.ends;
    await wire.settle(left, { type: 'mapping', from: elsewhere });
    const count = wire.sent.length;
    await wire.settle(left, { type: 'mapping', from: attacker });
    expect([wire.sent.length, left.association.candidate]).toEqual([count, elsewhere]);
    wire.now += limits.checkMs;
    await wire.settle(left, { type: 'mapping', from: attacker });
    expect(left.association.candidate).toEqual(attacker);
  });

  test('an UPDATE from a new address is acknowledged there, with its echo sent only to the old one', async () => {
    const wire = await established();
    wire.isSteady = false;
    const [left, right] = wire.ends;
    const old = right.place;
    const probe = await authentic(right.host, 'UPDATE', [
      seq(0),
      { name: 'ECHO_REQUEST_SIGNED', data: Uint8Array.of(1, 2, 3) },
    ]);
    await wire.input(left, { type: 'packet', packet: parsed(probe), from: elsewhere });
    const said = wire.sent.map(({ to, octets }) => [
      to,
      parameter(parsed(octets), 'ECHO_RESPONSE_SIGNED') !== undefined,
    ]);
    expect(said).toEqual([
      [elsewhere, false],
      [old, true],
    ]);
  });

  test('a recorded UPDATE that comes again from elsewhere moves nothing and gets no answer there', async () => {
    const wire = await established();
    const [left] = wire.ends;
    const { place } = wire.ends[1];
    const addresses = [place.address, '198.51.100.9'];
    await wire.settle(wire.ends[1], { type: 'own-addresses', addresses, moved: false });
    await wire.settle(wire.ends[1], { type: 'rekey' });
    wire.now += limits.repeatMs;
    for (const { octets } of [...wire.sent]) {
      for (const end of wire.ends) {
        const before = end.association.locator;
        const count = wire.sent.length;
        // Played to its receiver again, and reflected to its sender.
        await wire.input(end, { type: 'packet', packet: parsed(octets), from: attacker });
        expect(wire.sent.slice(count).map(({ to }) => to)).not.toContainEqual(attacker);
        expect([end.association.locator, end.association.candidate]).toEqual([before, undefined]);
      }
    }
    expect(left.carries).toBe(true);
  });

  test('who relays the check to the peer does not get its traffic: the answer comes from where the peer is', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    await wire.input(left, { type: 'mapping', from: attacker });
    const check = wire.sent.at(-1);
    expect(check?.to).toEqual(attacker);
    // The attacker passes it on from its own address, and to the peer it looks like a move of ours.
    await wire.input(right, {
      type: 'packet',
      packet: parsed(check?.octets ?? new Uint8Array()),
      from: attacker,
    });
    await wire.deliver();
    for (let turn = 0; turn < 6; turn++) {
      const relayed = wire.sent.filter(({ to }) => to.address === attacker.address).at(-1);
      for (const end of wire.ends)
        await wire.input(end, {
          type: 'packet',
          packet: parsed(relayed?.octets ?? new Uint8Array()),
          from: attacker,
        });
      await wire.pass(limits.retransmitMs);
    }
    expect(left.outbound?.to).toEqual(right.place);
    expect(right.outbound?.to).toEqual(left.place);
  });

  test('a forged keepalive from elsewhere is not followed', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    await wire.pass(limits.keepaliveMs);
    const keepalive = wire.sent.find(({ from }) => from === right.place)?.octets.slice() ?? new Uint8Array();
    keepalive[keepalive.length - 20] = (keepalive[keepalive.length - 20] ?? 0) ^ 1;
    const count = wire.sent.length;
    await wire.input(left, { type: 'packet', packet: parsed(keepalive), from: attacker });
    expect([wire.sent.length, left.association.candidate]).toEqual([count, undefined]);
    expect(left.reports.at(-1)).toBe('keepalive is not signed by the peer');
  });

  test('behind a NAT a host announces its inner address, and is followed to the outer one', async () => {
    const wire = await established();
    wire.isSteady = false;
    const [left, right] = wire.ends;
    const outer = at('203.0.113.1', 51_000);
    const inner = at('10.0.0.5');
    left.place = inner;
    wire.translate = ({ octets, from, to }) => ({
      octets,
      from: from === inner ? outer : from,
      to: to.address === outer.address ? inner : to,
    });
    await wire.settle(left, { type: 'own-addresses', addresses: [inner.address], moved: true });
    expect(right.association.locator).toEqual(outer);
    expect([left.association.rekey, right.association.rekey]).toEqual([undefined, undefined]);
    // `carries` compares with the inner address, which the peer must not use.
    expect(left.carries).toBe(true);
    expect(right.outbound?.to).toEqual(outer);
  });

  test('a NAT changes its mind while an UPDATE of ours is on its way: both ends finish what they had begun', async () => {
    const wire = await established();
    wire.isSteady = false;
    const [left, right] = wire.ends;
    wire.isLost = () => true;
    await wire.settle(left, { type: 'rekey' });
    wire.isLost = () => false;
    right.place = { ...right.place, port: 40_001 };
    wire.now = limits.deadPeerMs;
    await wire.settle(right, { type: 'traffic', sent: true, received: false });
    await wire.pass(3 * limits.retransmitMs);
    expect(left.association.locator).toEqual(right.place);
    expect(wire.ends.map(({ association }) => association.outstanding)).toEqual([undefined, undefined]);
    expect(wire.ends.map(({ association }) => association.draws)).toEqual([2, 2]);
    expect([left.carries, right.carries]).toEqual([true, true]);
  });
});

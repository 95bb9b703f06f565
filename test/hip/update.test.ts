import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Established } from '../../firmware/hip/association.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { parameter } from '../../firmware/hip/packet.ts';
import type { Parameter } from '../../firmware/hip/parameter-fields.ts';
import { authentic, names, seq } from './scene.ts';
import { exchange, parsed, twoHosts } from './two-hosts.ts';
import { type End, established, type Wire } from './wire.ts';

const rekey = { type: 'rekey' } as const;

/** What an end answers to an UPDATE of its peer's with these parameters, without MAC and signature, or null. */
async function answers(wire: Wire, end: End, ...parameters: readonly Parameter[]) {
  const octets = await authentic(end.peer.host, 'UPDATE', parameters);
  const [packet] = await end.host.receive(octets, end.peer.host, wire.now);
  wire.now += limits.repeatMs;
  return packet === undefined ? null : parsed(packet).parameters.slice(0, -2);
}

describe('RFC 7401 §6.12: receiving UPDATEs', () => {
  test('one after the other is acknowledged, with its echo; a mere acknowledgment is not answered', async () => {
    const wire = await established();
    const [end] = wire.ends;
    expect(await answers(wire, end, seq(0))).toEqual([{ name: 'ACK', updateIds: [0] }]);
    const echo = { name: 'ECHO_REQUEST_SIGNED' as const, data: Uint8Array.of(4) };
    expect(await answers(wire, end, seq(1), echo)).toEqual([
      { name: 'ACK', updateIds: [1] },
      { name: 'ECHO_RESPONSE_SIGNED', data: Uint8Array.of(4) },
    ]);
    expect(await answers(wire, end, { name: 'ACK', updateIds: [0] })).toBeNull();
    expect(await answers(wire, end, echo)).toBeNull();
  });

  test.each([limits.echoLength, limits.echoLength + 1])('an echo request of %i octets', async (length) => {
    const wire = await established();
    const echo = { name: 'ECHO_REQUEST_SIGNED' as const, data: new Uint8Array(length) };
    const answer = await answers(wire, wire.ends[0], seq(0), echo);
    expect(answer?.length).toBe(length <= limits.echoLength ? 2 : 1);
  });

  test('a repeated one is acknowledged again, with the very same packet, but not at once', async () => {
    const wire = await established();
    const [end] = wire.ends;
    const update = await authentic(end.peer.host, 'UPDATE', [seq(0)]);
    const first = await end.host.receive(update, end.peer.host, 0);
    expect(await end.host.receive(update, end.peer.host, limits.repeatMs - 1)).toEqual([]);
    expect(await end.host.receive(update, end.peer.host, limits.repeatMs)).toEqual(first);
  });

  test('several may be outstanding: the window is open ahead, and one that was overtaken is acknowledged and no more', async () => {
    const wire = await established();
    const [end] = wire.ends;
    const window = limits.updateWindow;
    const ids = (answer: Parameter[] | null) =>
      answer?.flatMap((one) => (one.name === 'ACK' ? one.updateIds : []));
    expect(await answers(wire, end, seq(window))).toBeNull();
    expect(ids(await answers(wire, end, seq(window - 1)))).toEqual([window - 1]);
    const { peerSpi } = end.association;
    const stale = { name: 'ESP_INFO' as const, keymatIndex: 200, oldSpi: peerSpi, newSpi: 0x7000 };
    expect(ids(await answers(wire, end, stale, seq(1)))).toEqual([1]);
    expect(end.association.rekey).toBeUndefined();
    // Now it is one that was processed.
    expect(ids(await answers(wire, end, seq(1)))).toEqual([1]);
    expect(ids(await answers(wire, end, seq(window)))).toEqual([window]);
    expect(await answers(wire, end, seq(0))).toBeNull();
  });

  test('Update IDs wrap around', async () => {
    const wire = await established();
    const [end] = wire.ends;
    const { state } = end.host;
    if (state.name !== 'ESTABLISHED') throw new Error(state.name);
    end.host.state = { ...state, association: { ...state.association, peerUpdateId: 0xffff_ffff } };
    for (const updateId of [0xffff_ffff, 0, 1])
      expect(await answers(wire, end, seq(updateId))).toEqual([{ name: 'ACK', updateIds: [updateId] }]);
  });

  test('in whatever order any of them come, each new one is processed once and the window only moves on', async () => {
    const [left, right] = await twoHosts();
    await exchange(left, right);
    const packets = await Promise.all(
      Array.from({ length: 2 * limits.updateWindow }, (_, updateId) =>
        authentic(right, 'UPDATE', [seq(updateId)]),
      ),
    );
    const fresh = left.state;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: packets.length - 1 }), { minLength: 1, maxLength: 12 }),
        async (order) => {
          left.state = fresh;
          let expected = 0;
          for (const [turn, updateId] of order.entries()) {
            await left.receive(packets[updateId] ?? new Uint8Array(), right, turn * limits.repeatMs);
            if (updateId >= expected && updateId < expected + limits.updateWindow) expected = updateId + 1;
            if (left.state.name !== 'ESTABLISHED') throw new Error(left.state.name);
            expect(left.state.association.peerUpdateId).toBe(expected);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  test('what is not authentic changes nothing; the peer hears of it, but not every time', async () => {
    const wire = await established();
    const [end] = wire.ends;
    const update = await authentic(end.peer.host, 'UPDATE', [seq(0)]);
    const before = end.host.state;
    const said: (number | undefined)[] = [];
    for (const [turn, offset] of [update.length - 20, 60, 44].entries()) {
      const forged = update.slice();
      forged[offset] = (forged[offset] ?? 0) ^ 1;
      const [notify] = await end.host.receive(forged, end.peer.host, turn * (limits.notifyMs / 2));
      said.push(notify && parameter(parsed(notify), 'NOTIFICATION')?.messageType);
      expect(end.host.state).toEqual({ ...before, notifiedAt: turn === 2 ? limits.notifyMs : 0 });
    }
    // AUTHENTICATION_FAILED, and then HIP_MAC_FAILED once the time is over.
    expect(said).toEqual([24, undefined, 28]);
  });
});

describe('RFC 7401 §6.11: sending UPDATEs', () => {
  test(`one that asks for new keys goes out ${limits.updateTransmissions} times with doubling waits, then the peer is given up`, async () => {
    const wire = await established();
    const [left] = wire.ends;
    wire.isSteady = false;
    wire.isLost = (packet) => packet.packet === 'UPDATE';
    await wire.settle(left, rekey);
    const at: number[] = [wire.now];
    let count = wire.sent.length;
    while (left.host.state.name === 'ESTABLISHED') {
      await wire.pass(500);
      const updates = wire.sent.filter(({ octets }) => parsed(octets).packet === 'UPDATE').length;
      if (updates > count) at.push(wire.now);
      count = updates;
    }
    expect(at).toEqual([0, 1000, 3000, 7000, 15_000]);
    expect(wire.now).toBe(31_000);
    expect(left.host.state.name).toBe('UNASSOCIATED');
    expect([left.inbound.size, left.outbound]).toEqual([0, undefined]);
    expect(left.reports.at(-1)).toBe('the peer does not answer any more');
  });

  test('the Update ID is one more each time, and wraps around', async () => {
    const wire = await established();
    const [left] = wire.ends;
    const { state } = left.host;
    if (state.name !== 'ESTABLISHED') throw new Error(state.name);
    left.host.state = { ...state, association: { ...state.association, nextUpdateId: 0xffff_ffff } };
    for (const expected of [0xffff_ffff, 0]) {
      await left.host.packets(rekey);
      expect(left.association.outstanding?.updateId).toBe(expected);
      const ack = await authentic(wire.ends[1].host, 'UPDATE', [{ name: 'ACK', updateIds: [7, expected] }]);
      await left.host.receive(ack, wire.ends[1].host);
      expect(left.association.outstanding).toBeUndefined();
      const settled: Established = left.host.state;
      left.host.state = { ...settled, association: { ...settled.association, rekey: undefined } };
    }
  });

  test('an acknowledgment of something else, or of what is still being signed, does not count', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    left.host.step(rekey);
    const ack = await authentic(right.host, 'UPDATE', [{ name: 'ACK', updateIds: [0] }]);
    await left.host.receive(ack, right.host);
    expect(left.association.outstanding?.updateId).toBe(0);
    expect(left.association.rekey?.acknowledged).toBe(false);
  });

  test('a signature that cannot be had: the same is asked a little later', async () => {
    const wire = await established();
    const [left] = wire.ends;
    const [sign] = left.host.step(rekey);
    if (sign?.type !== 'sign') throw new Error('nothing to sign');
    left.host.step({ type: 'sign-failed', message: sign.message });
    expect(left.association.outstanding).toBeUndefined();
    // The missing one does not come any more.
    expect(left.host.step({ type: 'sign-failed', message: sign.message })).toEqual([]);
    await wire.pass(limits.signRetryMs - 1);
    expect(wire.log).toEqual([]);
    await wire.pass(1);
    expect(left.association.draws).toBe(2);
    expect(left.association.retryAt).toBeUndefined();
  });

  test('the answer to a repeated rekey comes again also when its first signature could not be had', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    await wire.input(left, rekey);
    const request = wire.sent[0]?.octets ?? new Uint8Array();
    const packet = { type: 'packet' as const, packet: parsed(request), from: left.place };
    const effects = right.host.step(packet);
    const sign = effects.find(({ type }) => type === 'sign');
    if (sign?.type !== 'sign') throw new Error('nothing to sign');
    for (const effect of effects) right.install(effect);
    right.host.step({ type: 'sign-failed', message: sign.message });
    await wire.pass(10 * limits.retransmitMs);
    expect(wire.ends.map(({ association }) => association.draws)).toEqual([2, 2]);
  });

  test(`no more than ${limits.drafts} messages wait for signatures, our own UPDATE always among them`, async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    left.host.step(rekey);
    for (let updateId = 0; updateId < limits.drafts + 2; updateId++) {
      const update = await authentic(right.host, 'UPDATE', [seq(updateId)]);
      left.host.step({ type: 'packet', packet: parsed(update), from: right.place });
    }
    const drafts = left.host.state.drafts ?? [];
    expect(drafts.length).toBe(limits.drafts);
    expect(drafts.filter((draft) => draft.kind === 'UPDATE' && draft.updateId === 0).length).toBe(1);
  });
});

describe('RFC 3706: dead-peer detection', () => {
  const traffic = (sent: boolean, received: boolean) => ({ type: 'traffic', sent, received }) as const;

  test('data that arrives ends R2-SENT', async () => {
    const [left, right] = await twoHosts();
    await exchange(left, right);
    right.step(traffic(true, false), 1);
    expect(right.state.name).toBe('R2-SENT');
    right.step(traffic(false, true), 1);
    expect(right.state.name).toBe('ESTABLISHED');
  });

  test('only who sends and hears nothing asks, and an answer is enough', async () => {
    const wire = await established();
    const [left] = wire.ends;
    wire.now = limits.deadPeerMs - 1;
    await wire.settle(left, traffic(true, false));
    wire.now = limits.deadPeerMs;
    await wire.settle(left, traffic(false, false));
    await wire.settle(left, traffic(true, true));
    expect(wire.log).toEqual([]);
    wire.now = 2 * limits.deadPeerMs;
    await wire.settle(left, traffic(true, false));
    expect(wire.log).toEqual(['UPDATE(SEQ ECHO_REQUEST_SIGNED)', 'UPDATE(ACK ECHO_RESPONSE_SIGNED)']);
    await wire.settle(left, traffic(true, false));
    expect(wire.log.length).toBe(2);
  });

  test('a peer that does not answer is given up, and everything of it removed', async () => {
    const wire = await established();
    const [left, right] = wire.ends;
    wire.isSteady = false;
    wire.isLost = () => true;
    wire.now = limits.deadPeerMs;
    await wire.settle(left, traffic(true, false));
    await wire.settle(left, traffic(true, false));
    await wire.pass(6999);
    expect(left.host.state.name).toBe('ESTABLISHED');
    await wire.pass(1);
    expect(left.host.state).toMatchObject({ name: 'UNASSOCIATED', failures: 0 });
    expect(wire.log.filter((line) => line.startsWith('UPDATE')).length).toBe(limits.probeTransmissions);
    expect([left.inbound.size, right.inbound.size]).toEqual([0, 1]);
  });

  test('RFC 9028 §4.10: no keepalives without UDP', async () => {
    const wire = await established();
    const [left] = wire.ends;
    const { state } = left.host;
    if (state.name !== 'ESTABLISHED') throw new Error(state.name);
    const locator = { ...state.association.locator, port: null };
    left.host.state = { ...state, association: { ...state.association, locator } };
    expect(await left.host.packets({ type: 'timeout' }, limits.keepaliveMs)).toEqual([]);
    expect(left.association.keepaliveAt).toBe(2 * limits.keepaliveMs);
  });
});

describe('a sign of the peer where there is no association', () => {
  /** The left host has restarted; the right one, which the left cannot find, still sends. */
  async function restarted() {
    const wire = await established();
    const [left, right] = wire.ends;
    await wire.pass(limits.keepaliveMs);
    const keepalive = wire.sent.find(({ from }) => from === right.place)?.octets ?? new Uint8Array();
    const update = await authentic(right.host, 'UPDATE', [seq(0)]);
    wire.isSteady = false;
    await wire.input(left, { type: 'abandon' });
    wire.log.length = 0;
    return { wire, left, right, update, keepalive };
  }

  test.each(['update', 'keepalive'] as const)(
    'an %s: an I1 goes to where it came from, and the exchange follows',
    async (kind) => {
      const made = await restarted();
      const { wire, left, right } = made;
      const hidden = { address: '203.0.113.9', port: 40_000 };
      await right.host.prepareR1s(wire.now);
      right.place = hidden;
      for (const state of ['UNASSOCIATED', 'I1-SENT'] as const) {
        for (const end of wire.ends) await wire.input(end, { type: 'abandon' });
        wire.now += limits.hintMs;
        if (state === 'I1-SENT')
          left.host.step({ type: 'connect', to: { address: '10.9.9.9', port: 10500 } }, wire.now);
        expect(left.host.state.name).toBe(state);
        await wire.settle(left, { type: 'packet', packet: parsed(made[kind]), from: hidden });
        expect(left.host.state.name).toBe('ESTABLISHED');
        expect(right.host.state.name).toBe('R2-SENT');
        expect([left.carries, right.carries]).toEqual([true, true]);
      }
    },
  );

  test('not twice in a while, not for a NOTIFY of an error, and an R1 that comes later is not awaited', async () => {
    const { wire, left, right, update } = await restarted();
    const receive = (octets: Uint8Array) =>
      left.host.packets({ type: 'packet', packet: parsed(octets), from: right.place }, wire.now);
    const error = await authentic(right.host, 'NOTIFY', [
      { name: 'NOTIFICATION', messageType: 28, data: new Uint8Array() },
    ]);
    expect(await receive(error)).toEqual([]);
    const [i1 = new Uint8Array()] = await receive(update);
    expect(names([i1])).toBe('I1');
    await right.host.prepareR1s(wire.now);
    const r1 = right.host.responder.answer(parsed(i1), left.place, wire.now) ?? new Uint8Array();
    wire.now += limits.hintMs - 1;
    expect(await receive(update)).toEqual([]);
    wire.now += 1;
    expect(await receive(r1)).toEqual([]);
    expect(names(await receive(update))).toBe('I1');
  });
});

describe('RFC 7401 §4.1.4: R1s of old', () => {
  test('one with a smaller counter than the last exchange’s is answered only when nothing better comes', async () => {
    const [host, peer] = await twoHosts();
    const [i1 = new Uint8Array()] = await host.packets({ type: 'connect', to: peer.locator });
    const old = peer.responder.answer(parsed(i1), host.locator, 0) ?? new Uint8Array();
    await peer.prepareR1s(1);
    host.step({ type: 'abandon' });
    await exchange(host, peer, 1);
    expect(host.state.r1Counter).toBe(2n);
    host.step({ type: 'abandon' });
    await host.packets({ type: 'connect', to: peer.locator }, 10);
    for (const now of [10, 1010]) {
      expect(await host.receive(old, peer, now)).toEqual([]);
      await host.packets({ type: 'timeout' }, host.state.name === 'I1-SENT' ? host.state.deadline : 0);
    }
    expect(host.state).toMatchObject({ name: 'I1-SENT', transmissions: limits.i1sBeforeOldR1 });
    expect(names(await host.receive(old, peer, 4000))).toBe('I2');
  });
});

import { describe, expect, test } from 'vitest';
import type { AssociationState } from '../../firmware/hip/association.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { authentic, i1For, later, names, scene } from './scene.ts';
import { exchange, type Host, parsed, twoHosts } from './two-hosts.ts';

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

  test('the smaller HIT answers an I1 from where it sent none: the peer may be behind a NAT that lets ours not in', async () => {
    const [smaller, greater] = await twoHosts();
    await smaller.packets({ type: 'connect', to: greater.locator }, 0);
    const [i1 = new Uint8Array()] = await greater.packets({ type: 'connect', to: smaller.locator }, 0);
    const translated = { address: greater.locator.address, port: 40_000 };
    const answer = await smaller.packets({ type: 'packet', packet: parsed(i1), from: translated }, 10);
    expect([smaller.state.name, names(answer)]).toEqual(['I1-SENT', 'R1']);
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
    expect(host.state).toEqual({ name: 'UNASSOCIATED', failures: 0, r1Counter: 1n });
  });

  test('CLOSED ends after a while', async () => {
    const { host } = await scene('CLOSED', true);
    host.step({ type: 'timeout' }, limits.closedMs);
    expect(host.state).toEqual({ name: 'UNASSOCIATED', failures: 0, r1Counter: 1n });
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

  test('what is not authentic does nothing', async () => {
    const [host, peer] = await twoHosts();
    await exchange(host, peer);
    const close = await authentic(peer, 'CLOSE', [{ name: 'ECHO_REQUEST_SIGNED', data: Uint8Array.of(1) }]);
    const before = host.state;
    const told: string[] = [];
    for (const offset of [44, 60, close.length - 20]) {
      const forged = close.slice();
      forged[offset] = (forged[offset] ?? 0) ^ 1;
      told.push(names(await host.receive(forged, peer)));
      expect(host.state).toEqual({ ...before, notifiedAt: 0 });
    }
    // The peer hears of it, but not every time.
    expect(told).toEqual(['NOTIFY', '', '']);
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

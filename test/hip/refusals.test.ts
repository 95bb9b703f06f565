import { describe, expect, test } from 'vitest';
import { type AssociationContext, unassociated } from '../../firmware/hip/association.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { notifyTypeName } from '../../firmware/hip/notify.ts';
import { parameter, parameterOffset } from '../../firmware/hip/packet.ts';
import { exchange, type Host, newSigner, parsed, twoHosts } from './two-hosts.ts';

/** What a host says about a packet: names of packets, and of the errors in NOTIFYs. */
async function said(host: Host, octets: Uint8Array, peer: Host, now = 0): Promise<string[]> {
  return (await host.receive(octets, peer, now)).map((sent) => {
    const type = parameter(parsed(sent), 'NOTIFICATION')?.messageType;
    return (type === undefined ? undefined : notifyTypeName(type)) ?? parsed(sent).packet;
  });
}

describe('RFC 7401 §6.9.1 and §5.2.19: what a responder says about an I2 with a right solution', () => {
  /** Alters the octet that lies so far into the contents of a parameter. */
  const altered =
    (name: Parameters<typeof parameterOffset>[1], offset: number, value?: number) => (i2: Uint8Array) => {
      const at = (parameterOffset(parsed(i2), name) ?? 0) + 4 + offset;
      i2[at] = value ?? (i2[at] ?? 0) ^ 1;
    };
  const unchanged = (context: AssociationContext) => context;

  test.each<
    [
      string,
      (i2: Uint8Array) => void,
      (context: AssociationContext) => AssociationContext,
      (context: AssociationContext) => AssociationContext,
    ]
  >([
    ['R2', () => {}, unchanged, unchanged],
    ['INVALID_HIP_CIPHER_CHOSEN', altered('HIP_CIPHER', 1, 9), unchanged, unchanged],
    ['INVALID_ESP_TRANSFORM_CHOSEN', altered('ESP_TRANSFORM', 3, 7), unchanged, unchanged],
    ['INVALID_ESP_TRANSFORM_CHOSEN', altered('TRANSPORT_FORMAT_LIST', 0), unchanged, unchanged],
    ['INVALID_DH_CHOSEN', altered('DIFFIE_HELLMAN', 0, 8), unchanged, unchanged],
    ['INVALID_SYNTAX', altered('DIFFIE_HELLMAN', 10), unchanged, unchanged],
    ['HIP_MAC_FAILED', altered('ESP_INFO', 8), unchanged, unchanged],
    ['AUTHENTICATION_FAILED', altered('HIP_SIGNATURE', 20), unchanged, unchanged],
    [
      'ENCRYPTION_FAILED',
      () => {},
      (context) => ({
        ...context,
        crypto: { ...context.crypto, encrypt: (_, __, ___, data) => data.slice() },
      }),
      unchanged,
    ],
    [
      'INVALID_HIT',
      () => {},
      (context) => {
        const { octets: identity } = newSigner().identity;
        return { ...context, own: { ...context.own, hostId: { ...context.own.hostId, identity } } };
      },
      unchanged,
    ],
    [
      'INVALID_SYNTAX',
      () => {},
      (context) => ({ ...context, newSpi: () => limits.smallestSpi - 1 }),
      unchanged,
    ],
    [
      'RESPONDER_BUSY_PLEASE_RETRY',
      () => {},
      unchanged,
      (context) => ({ ...context, responder: { recognise: () => 'busy' } }),
    ],
  ])('%s', async (expected, alter, ofInitiator, ofResponder) => {
    const [initiator, responder] = await twoHosts();
    initiator.context = ofInitiator(initiator.context);
    responder.context = ofResponder(responder.context);
    const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: responder.locator });
    const [r1 = new Uint8Array()] = await responder.receive(i1, initiator);
    const [i2 = new Uint8Array()] = await initiator.receive(r1, responder);
    alter(i2);
    expect(await said(responder, i2, initiator)).toEqual([expected]);
    if (expected === 'R2') return;
    expect(responder.state).toEqual({ ...unassociated, notifiedAt: 0 });
    // Once in a while only, since it costs a signature.
    expect(await said(responder, i2, initiator, limits.notifyMs - 1)).toEqual([]);
    expect(await said(responder, i2, initiator, limits.notifyMs)).toEqual([expected]);
  });

  test('nothing at all where the solution is not right', async () => {
    const [initiator, responder] = await twoHosts();
    const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: responder.locator });
    const [r1 = new Uint8Array()] = await responder.receive(i1, initiator);
    const [i2 = new Uint8Array()] = await initiator.receive(r1, responder);
    altered('SOLUTION', 10)(i2);
    expect(await said(responder, i2, initiator)).toEqual([]);
    expect(responder.state).toEqual(unassociated);
  });
});

describe('RFC 7401 §4.1.8: opportunistic mode', () => {
  test('an I1 that names no receiver gets no R1, whatever the state', async () => {
    const [peer, host] = await twoHosts();
    const [i1 = new Uint8Array()] = await peer.packets({ type: 'connect', to: host.locator });
    const opportunistic = i1.slice().fill(0, 24, 40);
    for (let turn = 0; turn < 2; turn++) {
      const before = host.state;
      expect(await said(host, opportunistic, peer)).toEqual([]);
      expect(host.state).toBe(before);
      expect(await said(host, i1, peer)).toEqual(['R1']);
      if (turn === 0) await exchange(peer, host);
    }
  });

  test('we send none: an I1 of ours names the peer', async () => {
    const [peer, host] = await twoHosts();
    const [i1 = new Uint8Array()] = await host.packets({ type: 'connect', to: peer.locator });
    expect(parsed(i1).receiver).toEqual(Uint8Array.from(peer.own.hit));
  });

  test('a packet of somebody else is not taken, though everything in it is right', async () => {
    const [peer, host] = await twoHosts();
    const [stranger] = await twoHosts();
    const [i1 = new Uint8Array()] = await stranger.packets({ type: 'connect', to: host.locator });
    i1.set(host.own.hit, 24);
    expect(await said(host, i1, peer)).toEqual([]);
  });
});

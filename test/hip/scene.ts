import { expect } from 'vitest';
import type { StateName } from '../../firmware/hip/association.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { appendParameters, type PacketName } from '../../firmware/hip/packet.ts';
import { draftPacket } from '../../firmware/hip/signed-packet.ts';
import { exchange, type Host, parsed, twoHosts } from './two-hosts.ts';

/** One host in each state, with the packets that its peer could send to it there. */
type Scene = {
  readonly host: Host;
  readonly peer: Host;
  readonly packets: Readonly<Record<PacketName, Uint8Array>>;
};

/** A signed packet of `host` under its association's keys. */
export async function authentic(
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

export const seq = (updateId: number) => ({ name: 'SEQ' as const, updateId });

/** When the peer starts over: before any deadline, and late enough that its R1 is newer than the association. */
export const later = 500;

/** Brings a host to a state, and makes packets that are right as far as they can be in it. */
export async function scene(state: StateName, isGreater: boolean): Promise<Scene> {
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
export function i1For(host: Host, peer: Host): Uint8Array {
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

/** The names of packets, in order. */
export const names = (packets: readonly Uint8Array[]) =>
  packets.map((octets) => parsed(octets).packet).join(' ');

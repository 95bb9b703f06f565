import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../firmware/bytes/bytes.ts';
import { parseIpv6 } from '../../firmware/bytes/ipv6-text.ts';
import { frameRaw } from '../../firmware/hip/framing.ts';
import { encodePacket } from '../../firmware/hip/packet.ts';
import { type Conversation, eventually, Laboratory, missingForNamespaces } from '../netd/namespace.ts';
import type { SocketAnswer, SocketRequest } from './hip-socket.fixture.ts';

const missing = missingForNamespaces();

type Packet = Extract<SocketAnswer, { event: 'packet' }>;

const hit = (last: string) => parseIpv6(`2001:22::${last}`) ?? new Uint8Array();
const header = { controls: 0, sender: hit('1'), receiver: hit('2') };
const i1 = encodePacket({
  packet: 'I1',
  ...header,
  parameters: [{ name: 'DH_GROUP_LIST', groups: [7, 8, 9] }],
});
/** Longer than the underlay's 1280 octets, as an R1 with an RSA key and a certificate is. */
const long = encodePacket({
  packet: 'NOTIFY',
  ...header,
  parameters: [{ name: 'NOTIFICATION', messageType: 1, data: new Uint8Array(1900).fill(0xa5) }],
});

/** `near` and `far` with a router between them whose far side carries 1280 octets. */
describe.skipIf(missing !== null)(`HIP over protocol 139${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let laboratory: Laboratory;
  let near: Conversation;
  let far: Conversation;

  beforeAll(async () => {
    laboratory = new Laboratory();
    await laboratory.namespaces('near', 'router', 'far');
    await laboratory.cable('near:eth0', 'router:near0');
    await laboratory.cable('far:eth0', 'router:far0');
    await laboratory.ip('far', 'link set eth0 mtu 1280');
    await laboratory.ip('router', 'link set far0 mtu 1280');
    for (const [space, port, net, host] of [
      ['near', 'eth0', 1, 2],
      ['router', 'near0', 1, 1],
      ['far', 'eth0', 2, 2],
      ['router', 'far0', 2, 1],
    ] as const) {
      await laboratory.ip(space, `address add 10.0.${net}.${host}/24 dev ${port}`);
      await laboratory.ip(space, `address add fd00:${net}::${host}/64 dev ${port} nodad`);
      await laboratory.ip(space, `link set ${port} up`);
    }
    await laboratory.run('router', '/bin/sh', [
      '-c',
      'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding',
    ]);
    for (const [space, net] of [
      ['near', 1],
      ['far', 2],
    ] as const) {
      await laboratory.ip(space, `route add default via 10.0.${net}.1`);
      await laboratory.ip(space, `-6 route add default via fd00:${net}::1`);
    }
    near = laboratory.converse('near', '../system-room/hip-socket.fixture.ts');
    far = laboratory.converse('far', '../system-room/hip-socket.fixture.ts');
    for (const socket of [near, far]) {
      await socket.next();
      await tell(socket, { do: 'raw', wanted: true });
    }
  });

  afterAll(async () => {
    await laboratory?.[Symbol.asyncDispose]();
  });

  async function tell(socket: Conversation, request: SocketRequest): Promise<void> {
    socket.send(request);
    await socket.next<SocketAnswer>(({ event }) => event === 'done');
  }

  const heard = (socket: Conversation, patienceMs?: number) =>
    socket.next<SocketAnswer>(({ event }) => event === 'packet', patienceMs) as Promise<Packet>;
  const send = (packet: Uint8Array, address: string) =>
    near.send({ do: 'send', packet: toHex(packet), to: { address, port: null } } satisfies SocketRequest);
  const dropped = async () => {
    far.send({ do: 'dropped' } satisfies SocketRequest);
    const answer = await far.next<SocketAnswer>(({ event }) => event === 'dropped');
    return answer.event === 'dropped' ? answer.badChecksum : 0;
  };

  test('RFC 7401 §5.1.1: IPv4 and IPv6 packets carry the checksum of the addresses that they came with', async () => {
    send(i1, '10.0.2.2');
    const [source, destination] = [Uint8Array.of(10, 0, 1, 2), Uint8Array.of(10, 0, 2, 2)];
    expect(await heard(far)).toEqual({
      event: 'packet',
      packet: toHex(frameRaw(i1, source, destination)),
      from: { address: '10.0.1.2', port: null },
    });
    send(i1, 'fd00:2::2');
    const octets = (text: string) => parseIpv6(text) ?? new Uint8Array();
    expect(await heard(far)).toEqual({
      event: 'packet',
      packet: toHex(frameRaw(i1, octets('fd00:1::2'), octets('fd00:2::2'))),
      from: { address: 'fd00:1::2', port: null },
    });
  });

  test('RFC 7401 §5.1.3: a packet beyond the path’s MTU is fragmented and put together again', async () => {
    send(long, '10.0.2.2');
    const ipv4 = await heard(far);
    expect([ipv4.from.address, fromHex(ipv4.packet)?.slice(8)]).toEqual(['10.0.1.2', long.slice(8)]);
    send(long, 'fd00:2::2');
    const ipv6 = await heard(far);
    expect([ipv6.from.address, fromHex(ipv6.packet)?.slice(8)]).toEqual(['fd00:1::2', long.slice(8)]);
  });

  test.each(['10.0.2.2', 'fd00:2::2'])(
    'to %s: what has a wrong checksum is dropped and counted',
    async (to) => {
      const before = await dropped();
      const wrong = i1.slice();
      wrong.set([0x12, 0x34], 4);
      for (const octets of [wrong, i1]) {
        near.send({ do: 'send-plain', octets: toHex(octets), to } satisfies SocketRequest);
      }
      expect(await eventually(dropped, (count) => count === before + 2)).toBe(before + 2);
      // Had one been heard, it would come before this one.
      send(i1, to);
      expect((await heard(far)).packet.slice(8, 12)).not.toBe('1234');
    },
  );

  test('closed again, it neither sends nor hears', async () => {
    await tell(far, { do: 'raw', wanted: false });
    await tell(near, { do: 'raw', wanted: false });
    send(i1, '10.0.2.2');
    const failure = await near.next<SocketAnswer>(({ event }) => event === 'failed');
    expect(failure).toMatchObject({ reason: 'HIP without UDP is not in use' });
    await tell(near, { do: 'raw', wanted: true });
    send(i1, '10.0.2.2');
    near.send({
      do: 'send',
      packet: toHex(i1),
      to: { address: '10.0.2.2', port: 10500 },
    } satisfies SocketRequest);
    expect((await heard(far)).from.port).toBe(10500);
    await tell(far, { do: 'raw', wanted: true });
    send(i1, '10.0.2.2');
    expect((await heard(far)).from.port).toBe(null);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromHex } from '../../firmware/bytes/bytes.ts';
import { packetTypes } from '../../firmware/hip/packet.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import type { StreamReport } from '../../qemu/guest/traffic.ts';
import type { OverlayGateway } from '../../qemu/overlay-gateway.ts';
import { OverlayGuest, strangerAddresses } from '../../qemu/overlay-guest.ts';
import { waitUntil } from '../../qemu/wait-until.ts';
import { udp } from './frames.ts';
import { Stranger } from './stranger.ts';
import { readFrames } from './tshark.ts';

/** A tunnel between a and b, and a stranger who does what he likes. Tests run in order, on one guest. */
let guest: OverlayGuest;
let a: OverlayGateway;
let b: OverlayGateway;
let stranger: Stranger;

beforeAll(async () => {
  guest = await OverlayGuest.start({ name: 'overlay-hostile', progress: stderrProgress('hostile') });
  a = await guest.gateway('a');
  b = await guest.gateway('b');
  // b is the one that opens it, whichever of the two is up first.
  await a.start({ peers: [{ ...b.asPeer(), connect: 'on-demand' }] });
  await b.start({ peers: [a.asPeer()] });
  await Promise.all([a.connected(b), b.connected(a)]);
  await b.host.traffic({ do: 'serve' });
  stranger = await Stranger.join(guest.station, strangerAddresses.ipv4, strangerAddresses.routerIpv4);
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
});

/** Packets that a rule of a gateway's nftables has counted, by the rule's comment. */
async function counted(gateway: OverlayGateway, comment: string): Promise<number> {
  const rules = await gateway.run('nft list ruleset');
  const rule = rules.split('\n').find((line) => line.includes(comment));
  return Number(/counter packets (\d+)/.exec(rule ?? '')?.[1]);
}

/** A counter of the kernel's transformation statistics (Documentation/networking/xfrm_proc.rst). */
async function xfrmCounter(gateway: OverlayGateway, name: string): Promise<number> {
  const statistics = await gateway.run('cat /proc/net/xfrm_stat');
  return Number(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(statistics)?.[1]);
}

/** Payloads of UDP 10500 from one gateway to the other, as the provider saw them. */
async function seenByProvider(
  from: OverlayGateway,
  to: OverlayGateway,
  filter: string,
): Promise<Uint8Array[]> {
  const ways = `ip.src == ${from.place.seenAs} && ip.dst == ${to.place.seenAs} && udp.dstport == 10500`;
  const frames = await readFrames(guest.capturePath, [`${ways} && (${filter})`], ['udp.payload']);
  return frames.map((frame) => fromHex(frame['udp.payload'] ?? '') ?? new Uint8Array());
}

/** RFC 9028 §5.1: four zero octets before HIP; an SPI is never zero. */
const hip = 'udp.payload[0:4] == 00:00:00:00';
const esp = `not ${hip} && udp.length > 9`;

/** As `from` would send it to `to`, whoever sends it. */
const forged = (from: OverlayGateway, to: OverlayGateway, payload: Uint8Array) =>
  udp({
    ...{ source: from.place.seenAs, destination: to.place.seenAs, payload },
    ...{ sourcePort: 10500, destinationPort: 10500 },
  });

/** The tunnel is the one that there was, and carries. */
async function goesOn(associationsBefore: string): Promise<void> {
  expect(await associations()).toBe(associationsBefore);
  const { sent, received } = await a.host.ping(b.host.addresses.ipv4, 5);
  expect({ sent, received }).toEqual({ sent: 5, received: 5 });
}

/** As above, where other tunnels have joined it. */
async function goesOnAmongOthers(associationsBefore: string): Promise<void> {
  for (const spi of associationsBefore.split(' ')) expect(await associations()).toContain(spi);
  expect((await a.host.ping(b.host.addresses.ipv4, 5)).received).toBe(5);
}

/** What tells one association from the next: its SPIs in the kernel of a. */
async function associations(): Promise<string> {
  return [...(await a.run('ip xfrm state')).matchAll(/spi (0x[0-9a-f]+)/g)].map(([, spi]) => spi).join(' ');
}

describe('a peer that speaks for others', () => {
  test('is not heard: its packet is dropped and counted', async () => {
    const before = await counted(a, "source is not the peer's");
    await b.run('ip address add 192.168.77.1/32 dev lo');
    const { received } = await b
      .attempt(`busybox ping -c 2 -W 1 -I 192.168.77.1 ${a.host.addresses.ipv4}`)
      .then(({ output }) => ({ received: Number(/(\d+) packets received/.exec(output)?.[1]) }));
    expect(received).toBe(0);
    expect(await counted(a, "source is not the peer's")).toBe(before + 2);
    await b.run('ip address delete 192.168.77.1/32 dev lo');
  });
});

describe('what was sent before, sent again', () => {
  test('ESP is dropped and counted, from its own sender’s address or another’s', async () => {
    const standing = await associations();
    await b.host.ping(a.host.addresses.ipv4, 5);
    const sent = await seenByProvider(b, a, esp);
    expect(sent.length).toBeGreaterThanOrEqual(5);
    const before = await xfrmCounter(a, 'XfrmInStateSeqError');
    for (const payload of sent) await stranger.send(forged(b, a, payload));
    for (const payload of sent) {
      await stranger.send(
        udp({
          ...{ source: stranger.address, destination: a.place.seenAs, payload },
          ...{ sourcePort: 10500, destinationPort: 10500 },
        }),
      );
    }
    await waitUntil(
      'every replay is counted',
      () => xfrmCounter(a, 'XfrmInStateSeqError'),
      (now) => now === before + 2 * sent.length,
    );
    await goesOn(standing);
  });

  test('HIP packets of the base exchange change nothing', async () => {
    const standing = await associations();
    const toA = await seenByProvider(b, a, hip);
    const toB = await seenByProvider(a, b, hip);
    expect(toA.length + toB.length).toBeGreaterThanOrEqual(4);
    for (const payload of toA) await stranger.send(forged(b, a, payload));
    for (const payload of toB) await stranger.send(forged(a, b, payload));
    await stranger.settle();
    await goesOn(standing);
  });
});

describe('what nobody sends', () => {
  /** A sequence that is the same in every run (Numerical Recipes' linear congruence). */
  function* numbers(seed: number): Generator<number> {
    for (let value = seed; ; ) {
      value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0;
      yield value / 2 ** 32;
    }
  }
  const random = numbers(7401);
  const below = (bound: number) => Math.floor((random.next().value ?? 0) * bound);

  test('garbage, cut and altered packets of HIP and ESP: dropped, nothing crashes, the tunnel goes on', async () => {
    const standing = await associations();
    const real = [...(await seenByProvider(b, a, hip)), ...(await seenByProvider(b, a, esp)).slice(0, 5)];
    const altered: Uint8Array[] = [];
    for (let round = 0; round < 500; round++) {
      const packet = (real[below(real.length)] ?? new Uint8Array()).slice();
      if (round % 2 === 0) altered.push(packet.subarray(0, below(packet.length)));
      else {
        for (let flips = 1 + below(4); flips > 0; flips--) {
          const place = below(packet.length);
          packet[place] = (packet[place] ?? 0) ^ (1 << below(8));
        }
        altered.push(packet);
      }
    }
    for (let round = 0; round < 250; round++) {
      const garbage = Uint8Array.from({ length: below(1400) }, () => below(256));
      // Half of it for the control plane, half for the kernel.
      if (round % 2 === 0) garbage.fill(0, 0, 4);
      altered.push(garbage);
    }
    for (const payload of altered) await stranger.send(forged(b, a, payload));
    await stranger.settle();
    await goesOn(standing);
    expect(a.log).not.toMatch(/^error/m);
  });
});

describe('a flood', () => {
  /** From ever new ports and addresses, as a sender that forges its source can. */
  let forgeries = 0;
  /** Peers from earlier floods stay: a peer that is taken out of the settings loses its association. */
  const newcomers: OverlayGateway[] = [];
  const fromAnywhere = (payload: Uint8Array) => {
    forgeries++;
    return udp({
      ...{ source: `10.99.99.${2 + (forgeries % 250)}`, sourcePort: 1024 + (forgeries % 60_000) },
      ...{ destination: a.place.seenAs, destinationPort: 10500, payload },
    });
  };

  /** Packets of b's base exchange with a: its HIT is on the wire for all to see. Read before floods fill the capture. */
  let i1: Uint8Array;
  let i2: Uint8Array;
  const firstOf = async (type: number) => {
    const [packet] = await seenByProvider(b, a, `hip.packet_type == ${type}`);
    if (packet === undefined) throw new Error(`b has sent no HIP packet of type ${type}`);
    return packet;
  };
  beforeAll(async () => {
    i1 = await firstOf(packetTypes.I1);
    i2 = await firstOf(packetTypes.I2);
  });

  const withRandom = (packet: Uint8Array, from: number, to: number) => {
    const altered = packet.slice();
    for (let index = from; index < to; index++) altered[index] = Math.floor(Math.random() * 256);
    return altered;
  };
  // Offsets in what UDP carries: 4 octets before HIP's header, in which the sender's HIT is from 8 to 24.
  const floods = {
    'I1 from HITs that nobody knows': () => withRandom(i1, 16, 28),
    'I1 from the HIT of a peer': () => i1,
    'I2 from the HIT of a peer, each with another solution': () => withRandom(i2, 44, 100),
    'UPDATE from the HIT of a peer, each with other contents': () => {
      const update = withRandom(i2, 44, 100);
      // RFC 7401 §5.1: the type is in HIP's third octet.
      update[4 + 2] = packetTypes.UPDATE;
      return update;
    },
  };

  /** The rule that meets each: the kernel's, before any process is asked. */
  const refusals: Record<keyof typeof floods, string> = {
    'I1 from HITs that nobody knows': 'HIP from no peer',
    'I1 from the HIT of a peer': 'HIP opened too often',
    'I2 from the HIT of a peer, each with another solution': 'HIP opened too often',
    'UPDATE from the HIT of a peer, each with other contents': 'HIP spoken too often',
  };

  test.each(Object.keys(floods) as (keyof typeof floods)[])(
    'of %s: a tunnel keeps its traffic, a new honest peer gets in, memory stays bounded',
    async (flood) => {
      const next = floods[flood];
      const honest = await guest.gateway(`honest${newcomers.length}`);
      newcomers.push(honest);
      await honest.start({ peers: [] });
      const standing = await associations();
      const memoryBefore = (await a.look()).memoryMiB;
      await a.host.traffic({
        ...{ do: 'stream', name: flood, kind: 'tcp', host: b.host.addresses.ipv4, octets: 500, everyMs: 50 },
      });
      let over = false;
      const flooding = (async () => {
        let sent = 0;
        for (; !over; sent++) await stranger.send(fromAnywhere(next()));
        return sent;
      })();
      try {
        await a.reconfigure({ peers: [b, ...newcomers].map((peer) => peer.asPeer()) });
        await honest.reconfigure({ peers: [a.asPeer()] });
        await honest.connected(a, 120_000);
      } finally {
        over = true;
      }
      expect(await flooding).toBeGreaterThan(1000);
      expect(await counted(a, refusals[flood])).toBeGreaterThan(0);
      const { sent, returned, wrong, failure } = await a.host.traffic<StreamReport>({
        ...{ do: 'finish', name: flood, patienceMs: 60_000 },
      });
      expect({ returned, wrong, failure }).toEqual({ returned: sent, wrong: 0, failure: null });
      await goesOnAmongOthers(standing);
      expect((await a.look()).memoryMiB).toBeLessThan(memoryBefore + 48);
    },
  );
});

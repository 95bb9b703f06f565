import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromHex } from '../../firmware/bytes/bytes.ts';
import type { OverlayConfig } from '../../firmware/netd/overlay/overlay.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import type { StreamReport } from '../../qemu/guest/traffic.ts';
import type { OverlayGateway } from '../../qemu/overlay-gateway.ts';
import { OverlayGuest } from '../../qemu/overlay-guest.ts';
import { waitUntil } from '../../qemu/wait-until.ts';
import { openEsp, readKeyLog } from './sealed-esp.ts';
import { readFrames } from './tshark.ts';

/** What happens to tunnels while traffic is in them. Tests run in order, on one guest. */
let guest: OverlayGuest;
let a: OverlayGateway;
let b: OverlayGateway;
/** Behind NATs: one that lets nobody in, one with HIP's port forwarded. */
let hidden: OverlayGateway;
let forwarded: OverlayGateway;

beforeAll(async () => {
  guest = await OverlayGuest.start({ name: 'overlay-journeys', progress: stderrProgress('journeys') });
  [a, b, hidden, forwarded] = [
    await guest.gateway('a'),
    await guest.gateway('b'),
    await guest.gateway('hidden', { nat: { forward: false } }),
    await guest.gateway('forwarded', { nat: { forward: true } }),
  ];
  await Promise.all([a, b, hidden, forwarded].map((gateway) => gateway.start({ peers: [] })));
  await Promise.all([a, b, forwarded].map(({ host }) => host.traffic({ do: 'serve' })));
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
});

type PeerDetails = Parameters<OverlayGateway['asPeer']>[0] & Partial<OverlayConfig['peers'][number]>;

/** Makes two gateways each other's only peer, and waits for the tunnel where one is wanted at once. */
async function join(
  left: OverlayGateway,
  right: OverlayGateway,
  {
    leftAt,
    rightAt,
    ...config
  }: Partial<OverlayConfig> & { leftAt?: PeerDetails; rightAt?: PeerDetails } = {},
): Promise<void> {
  const peer = (gateway: OverlayGateway, { address, port, ...details }: PeerDetails = {}) => ({
    ...gateway.asPeer({ ...(address ? { address } : {}), ...(port ? { port } : {}) }),
    ...details,
  });
  await Promise.all([
    left.reconfigure({ ...config, peers: [peer(right, rightAt)] }),
    right.reconfigure({ ...config, peers: [peer(left, leftAt)] }),
  ]);
  if (rightAt?.connect === 'on-demand') return;
  await left.connected(right);
  await right.connected(left);
  await carries(left, right);
}

/** The control plane knows of an association a moment before the kernel does. */
async function carries(from: OverlayGateway, to: OverlayGateway): Promise<void> {
  await waitUntil(
    `the tunnel from ${from.name} to ${to.name} carries`,
    () => from.host.ping(to.host.addresses.ipv4, 1),
    ({ received }) => received === 1,
  );
}

async function part(...gateways: OverlayGateway[]): Promise<void> {
  for (const gateway of gateways) await gateway.reconfigure({ peers: [] });
}

async function pings(from: OverlayGateway, to: OverlayGateway, version: 'ipv4' | 'ipv6' = 'ipv4') {
  const { sent, received } = await from.host.ping(to.host.addresses[version], 3);
  expect({ from: from.name, sent, received }).toEqual({ from: from.name, sent: 3, received: 3 });
}

const tunnelOf = async (gateway: OverlayGateway) => (await gateway.look()).tunnels[0];

/** A TCP connection that carries octets to the host behind a gateway and back while the work is done. */
async function underTcp(
  from: OverlayGateway,
  to: OverlayGateway,
  work: () => Promise<void>,
): Promise<StreamReport> {
  const name = `tcp ${Math.random()}`;
  await from.host.traffic({
    ...{ do: 'stream', name, kind: 'tcp', host: to.host.addresses.ipv4, octets: 1000, everyMs: 50 },
  });
  const returned = async () => (await from.host.traffic<StreamReport>({ do: 'look', name })).returned;
  await waitUntil('the connection carries', returned, (octets) => octets > 0);
  await work();
  // What was under way may still come in over the old path: the new one carries what is sent from now on.
  const before = await returned();
  await waitUntil('the connection goes on', returned, (octets) => octets > before + 10_000);
  const report = await from.host.traffic<StreamReport>({ do: 'finish', name, patienceMs: 60_000 });
  expect(report).toMatchObject({ returned: report.sent, wrong: 0, failure: null });
  return report;
}

describe('a gateway behind a NAT', () => {
  test('is found at the port that the NAT gave it, and both hosts reach each other', async () => {
    await join(hidden, b);
    expect((await tunnelOf(b))?.locator).toMatch(new RegExp(`^${hidden.place.seenAs}:(?!10500$)\\d+$`));
    await pings(hidden, b);
    await pings(b, hidden);
  });

  test('a NAT that forgets and takes another port breaks no connection: the peer follows', async () => {
    const before = await tunnelOf(b);
    await underTcp(hidden, b, async () => {
      await guest.nat('hidden').run('conntrack -F');
      await waitUntil(
        'b sends to the new port',
        () => tunnelOf(b),
        (now) => now?.locator !== before?.locator,
      );
    });
    const after = await tunnelOf(b);
    expect(after?.establishedAt).toBe(before?.establishedAt);
    expect(after?.locator).toContain(`${hidden.place.seenAs}:`);
    await pings(b, hidden);
    await part(hidden, b);
  });

  test('reaches one behind another NAT through its one forwarded port', async () => {
    await join(hidden, forwarded);
    await pings(hidden, forwarded);
    await pings(forwarded, hidden);
    await part(hidden, forwarded);
  });
});

describe('an underlay address that changes', () => {
  test('under a transfer: the TCP connection goes on, over the same association', async () => {
    await join(a, b);
    const before = await tunnelOf(a);
    const old = a.place.underlay.ipv4;
    const fresh = old.replace(/\.2$/, '.3');
    await underTcp(a, b, async () => {
      await a.run(`ip address delete ${old}/24 dev uplink
        ip address add ${fresh}/24 dev uplink
        ip route add default via ${old.replace(/\.2$/, '.1')}`);
      await waitUntil(
        'b sends to the new address',
        () => tunnelOf(b),
        (now) => now?.locator === `${fresh}:10500`,
      );
    });
    expect((await tunnelOf(a))?.establishedAt).toBe(before?.establishedAt);
    await pings(b, a);
    await part(a, b);
    await a.run(`ip address delete ${fresh}/24 dev uplink
      ip address add ${old}/24 dev uplink
      ip route add default via ${old.replace(/\.2$/, '.1')}`);
  });
});

describe('keys that are replaced every few seconds', () => {
  test('under TCP and UDP: no stall over a second, and not one datagram lost', async () => {
    await join(a, b, { rekey: { seconds: 3, mebibytes: 1024 } });
    const before = (await tunnelOf(a))?.rekeys ?? 0;
    await a.host.traffic({
      ...{
        do: 'stream',
        name: 'datagrams',
        kind: 'udp',
        host: b.host.addresses.ipv4,
        octets: 200,
        everyMs: 20,
      },
    });
    // On the host's own loopback: how long a busy machine let the host itself stand still.
    await a.host.traffic({
      ...{ do: 'stream', name: 'control', kind: 'udp', host: '127.0.0.1', octets: 200, everyMs: 20 },
    });
    const tcp = await underTcp(a, b, async () => {
      await waitUntil(
        'twelve rekeys',
        () => tunnelOf(a),
        (now) => (now?.rekeys ?? 0) >= before + 12,
        { timeoutMs: 180_000 },
      );
    });
    const udp = await a.host.traffic<StreamReport>({ do: 'finish', name: 'datagrams', patienceMs: 10_000 });
    expect(udp).toMatchObject({ returned: udp.sent, wrong: 0 });
    const control = await a.host.traffic<StreamReport>({ do: 'finish', name: 'control', patienceMs: 10_000 });
    for (const { longestStallMs } of [tcp, udp])
      expect(longestStallMs - control.longestStallMs).toBeLessThan(1000);
    expect((await tunnelOf(a))?.dropped).toEqual({ wrongSource: 0, tooOld: 0, replayed: 0, forged: 0 });
    await part(a, b);
  });
});

describe('path MTU', () => {
  const insides = ['ipv4', 'ipv6'] as const;
  const outsides = ['ipv4', 'ipv6'] as const;
  /** Packets of the hosts with their headers: what any path takes, what IPv6 needs, a full frame, and some of them. */
  const lengths = [1178, 1280, 1500, 3000] as const;
  const headers = { ipv4: 28, ipv6: 48 } as const;

  const look = (name: string) => a.host.traffic<StreamReport>({ do: 'look', name });
  const stream = (name: string, kind: 'tcp' | 'udp', inside: 'ipv4' | 'ipv6', octets: number) =>
    a.host.traffic({ do: 'stream', name, kind, host: b.host.addresses[inside], octets, everyMs: 100 });
  const tcp = async (name: string, inside: 'ipv4' | 'ipv6') => {
    // Each piece takes several segments.
    await stream(name, 'tcp', inside, 5_000);
    await waitUntil(
      `${name} carries`,
      () => look(name),
      ({ returned }) => returned > 20_000,
    );
  };
  const finish = async (name: string) => {
    const report = await a.host.traffic<StreamReport>({ do: 'finish', name, patienceMs: 60_000 });
    expect(report).toMatchObject({ returned: report.sent, wrong: 0, failure: null });
  };
  /** Datagrams get there and back, once the hosts know what they have to know. */
  const datagrams = async (inside: 'ipv4' | 'ipv6', octets: number) => {
    const name = `${octets} octets of ${inside}`;
    await stream(name, 'udp', inside, octets - headers[inside]);
    await waitUntil(
      `${name} return`,
      () => look(name),
      ({ returned }) => returned >= 3,
    );
    await a.host.traffic({ do: 'finish', name, patienceMs: 0 });
  };
  /** What the host was told that the way takes. */
  const toldMtu = async (inside: 'ipv4' | 'ipv6') =>
    Number(/\bmtu (\d+)/.exec(await a.host.run(`ip route get ${b.host.addresses[inside]}`))?.[1] ?? 1500);
  const forget = async () => {
    for (const { host } of [a, b]) await host.run('ip route flush cache; ip -6 route flush cache');
  };
  const joinOver = async (outside: 'ipv4' | 'ipv6', config: Partial<OverlayConfig> = {}) => {
    const [leftAt, rightAt] = [a, b].map(({ place }) => ({ address: place.underlay[outside] ?? '' }));
    await join(a, b, { ...config, ...(leftAt ? { leftAt } : {}), ...(rightAt ? { rightAt } : {}) });
  };
  const partAndForget = async () => {
    await part(a, b);
    await forget();
    for (const gateway of [a, b])
      await gateway.run(`ip route flush cache; ip -6 route flush cache
        nft flush set inet hithe_fragments told_mtus`);
  };

  test.each(outsides.flatMap((outside) => [1500, 1400, 1300, 1280].map((mtu) => [outside, mtu] as const)))(
    '%s outside, narrowed to %i under the association: datagrams of all sizes arrive, and TCP goes on',
    async (outside, mtu) => {
      await joinOver(outside);
      for (const inside of insides) await tcp(`before ${inside}`, inside);
      for (const { name } of [a, b]) await guest.setMtu(name, mtu);
      for (const inside of insides) {
        for (const octets of lengths) await datagrams(inside, octets);
        expect(await toldMtu(inside)).toBeLessThan(mtu + 100);
      }
      for (const inside of insides) await finish(`before ${inside}`);
      for (const gateway of [a, b]) {
        await waitUntil(
          `${gateway.name} knows the path`,
          () => tunnelOf(gateway),
          (tunnel) => tunnel?.pathMtu === mtu,
        );
      }
      // New connections fit the path from their first segment, also where the hosts were told nothing.
      await forget();
      for (const inside of insides) {
        await tcp(`after ${inside}`, inside);
        await finish(`after ${inside}`);
      }
      for (const { name } of [a, b]) await guest.setMtu(name, 1500);
      await partAndForget();
    },
  );

  test.each(outsides)('%s outside over a link of 1280 octets of the box itself', async (outside) => {
    const setLink = async (mtu: number) => {
      await a.run(`ip link set uplink mtu ${mtu}`);
      await guest.provider.run(`ip link set to-a mtu ${mtu}`);
      await guest.setMtu('a', mtu);
    };
    await setLink(1280);
    // A box reads it from its port; sysfs does not show the links of these namespaces.
    await joinOver(outside, { underlayMtu: 1280 });
    for (const inside of insides) {
      for (const octets of lengths) await datagrams(inside, octets);
      await tcp(`narrow ${inside}`, inside);
      await finish(`narrow ${inside}`);
    }
    await setLink(1500);
    await partAndForget();
  });
});

describe('an association that is made when traffic asks for it', () => {
  test('is not there before, and is when the first packets have been sent', async () => {
    const onDemand = { connect: 'on-demand' } as const;
    await join(a, b, { leftAt: onDemand, rightAt: onDemand });
    expect((await tunnelOf(a))?.state).toBe('UNASSOCIATED');
    await a.host.ping(b.host.addresses.ipv4, 1);
    await a.connected(b);
    await b.connected(a);
    await carries(a, b);
    await part(a, b);
  });
});

describe('a capture with the key log', () => {
  test('all that passed between the gateways authenticates, and is what the hosts said', async () => {
    await join(a, b, { keyLog: true });
    await pings(a, b);
    await pings(b, a);
    const log = await a.keyLog();
    await part(a, b);
    const keys = readKeyLog(log);
    expect(keys.size).toBeGreaterThanOrEqual(2);
    const between = `ip.addr == ${a.place.seenAs} && ip.addr == ${b.place.seenAs} && udp.port == 10500`;
    const payloads = (await readFrames(guest.capturePath, [between], ['udp.payload'])).map(
      (frame) => fromHex(frame['udp.payload'] ?? '') ?? new Uint8Array(),
    );
    const inside = payloads.map((payload) => openEsp(payload, keys)).filter((opened) => opened !== undefined);
    // Next Header 4: the hosts' own IPv4 packets, whose ninth octet names ICMP.
    const echoes = inside.filter(({ nextHeader, content }) => nextHeader === 4 && content[9] === 1);
    expect(echoes.length).toBeGreaterThanOrEqual(12);
    const table = log.split('\n').filter((line) => line.startsWith('"'));
    const shown = await readFrames(
      guest.capturePath,
      ['icmp'],
      ['icmp.type'],
      [
        ...['-d', 'udp.port==10500,udpencap', '-o', 'esp.enable_encryption_decode:TRUE'],
        ...table.flatMap((row) => ['-o', `uat:esp_sa:${row}`]),
      ],
    );
    const ofHosts = shown.map((frame) => frame['icmp.type']).filter((type) => type === '8' || type === '0');
    expect(ofHosts.length).toBeGreaterThanOrEqual(12);
    // Off again: the file is gone.
    expect((await a.attempt('ls /run/hithe')).output).not.toContain('a.esp_sa');
  });
});

describe('HIP and ESP straight over IP', () => {
  test('carry as well, and no UDP is seen', async () => {
    const raw = { framing: 'raw' } as const;
    await join(a, b, { leftAt: raw, rightAt: raw });
    await pings(a, b);
    await pings(b, a);
    const between = `ip.addr == ${a.place.seenAs} && ip.addr == ${b.place.seenAs}`;
    const frames = await readFrames(guest.capturePath, [between], ['ip.proto']);
    expect(new Set(frames.map((frame) => frame['ip.proto']))).toEqual(new Set(['17', '50', '139']));
    await part(a, b);
  });
});

describe('ESP suites', () => {
  test.each<[string, Partial<OverlayConfig>]>([
    ['aes-128-cbc-hmac-sha-256', { espSuites: ['aes-128-cbc-hmac-sha-256'] }],
    ['aes-256-cbc-hmac-sha-256', { espSuites: ['aes-256-cbc-hmac-sha-256'] }],
    ['aes-ccm-16', { espSuites: ['aes-ccm-16'] }],
    // Only where the diagnostics' setting allows it.
    ['null-hmac-sha-256', { espSuites: [], nullEncryption: true }],
  ])('%s, where the settings take part in nothing else', async (suite, config) => {
    await join(a, b, config);
    expect((await tunnelOf(a))?.espSuite).toBe(suite);
    await pings(a, b);
    await pings(b, a, 'ipv6');
    await part(a, b);
  });
});

describe('a peer that falls silent', () => {
  test('is given up while we send, and found again when it is back', async () => {
    await join(a, b);
    await b.crash();
    await a.host.traffic({
      ...{
        do: 'stream',
        name: 'unheard',
        kind: 'udp',
        host: b.host.addresses.ipv4,
        octets: 100,
        everyMs: 200,
      },
    });
    await waitUntil(
      'a has given the association up',
      () => tunnelOf(a),
      (now) => now?.establishedAt === null,
      { timeoutMs: 120_000 },
    );
    await b.start({ peers: [a.asPeer()] });
    await b.connected(a);
    await a.connected(b);
    await carries(a, b);
    await a.host.traffic({ do: 'finish', name: 'unheard', patienceMs: 0 });
  });

  test('crashed and back before anybody noticed: a new association takes the old one’s place', async () => {
    const before = (await tunnelOf(a))?.establishedAt;
    await b.crash();
    await b.start({ peers: [a.asPeer()] });
    // b has no key of before: what passes does so by new ones.
    await b.connected(a);
    expect((await tunnelOf(a))?.establishedAt).not.toBe(before);
    await carries(b, a);
    await pings(b, a);
    await pings(a, b);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import { Lab, plan, type Side } from '../../qemu/lab.ts';
import { labInitrd } from '../../qemu/lab-initrd.ts';
import { waitUntil } from '../../qemu/wait-until.ts';
import { assertUntouched, bootableImage } from './image.ts';
import { pageJourney } from './page-journey.ts';
import { allPorts, answersTcp, scanAllPorts } from './port-scan.ts';
import { Stranger } from './stranger.ts';
import { readFrames } from './tshark.ts';

const progress = stderrProgress('lab');
const sides: readonly Side[] = ['a', 'b'];

const image = await bootableImage();

/** Two gateways and a host behind each, set up as a person would. Tests run in order. */
let lab: Lab;
const before: Partial<Record<Side, Status>> = {};
let after: Readonly<Record<Side, Status>>;

beforeAll(async () => {
  lab = await Lab.start({ image: { ...image, labInitrdPath: await labInitrd(image, progress) }, progress });
  const hits = await Promise.all(
    sides.map(async (side) => {
      const { page } = lab.gateways[side];
      await page.waitForPage();
      before[side] = await page.waitForStatus(
        'it has a HIT',
        ({ identity }) => identity.hit !== null,
        60_000,
      );
      return before[side].identity.hit ?? '';
    }),
  );
  const [a = '', b = ''] = hits;
  after = await lab.connect({ a, b });
});
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  await assertUntouched(image);
});

describe('two gateways that have each other’s HIT', () => {
  test('have different identities, and keep them through the settings', () => {
    expect(before.a?.identity.hit).not.toBe(before.b?.identity.hit);
    for (const side of sides) expect(after[side].identity.hit).toBe(before[side]?.identity.hit);
  });

  test('have an address from the provider and their own LAN', () => {
    for (const side of sides) {
      const addresses = after[side].network.interfaces.flatMap((card) => card.addresses);
      expect(addresses).toContain(`${plan[side].underlay}/24`);
      expect(addresses).toContain(`${plan[side].gateway}/24`);
    }
  });

  test.each([['a'], ['b']] as const)(
    'the host behind %s pings the host behind the other, and no packet is lost',
    async (side) => {
      const { sent, received, rttMs } = await lab.ping(side, 5);
      expect({ sent, received }).toEqual({ sent: 5, received: 5 });
      expect(rttMs).not.toBeNull();
    },
  );

  test.each([['a'], ['b']] as const)('TCP from the host behind %s brings every octet', async (side) => {
    expect((await lab.transfer(side, 4)).octets).toBe(4 * 1024 * 1024);
  });

  test('a packet larger than the tunnel’s MTU passes once the sender has been told of it (RFC 1191)', async () => {
    const large = `ping -c 1 -s 1400 -W 5 ${plan.b.host}`;
    await lab.onHost('a', large, 20_000);
    const { output } = await lab.onHost('a', large, 20_000);
    expect(output).toContain('1 packets received');
  });
});

describe('what the provider sees', () => {
  test('between the gateways only UDP 10500, beside DHCP and neighbour discovery', async () => {
    const frames = await readFrames(
      lab.captures.a,
      [],
      ['frame.protocols', 'ip.src', 'ip.dst', 'udp.srcport', 'udp.dstport'],
    );
    const others = frames.filter((frame) => {
      const protocols = frame['frame.protocols'] ?? '';
      // What the provider's own bridge tells its network is none of the gateways' traffic.
      if (frame['ip.src'] === plan.provider && protocols.includes(':igmp')) return false;
      if (/:arp|:icmpv6|:dhcp|:bootp|:dhcpv6/.test(protocols)) return false;
      return !(frame['udp.srcport'] === '10500' && frame['udp.dstport'] === '10500');
    });
    expect(others).toEqual([]);
    expect(frames.some((frame) => frame['ip.dst'] === plan.b.underlay)).toBe(true);
  });

  test('a base exchange whose every checksum is right', async () => {
    const fields = ['hip.packet_type', 'hip.checksum.status', 'udp.checksum.status', '_ws.malformed'];
    const packets = await readFrames(lab.captures.a, ['hip'], fields);
    expect(packets.map((packet) => packet['hip.packet_type'])).toEqual(
      expect.arrayContaining(['1', '2', '3', '4']),
    );
    for (const packet of packets) {
      // tshark's 1 is good: over UDP the field of HIP is zero (RFC 9028 §5.1) and UDP's own checksum serves.
      expect(packet).toMatchObject({
        'hip.checksum.status': '1',
        'udp.checksum.status': '1',
        '_ws.malformed': '',
      });
    }
  });

  test('nothing of what the hosts said', async () => {
    expect(await readFrames(lab.captures.a, ['icmp.type == 8 || icmp.type == 0'], ['frame.number'])).toEqual(
      [],
    );
  });
});

describe('a third customer of the provider, without an identity', () => {
  test('is answered by the provider: a scan would see it', async () => {
    const stranger = await Stranger.join(lab.station, '10.99.0.67', plan.provider);
    expect(await answersTcp(stranger, plan.provider, 22)).toBe(true);
  });

  test('scans all TCP and UDP ports of a gateway and finds nothing that answers', async () => {
    const stranger = await Stranger.join(lab.station, '10.99.0.66', plan.a.underlay);
    expect(await scanAllPorts(stranger, plan.a.underlay)).toEqual([]);
    const probes = ['tcp.flags.syn == 1', 'udp.srcport == 40000'];
    for (const probe of probes) {
      const filter = `ip.src == ${stranger.address} && ${probe}`;
      expect((await readFrames(lab.captures.a, [filter], ['frame.number'])).length).toBe(allPorts);
    }
  });
});

pageJourney(() => lab);

describe('a gateway whose power is cut', () => {
  test('carries again once it is back, by the same peer, with nobody’s help', async () => {
    const { b } = lab.gateways;
    await b.machine.kill();
    await b.machine.powerOn();
    const { seconds: toPage } = await b.waitForPage();
    const pageAt = performance.now();
    await waitUntil(
      'a ping from the host behind the other',
      () => lab.onHost('a', `ping -c 1 -W 1 ${plan.b.host}`),
      ({ status }) => status === 0,
      { timeoutMs: 120_000 },
    );
    const seconds = (performance.now() - pageAt) / 1000;
    progress(`Carries ${seconds.toFixed(1)} s after the page, which answered after ${toPage.toFixed(1)} s`);
    expect(seconds).toBeLessThanOrEqual(10);
    expect((await lab.ping('b', 3)).received).toBe(3);
  });
});

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyPlan } from '../../firmware/netd/apply.ts';
import { limits as networkLimits } from '../../firmware/netd/limits.ts';
import type { NetworkSystem } from '../../firmware/netd/system-port.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import type { PanelStep } from '../../qemu/guest/front-panel.ts';
import { links } from '../../qemu/guest/gateway.ts';
import type { StreamReport } from '../../qemu/guest/traffic.ts';
import { openPolicy } from '../../qemu/open-policy.ts';
import type { OverlayGateway } from '../../qemu/overlay-gateway.ts';
import { OverlayGuest } from '../../qemu/overlay-guest.ts';
import { arp, ethernet, etherTypes, neighbourMessage, udp } from './frames.ts';

/**
 * A LAN with a device that does what it likes, beside one that the settings know and one that they do not; behind another
 * gateway is whom both talk to. Tests run in order, on one guest.
 */
let guest: OverlayGuest;
let a: OverlayGateway;
let b: OverlayGateway;
let press: { ipv4: string; ipv6: string; mac: string };
/** The same host's second address, which is bound to nobody. */
const visitor = '192.168.1.20';
let gatewayMac: string;

/** Runs the network room's commands where gateway a is. */
const inA: Pick<NetworkSystem, 'run' | 'log' | 'writeKernelValue' | 'readKernelValue'> = {
  async run(command, args, { input = '' } = {}) {
    const { status, output, error } = await a.attempt(`${command} ${args.join(' ')} <<'END'\n${input}\nEND`);
    return { status, stdout: output, stderr: error };
  },
  log: (level, message) => process.stderr.write(`[network] ${level} ${message}\n`),
  writeKernelValue: () => null,
  readKernelValue: () => null,
};

beforeAll(async () => {
  guest = await OverlayGuest.start({ name: 'overlay-lan', progress: stderrProgress('lan') });
  [a, b] = [await guest.gateway('a'), await guest.gateway('b')];
  // The host's cable and the hostile device's become ports of one bridge, as on a box.
  await a.run(
    `ip link set ${links.lan} down && ip address flush dev ${links.lan} && ip link set ${links.lan} name port2`,
  );
  await guest.provider.run('ip link set stranger netns a name port3');
  await applyPlan(inA as NetworkSystem, {
    before: [],
    after: [],
    batch: [
      { do: 'create-bridge', link: links.lan, mac: null },
      ...['port2', 'port3'].flatMap((link) => [
        { do: 'set-master', link, from: null, to: links.lan } as const,
        { do: 'set-up', link, up: true } as const,
      ]),
      { do: 'set-up', link: links.lan, up: true },
      { do: 'add-address', link: links.lan, address: `${gatewayOf(a.place.host.ipv4)}/24` },
      { do: 'add-address', link: links.lan, address: 'fd20:1::1/64' },
    ],
  });
  gatewayMac = await macOf(a, links.lan);
  press = { ...a.place.host, mac: await macOf(a.host, 'eth0') };
  await a.host.run(`ip address add ${visitor}/24 dev eth0`);
  await Promise.all([
    a.start(
      { peers: [b.asPeer()] },
      {
        ...openPolicy,
        devices: [{ name: 'press', addresses: [press.ipv4, press.ipv6], mac: press.mac }],
      },
    ),
    b.start({ peers: [a.asPeer()] }),
  ]);
  await Promise.all([a.connected(b), b.connected(a)]);
  await b.host.traffic({ do: 'serve' });
});
afterAll(() => guest?.[Symbol.asyncDispose]());

const gatewayOf = (host: string) => host.replace(/\d+$/, '1');
async function macOf(place: Pick<OverlayGateway, 'run'>, link: string): Promise<string> {
  const [found] = JSON.parse(await place.run(`ip -j link show ${link}`)) as { address: string }[];
  return found?.address ?? '';
}

const octetsOf = (mac: string) => Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16));
const everybody = octetsOf('ff:ff:ff:ff:ff:ff');
/** Locally administered, as no real device's is (RFC 7042 §2.1). */
const evil = octetsOf('02:00:00:00:66:66');
const anyMac = () => Uint8Array.of(0x02, ...randomBytes(5));

/** What came in at the hostile device's port. */
async function received(): Promise<number> {
  const [link] = JSON.parse(await a.run('ip -j -s link show port3')) as {
    stats64: { rx: { packets: number } };
  }[];
  return link?.stats64.rx.packets ?? 0;
}

/** Sends until so many frames have come in: the way there loses what the guest does not take in time. */
async function flood(count: number, frame: (index: number) => Uint8Array): Promise<void> {
  const enough = (await received()) + count;
  for (let sent = 0; (await received()) < enough; )
    for (const next = sent + 500; sent < next; sent++) await guest.station.send(frame(sent));
}

/** While the work lasts, press and its visitor's address talk with the host behind b; nothing of it may be lost. */
async function meanwhile(name: string, work: () => Promise<void>): Promise<StreamReport> {
  const stream = {
    do: 'stream',
    name,
    kind: 'tcp',
    host: b.host.addresses.ipv4,
    octets: 500,
    everyMs: 50,
  } as const;
  await a.host.traffic(stream);
  await work();
  return await a.host.traffic<StreamReport>({ do: 'finish', name, patienceMs: 60_000 });
}
const whole = ({ sent }: StreamReport) => ({ returned: sent, wrong: 0, failure: null });

/** Packets that rules with this comment have dropped. */
async function dropped(comment: string): Promise<number> {
  const rules = await a.run('nft list ruleset');
  const counts = rules.split('\n').filter((line) => line.includes(`comment "${comment}"`));
  return counts.reduce((sum, line) => sum + Number(/counter packets (\d+)/.exec(line)?.[1] ?? 0), 0);
}
const neighbour = async (address: string) =>
  /lladdr (\S+)/.exec(await a.run(`ip neigh show ${address} dev ${links.lan}`))?.[1];

describe('a device that speaks for another', () => {
  test('by ARP and neighbour discovery: the other’s traffic stays the other’s', async () => {
    await a.host.run(`busybox ping -c 1 -W 3 ${gatewayOf(press.ipv4)} && busybox ping6 -c 1 -W 3 fd20:1::1`);
    expect([await neighbour(press.ipv4), await neighbour(press.ipv6)]).toEqual([press.mac, press.mac]);
    const gateway = { mac: octetsOf(gatewayMac), address: gatewayOf(press.ipv4) };
    const lies = [
      ethernet(everybody, evil, etherTypes.arp, arp('request', { mac: evil, address: press.ipv4 }, gateway)),
      ethernet(everybody, evil, etherTypes.arp, arp('reply', { mac: evil, address: press.ipv4 }, gateway)),
      neighbourMessage(
        'solicit',
        { mac: evil, address: press.ipv6 },
        { mac: gateway.mac, address: 'fd20:1::1' },
      ),
      neighbourMessage(
        'advertise',
        { mac: evil, address: press.ipv6 },
        { mac: gateway.mac, address: 'fd20:1::1' },
      ),
    ];
    const report = await meanwhile('lies', () =>
      flood(400, (index) => lies[index % lies.length] ?? new Uint8Array()),
    );
    expect(report).toMatchObject(whole(report));
    expect([await neighbour(press.ipv4), await neighbour(press.ipv6)]).toEqual([press.mac, press.mac]);
    expect(await dropped('address of another')).toBeGreaterThan(200);
  });

  test('by its packets: none gets to a peer', async () => {
    const before = (await a.policy()).counters['denied_spoofed'] ?? 0;
    const forged = udp({
      ...{ source: press.ipv4, sourcePort: 9, destination: b.host.addresses.ipv4, destinationPort: 5001 },
      payload: new Uint8Array(100),
    });
    await flood(200, () => ethernet(octetsOf(gatewayMac), evil, etherTypes.ipv4, forged));
    expect((await a.policy()).counters['denied_spoofed']).toBeGreaterThanOrEqual(before + 200);
  });
});

describe('a storm of neighbours from everywhere', () => {
  test('leaves those that were there, and whom the settings know is heard', async () => {
    const somebody = () =>
      `fd20:1::${randomBytes(6)
        .toString('hex')
        .replaceAll(/(....)(?=.)/g, '$1:')}`;
    const gateway = { mac: octetsOf(gatewayMac), address: 'fd20:1::1' };
    const report = await meanwhile('storm', async () => {
      await flood(1500, () => neighbourMessage('solicit', { mac: anyMac(), address: somebody() }, gateway));
      // Known, and not talked with before.
      await a.run(`ip neigh flush dev ${links.lan}`);
      expect((await a.host.ping(gatewayOf(press.ipv4), 2, `-I ${press.ipv4}`)).received).toBe(2);
    });
    expect(report).toMatchObject(whole(report));
    expect(await dropped('too many ask')).toBeGreaterThan(0);
  });

  test('the bridge learns no more of them than it may', async () => {
    const [bridge] = JSON.parse(await a.run(`ip -j -d link show ${links.lan}`)) as {
      linkinfo: { info_data: { fdb_max_learned: number } };
    }[];
    expect(bridge?.linkinfo.info_data.fdb_max_learned).toBe(networkLimits.learnedMacs);
  });
});

describe('a clock that jumps', () => {
  test.each([
    ['ten years ahead', '2036-11-22 12:00:00'],
    ['back to the beginning', '2001-01-01 00:00:00'],
  ])('%s: tunnels carry, and are made anew', async (_, time) => {
    const report = await meanwhile(time, async () => {
      await a.run(`date -u -s '${time}'`);
      expect((await a.host.ping(b.host.addresses.ipv4, 5)).received).toBe(5);
    });
    expect(report).toMatchObject(whole(report));
    // A peer that forgot all meets one that did not.
    await b.crash();
    await b.start({ peers: [a.asPeer()] });
    await b.connected(a);
    expect((await b.host.ping(a.host.addresses.ipv4, 5)).received).toBe(5);
    expect(a.log).not.toMatch(/^error/m);
  });
});

describe('a front panel that is plugged in', () => {
  test('shows how the box is, and its button counts where it was asked for', async () => {
    await a.run('/usr/sbin/modprobe -a uhid hid-generic');
    const { status, output, error } = await guest.provider.program('front-panel').finish();
    expect([status, error]).toEqual([0, expect.stringContaining('The front panel is there')]);
    const steps = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as PanelStep);
    // Lights by the profile: well 1, attention 2, tunnels 4, press 8.
    expect(steps).toEqual([
      { shown: true },
      { lights: 2 | 4 },
      ...[{ pressed: true }, { pressed: false }, { lights: 1 | 4 }],
      // Nobody had asked for that press.
      ...[{ shown: false }, { lights: 1 | 4 | 8 }],
      ...[{ pressed: true }, { pressed: false }, { lights: 1 | 4 }],
      ...[{ shown: true }, { shown: false }],
      { shown: true },
    ]);
  });
});

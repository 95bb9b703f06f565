import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SettingsLayer } from '../../firmware/store/settings-schema.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import type { StreamReport } from '../../qemu/guest/traffic.ts';
import { ModemEmulator, ModemLine } from '../../qemu/modem-emulator.ts';
import { openPolicy } from '../../qemu/open-policy.ts';
import type { OverlayBox } from '../../qemu/overlay-box.ts';
import type { OverlayGateway } from '../../qemu/overlay-gateway.ts';
import { OverlayGuest } from '../../qemu/overlay-guest.ts';
import { waitUntil } from '../../qemu/wait-until.ts';

/**
 * A box with two cables, of which the first is preferred, a cellular modem, and a peer. Tests run in order, on one guest:
 *
 *   a:uplink ── provider:to-a ──┐
 *   a:uplink2 ─ provider:to-a2 ─┼── provider ── b
 *   a:wwan0 ─── provider:cell ──┘
 */
let guest: OverlayGuest;
let line: ModemLine;
/** Its data goes through the cable to `cell`, which is plugged in while the modem is connected. */
const modem = new ModemEmulator({}, (active) => {
  cell = cell.then(() => guest.provider.run(`ip link set cell ${active ? 'up' : 'down'}`));
});
let cell: Promise<unknown> = Promise.resolve();
let a: OverlayBox;
let b: OverlayGateway;

const first = '10.99.1.2';
const second = '10.98.1.2';
const third = '10.64.1.2';

const onUplinks = (uplinks: readonly string[], network: object = {}): SettingsLayer => {
  const uplink = (address: string, priority: number) => ({
    priority,
    ipv4: { address: `${address}/24`, gateway: address.replace(/\.2$/, '.1'), dns: [] },
  });
  return {
    version: 1,
    network: {
      ports: { port1: 'lan', port2: 'underlay', port3: 'underlay', port4: 'underlay' },
      underlay: {
        ipv6: 'off',
        uplinks: {
          port2: uplink(uplinks[0] ?? '', 1),
          port3: uplink(uplinks[1] ?? '', 2),
          port4: { ipv4: 'modem', modem: { device: 'ttyUSB0', apn: 'internet' } },
        },
      },
      lan: { address: '192.168.1.1/24', dhcpServer: false },
      ...network,
    },
    overlay: { peers: [b.asPeer()] },
    policy: openPolicy,
  };
};
const good = (network: object = {}) => onUplinks([first, second], network);

beforeAll(async () => {
  guest = await OverlayGuest.start({ name: 'overlay-uplinks', progress: stderrProgress('uplinks') });
  [a, b] = [await guest.box('a'), await guest.gateway('b')];
  await guest.provider.run(`set -e
    ip link add to-a2 type veth peer name uplink2
    ip address add 10.98.1.1/24 dev to-a2
    ip link set to-a2 up
    ip link set uplink2 netns /run/netns/a
    ip link add cell type veth peer name wwan0
    ip address add 10.64.1.1/30 dev cell
    ip link set wwan0 netns /run/netns/a
    modprobe -a xhci-pci ftdi_sio`);
  line = await ModemLine.open(modem);
  await guest.machine.plugSerialLine(line.port);
  await Promise.all([b.start({ peers: [a.asPeer()] }), a.start(good(), ['uplink2', 'wwan0'])]);
  await a.connected(b);
  await b.connected(a);
  await b.host.traffic({ do: 'serve' });
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
  await line?.[Symbol.asyncDispose]();
});

/** Waits until b sends to one of these addresses of a's. */
async function movedTo(...addresses: readonly string[]): Promise<void> {
  await waitUntil(
    `b sends to ${addresses.join(' or ')}`,
    async () => (await b.look()).tunnels[0]?.locator,
    (locator) => addresses.some((address) => locator === `${address}:10500`),
    { timeoutMs: 120_000 },
  );
}

/** TCP and UDP between the hosts while the work is done: TCP whole to the last octet, both going on afterwards. */
async function underTraffic(what: string, work: () => Promise<void>): Promise<StreamReport> {
  const host = b.host.addresses.ipv4;
  const [tcp, udp] = [`tcp, ${what}`, `udp, ${what}`];
  await a.host.traffic({ do: 'stream', name: tcp, kind: 'tcp', host, octets: 1000, everyMs: 50 });
  await a.host.traffic({ do: 'stream', name: udp, kind: 'udp', host, octets: 200, everyMs: 5 });
  const returned = async (name: string) =>
    (await a.host.traffic<StreamReport>({ do: 'look', name })).returned;
  for (const name of [tcp, udp])
    await waitUntil(
      `${name} carries`,
      () => returned(name),
      (count) => count > 0,
    );
  await work();
  for (const name of [tcp, udp]) {
    const before = await returned(name);
    const more = name === tcp ? 10_000 : 10;
    await waitUntil(
      `${name} goes on`,
      () => returned(name),
      (count) => count > before + more,
    );
  }
  const finish = (name: string, patienceMs: number) =>
    a.host.traffic<StreamReport>({ do: 'finish', name, patienceMs });
  // Datagrams that were lost on the way over never come back.
  const [ofTcp, ofUdp] = [await finish(tcp, 50_000), await finish(udp, 1_000)];
  expect(ofTcp).toMatchObject({ returned: ofTcp.sent, wrong: 0, failure: null });
  console.info(
    `${what}: nothing came back for ${Math.round(ofUdp.longestStallMs)} ms over UDP, ${Math.round(ofTcp.longestStallMs)} ms over TCP`,
  );
  return ofUdp;
}

/** The same where nothing may be lost on the way: both uplinks are there, or nothing moves at all. */
async function withoutLoss(what: string, work: () => Promise<void>): Promise<void> {
  const { sent, returned } = await underTraffic(what, work);
  expect({ lost: sent - returned }).toEqual({ lost: 0 });
}

const trialOver = () =>
  waitUntil(
    'the trial is over',
    () => a.look(),
    ({ trial }) => trial === null,
  );

const association = async () => (await a.look()).tunnels[0]?.establishedAt;

describe('an uplink that fails under TCP and UDP', () => {
  test('its cable is pulled out and put in again: the association moves there and back, once each', async () => {
    await movedTo(first);
    const before = await association();
    await underTraffic('a cable that is pulled', async () => {
      await guest.provider.run('ip link set to-a down');
      await movedTo(second);
    });
    await withoutLoss('back on the preferred uplink', async () => {
      await guest.provider.run('ip link set to-a up');
      await movedTo(first);
    });
    expect(await association()).toBe(before);
    expect(a.log.match(/uplink port2 does not work \(no link\)/g)).toHaveLength(1);
    expect(a.log.match(/uplink port2 works again/g)).toHaveLength(1);
    expect(a.log).not.toMatch(/uplink port3/);
  });

  test('its provider carries nothing any more, and only the peers’ silence tells', async () => {
    await guest.provider.run(`nft -f - <<END
      table ip cut {
        chain forward { type filter hook forward priority 0; }
      }
END`);
    await underTraffic('a provider that leads nowhere', async () => {
      await guest.provider.run(
        `nft 'add rule ip cut forward ip saddr ${first} drop; add rule ip cut forward ip daddr ${first} drop'`,
      );
      await movedTo(second);
    });
    expect(a.log).toMatch(/uplink port2 does not work \(score 22\)/);
    const { network } = await a.look();
    const places = network.interfaces.flatMap(({ name, uplink }) =>
      uplink === null ? [] : [`${name} ${uplink.place} ${uplink.works}`],
    );
    expect(places).toEqual(['port2 3 false', 'port3 1 true', 'port4 2 true']);
    await guest.provider.run('nft delete table ip cut');
  });
});

describe('settings on trial, changed over the tunnel itself', () => {
  test('a change that cuts the tunnel is taken back by itself, and the tunnel carries again', async () => {
    expect(await b.host.ping(a.host.addresses.ipv4)).toMatchObject({ received: 3 });
    await underTraffic('a trial that cuts the tunnel', async () => {
      // Nor may the modem help.
      const ports = { port1: 'lan', port2: 'underlay', port3: 'underlay', port4: 'unused' };
      const tried = await a.tryOut(onUplinks(['10.66.1.2', '10.67.1.2'], { ports }), 20);
      expect(tried).toMatchObject({ refused: null, trial: 2 });
      const { sent, received } = await b.host.ping(a.host.addresses.ipv4, 1);
      expect({ sent, received }).toEqual({ sent: 1, received: 0 });
      expect((await trialOver()).outcomes).toEqual(['reverted', 'confirmed']);
      await movedTo(first, second);
    });
    expect(a.log).toMatch(/Revision 2 is taken back: the peer b \(.*\) does not answer through its tunnel/);
    expect(await b.host.ping(a.host.addresses.ipv4)).toMatchObject({ received: 3 });
  });

  test('one that leaves it whole confirms itself', async () => {
    const stranger = {
      name: 'c',
      uri: 'hip://10.99.9.9/2001:22::c',
      protectedPrefixes: ['192.168.77.0/24'],
      connect: 'on-demand' as const,
    };
    await withoutLoss('a trial that brings another peer', async () => {
      await a.tryOut({ ...good(), overlay: { peers: [b.asPeer(), stranger] } }, 60);
      expect((await trialOver()).outcomes).toEqual(['confirmed', 'reverted', 'confirmed']);
    });
    await withoutLoss('a trial that takes the peer away again', async () => {
      await a.tryOut({ ...good(), hostname: 'plant-7' }, 60);
      await trialOver();
    });
    expect(await b.host.ping(a.host.addresses.ipv4)).toMatchObject({ received: 3 });
  });
});

describe('a cellular modem', () => {
  const modemOf = async () => {
    const { network } = await a.look();
    return network.interfaces.find(({ name }) => name === 'port4')?.uplink?.modem;
  };

  test('is connected and seen with its operator and its signal', async () => {
    const seen = await waitUntil('the modem is connected', modemOf, (found) => found?.connected === true);
    expect(seen).toEqual({
      ...{ device: 'answers', sim: 'ready', registration: 'home', operator: 'Testnet', signalDbm: -73 },
      ...{ connected: true, problem: null },
    });
    const address = () => a.run('ip -o -4 address show dev wwan0');
    await waitUntil('it has the address', address, (text) => text.includes(`${third}/30`));
  });

  test('carries the tunnel when both cables are out', async () => {
    await underTraffic('over to a modem', async () => {
      await guest.provider.run('ip link set to-a2 down; ip link set to-a down');
      await movedTo(third);
    });
    await guest.provider.run('ip link set to-a2 up; ip link set to-a up');
  });

  test('that loses its network is no way out any more, until it has found it again', async () => {
    modem.world.registration = 2;
    modem.deactivate();
    const lost = await waitUntil('the modem is lost', modemOf, (found) => found?.connected === false);
    expect(lost).toMatchObject({ registration: 'searching', problem: 'no network takes the modem in' });
    const address = () => a.run('ip -o -4 address show dev wwan0');
    await waitUntil('its address is gone', address, (text) => text === '');
    modem.world.registration = 5;
    const found = await waitUntil('the modem is back', modemOf, (seen) => seen?.connected === true);
    expect(found).toMatchObject({ registration: 'roaming' });
  });
});

describe('a clock that jumps', () => {
  const tenYears = 10 * 365 * 86_400_000;

  test.each([
    ['ahead', tenYears, 'behind'],
    ['back', -tenYears, 'ahead'],
  ])('%s by ten years, as a time server says: what is under way goes on', async (_, aheadMs, was) => {
    const server = guest.provider.program('time', String(aheadMs));
    await waitUntil(
      'time is served',
      async () => server.output,
      (output) => output.includes('serving'),
    );
    await underTraffic(`a clock that was ten years ${was}`, async () => {
      await a.tryOut(good({ ntp: { servers: ['10.99.1.1'] } }), 60);
      await waitUntil(
        'the clock is set',
        async () => a.log,
        (log) => new RegExp(`the clock was 3153\\d{5}\\.\\d{3} s ${was} and has been set`).test(log),
      );
    });
    await trialOver();
    await a.tryOut(good(), 60);
    await trialOver();
    await server.kill();
    expect(await b.host.ping(a.host.addresses.ipv4)).toMatchObject({ received: 3 });
  });
});

import { randomBytes } from 'node:crypto';
import { SocketAddress } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseAddressRange } from '../../firmware/policy/address-line.ts';
import { renderLanGuard } from '../../firmware/policy/lan-guard.ts';
import { limits } from '../../firmware/policy/limits.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { arp, dhcpDiscover, ethernet, etherTypes, neighbourMessage } from '../system/frames.ts';
import { type Conversation, eventScript, eventually, Laboratory, missingForNamespaces } from './namespace.ts';
import type { DaemonAnswer, DaemonInput } from './namespace-daemon.ts';
import type { FramesAnswer, FramesRequest } from './namespace-frames.ts';

// Namespaces and programs take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const missing = missingForNamespaces();
const press = { mac: '02:00:00:00:00:50', ipv4: '192.168.1.50', ipv6: '2001:db8:1::50' };
const gateway = { ipv4: '192.168.1.1', ipv6: '2001:db8:1::1' };

const octetsOf = (mac: string) => Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16));
const everybody = new Uint8Array(6).fill(0xff);
const evil = octetsOf('02:00:00:00:66:66');
const anyMac = () => Uint8Array.of(0x02, ...randomBytes(5));
const anyHost = () =>
  `2001:db8:1::${randomBytes(6)
    .toString('hex')
    .replaceAll(/(....)(?=.)/g, '$1:')}`;

/** An address as the system writes it. */
const asWritten = (address: string) => new SocketAddress({ family: 'ipv6', address }).address;

/** A LAN of three ports: the gateway's, a device that the settings know, and one that does what it likes. */
describe.skipIf(missing !== null)(
  `a hostile device on the LAN${missing === null ? '' : ` (${missing})`}`,
  () => {
    let lab: Laboratory;
    let box: Conversation;
    let device: Conversation;
    let gatewayMac: Uint8Array;

    beforeAll(async () => {
      lab = new Laboratory();
      await lab.namespaces('box', 'host', 'device');
      await lab.cable('box:eth0', 'device:uplink');
      await lab.cable('box:eth1', 'host:eth0');
      await lab.cable('box:eth2', 'device:eth0');
      await lab.ip('device', 'link set eth0 up');
      await lab.ip('host', `link set eth0 address ${press.mac}`);
      await lab.ip('host', 'link set eth0 up');
      await lab.ip('host', `address add ${press.ipv4}/24 dev eth0`);
      await lab.ip('host', `address add ${press.ipv6}/64 dev eth0 nodad`);
      const nic = (kernelName: string) => ({
        ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
      });
      const input: DaemonInput = {
        settings: {
          ...defaultSettings.network,
          ports: { port3: 'lan' },
          underlay: { ipv4: { address: '10.0.0.2/24', dns: [] }, ipv6: 'off' },
          lan: {
            ...{ address: `${gateway.ipv4}/24`, dhcpServer: true, ipv6: `${gateway.ipv6}/64` },
            reservations: [{ mac: press.mac, address: press.ipv4, name: 'press' }],
          },
        },
        ...{ nics: ['eth0', 'eth1', 'eth2'].map(nic), claimed: true },
        ...{ runFolder: `${lab.folder}/run`, script: eventScript },
      };
      box = lab.converse('box', './namespace-daemon.ts', [JSON.stringify(input)]);
      expect((await box.next<DaemonAnswer>()).status).toMatchObject({ state: 'applied', detail: null });
      const ranges = [press.ipv4, press.ipv6].flatMap((text) => parseAddressRange(text) ?? []);
      const guard = renderLanGuard([{ mac: press.mac, ranges }], ['br-lan']);
      expect(await lab.run('box', '/usr/sbin/nft', ['-f', '-'], guard)).toMatchObject({ status: 0 });
      device = lab.converse('device', './namespace-frames.ts');
      const [bridge] = JSON.parse(await lab.ip('box', '-j link show br-lan')) as { address: string }[];
      gatewayMac = octetsOf(bridge?.address ?? '');
    });
    afterAll(() => lab?.[Symbol.asyncDispose]());

    async function send(frames: readonly Uint8Array[]): Promise<void> {
      const encoded = frames.map((frame) => Buffer.from(frame).toString('base64'));
      device.send({ link: 'eth0', frames: encoded } satisfies FramesRequest);
      expect(await device.next<FramesAnswer>(() => true, 30_000)).toEqual({ sent: frames.length });
    }
    /** How many of these addresses the box remembers. */
    async function remembered(addresses: ReadonlySet<string>): Promise<number> {
      const lines = (await lab.ip('box', 'neigh show dev br-lan')).split('\n');
      return lines.filter((line) => addresses.has(line.slice(0, line.indexOf(' ')))).length;
    }
    const macOf = async (address: string) =>
      /lladdr (\S+)/.exec(await lab.ip('box', `neigh show ${address} dev br-lan`))?.[1];
    /** Packets that were one too many. */
    async function refused(): Promise<number> {
      const { stdout } = await lab.run('box', '/usr/sbin/nft', ['list', 'ruleset']);
      const counts = stdout.matchAll(/counter packets (\d+) bytes \d+ drop comment "too many ask"/g);
      return [...counts].reduce((sum, [, packets]) => sum + Number(packets), 0);
    }
    const askedByPress = async () =>
      (await lab.pings('host', gateway.ipv4)) && (await lab.pings('host', gateway.ipv6));

    test('that says it has another’s address, by ARP and neighbour discovery, is not believed', async () => {
      expect(await eventually(askedByPress, (isHeard) => isHeard)).toBe(true);
      expect([await macOf(press.ipv4), await macOf(press.ipv6)]).toEqual([press.mac, press.mac]);
      const box4 = { mac: gatewayMac, address: gateway.ipv4 };
      const box6 = { mac: gatewayMac, address: gateway.ipv6 };
      const lie = (operation: 'request' | 'reply') =>
        ethernet(everybody, evil, etherTypes.arp, arp(operation, { mac: evil, address: press.ipv4 }, box4));
      const lies = [
        ...[lie('request'), lie('reply')],
        neighbourMessage('solicit', { mac: evil, address: press.ipv6 }, box6),
        neighbourMessage('advertise', { mac: evil, address: press.ipv6 }, box6),
      ];
      await send(Array.from({ length: 50 }, () => lies).flat());
      expect([await macOf(press.ipv4), await macOf(press.ipv6)]).toEqual([press.mac, press.mac]);
      expect(await askedByPress()).toBe(true);
      // Its own address it may have.
      const own = { mac: evil, address: '192.168.1.66' };
      await send([ethernet(everybody, evil, etherTypes.arp, arp('request', own, box4))]);
      expect(await macOf(own.address)).toBe('02:00:00:00:66:66');
    });

    test('that is ever another one fills no memory, and whom the settings know is heard meanwhile', async () => {
      const receiver = { mac: gatewayMac, address: gateway.ipv6 };
      const hosts = Array.from({ length: 5000 }, anyHost);
      const counted = await refused();
      await send(hosts.map((address) => neighbourMessage('solicit', { mac: anyMac(), address }, receiver)));
      const kept = await remembered(new Set(hosts.map(asWritten)));
      const gone = (await refused()) - counted;
      expect(gone).toBeGreaterThan(3000);
      expect(kept).toBeGreaterThan(limits.unknownNeighbourRate);
      expect(kept).toBeLessThanOrEqual(5000 - gone);
      await lab.ip('host', 'neigh flush dev eth0');
      await lab.ip('box', 'neigh flush dev br-lan');
      expect(await askedByPress()).toBe(true);
    });

    test('that asks too often under one name leaves the allowance to others', async () => {
      const box4 = { mac: gatewayMac, address: gateway.ipv4 };
      const question = (mac: Uint8Array, host: number) =>
        ethernet(everybody, mac, etherTypes.arp, arp('request', { mac, address: `192.168.1.${host}` }, box4));
      await send(Array.from({ length: 5000 }, (_, index) => question(evil, 60 + (index % 40))));
      const visitor = octetsOf('02:00:00:00:00:77');
      await send([question(visitor, 200)]);
      expect(await macOf('192.168.1.200')).toBe('02:00:00:00:00:77');
    });

    test('that wants all addresses gets none that is kept, and writes over no log', async () => {
      const said = box.log.length;
      const counted = await refused();
      await send(Array.from({ length: 3000 }, () => dhcpDiscover(anyMac())));
      await lab.ip('host', `address delete ${press.ipv4}/24 dev eth0`);
      const ask = ['udhcpc', '-f', '-q', '-n', '-i', 'eth0', '-t', '8', '-T', '1', '-s', '/bin/true'];
      const { stderr } = await lab.run('host', '/bin/busybox', ask);
      expect(stderr).toContain(`lease of ${press.ipv4} obtained`);
      expect(await refused()).toBeGreaterThan(counted + 1500);
      expect(box.log.slice(said)).not.toMatch(/DHCPDISCOVER/);
    });
  },
);

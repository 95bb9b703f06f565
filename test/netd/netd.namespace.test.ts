import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { parseLease } from '../../firmware/netd/lease.ts';
import type { Nic } from '../../firmware/netd/ports.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { status } from '../../firmware/webui/api/status-schema.ts';
import { type Conversation, eventScript, eventually, Laboratory, missingForNamespaces } from './namespace.ts';
import type { DaemonAnswer, DaemonInput, DaemonRequest } from './namespace-daemon.ts';

// Namespaces, programs and silences take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const missing = missingForNamespaces();
const settings = defaultSettings.network;

function nic(kernelName: string): Nic {
  return { kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' };
}

/** A DHCP server at the far end of a cable. */
function dhcpServer(lab: Laboratory, namespace: string, link: string, lines: readonly string[]): void {
  const own = `${lab.folder}/${namespace}`;
  const configuration = [`interface ${link}`, `lease_file ${own}.leases`, `pidfile ${own}.pid`, ...lines, ''];
  writeFileSync(`${own}.conf`, configuration.join('\n'));
  lab.service(namespace, '/bin/busybox', ['udhcpd', '-f', `${own}.conf`]);
}

const leased = '10.0.0.55';

/** A provider on the far end of `box:eth0`. It knows the box, and so leases without first probing the address for 2 s. */
async function provider(lab: Laboratory, extra: readonly string[] = []): Promise<void> {
  await lab.namespaces('provider');
  await lab.cable('box:eth0', 'provider:wan');
  await lab.ip('box', 'link set eth0 address 02:00:00:00:00:01');
  await lab.ip('provider', 'address add 10.0.0.1/24 dev wan');
  await lab.ip('provider', 'link set wan up');
  dhcpServer(lab, 'provider', 'wan', [
    ...['start 10.0.0.50', 'end 10.0.0.60', `static_lease 02:00:00:00:00:01 ${leased}`],
    ...['option subnet 255.255.255.0', ...extra],
  ]);
}

function daemon(lab: Laboratory, nics: readonly string[], change: Partial<DaemonInput> = {}): Conversation {
  const input: DaemonInput = {
    settings,
    nics: nics.map(nic),
    claimed: true,
    runFolder: `${lab.folder}/run`,
    script: eventScript,
    ...change,
  };
  return lab.converse('box', './namespace-daemon.ts', [JSON.stringify(input)]);
}

async function tell(conversation: Conversation, request: DaemonRequest): Promise<DaemonAnswer> {
  conversation.send(request);
  return await conversation.next<DaemonAnswer>(({ event }) => event === 'done');
}

const hasAddress = (address: string) => (answer: DaemonAnswer) =>
  answer.uplinks.some((uplink) => uplink.address === address);

describe.skipIf(missing !== null)(
  `startNetwork in a network namespace${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('a LAN client gets a lease and pings the gateway while the underlay has no cable', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box', 'client');
      await lab.cable('box:eth0', 'client:unplugged');
      await lab.cable('box:eth1', 'client:eth0');
      await lab.ip('client', 'link set eth0 up');
      const box = daemon(lab, ['eth0', 'eth1']);
      const started = await box.next<DaemonAnswer>();
      expect(started.status).toMatchObject({ state: 'applied', detail: null });
      expect(started.uplinks).toEqual([]);
      const bridge = started.status.interfaces.find(({ name }) => name === 'br-lan');
      expect(bridge).toMatchObject({ role: 'lan', kernelName: 'br-lan' });
      expect(bridge?.addresses).toContain('192.168.1.1/24');

      // The client's own script writes what it was given; nothing configures the client but this test.
      const given = await lab.run('client', '/bin/busybox', [
        ...[
          'env',
          `HITHE_DHCP_FOLDER=${lab.folder}`,
          '/bin/busybox',
          'udhcpc',
          '-f',
          '-q',
          '-n',
          '-i',
          'eth0',
        ],
        ...['-t', '8', '-T', '1', '-s', eventScript],
      ]);
      expect(given.status, given.stderr).toBe(0);
      const heard = parseLease(readFileSync(`${lab.folder}/eth0.lease`, 'utf8'));
      if (!heard.ok || heard.value.event !== 'bound') throw new Error('the client has no lease');
      expect(heard.value.lease.address).toMatch(/^192\.168\.1\.(1\d\d|2[0-4]\d)\/24$/);
      expect(heard.value.lease.routes).toEqual([{ destination: 'default', gateway: '192.168.1.1' }]);
      await lab.ip('client', `address add ${heard.value.lease.address} dev eth0`);
      expect(await lab.pings('client', '192.168.1.1')).toBe(true);
      await box.close();
      expect(await lab.ip('box', 'address show dev br-lan')).toContain('192.168.1.1/24');
    });

    test('a lease on the underlay becomes address, route, MTU and name server, and is announced', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box');
      await provider(lab, ['option router 10.0.0.1', 'option dns 10.0.0.1 10.0.0.3', 'option mtu 1400']);
      const box = daemon(lab, ['eth0']);
      expect((await box.next<DaemonAnswer>()).event).toBe('started');
      const changed = await box.next<DaemonAnswer>(
        ({ event, uplinks }) => event === 'changed' && uplinks.length > 0,
      );
      const [uplink] = changed.uplinks;
      expect(uplink).toMatchObject({ link: 'eth0', family: 4, prefixLength: 24 });
      expect(uplink?.address).toMatch(/^10\.0\.0\.(5\d|60)$/);

      expect(await lab.ip('box', 'route show default')).toContain(
        'default via 10.0.0.1 dev eth0 proto 72 metric 100',
      );
      expect(await lab.ip('box', 'link show dev eth0')).toContain('mtu 1400');
      expect(readFileSync(`${lab.folder}/run/resolv.conf`, 'utf8')).toBe(
        'nameserver 10.0.0.1\nnameserver 10.0.0.3\n',
      );
      const { status: shown } = await tell(box, { do: 'refresh' });
      expect(status.shape.network.parse(shown)).toEqual(shown);
      expect(shown.interfaces[0]).toMatchObject({
        name: 'port1',
        role: 'underlay',
        link: 'up',
        driver: 'veth',
      });
      expect(shown.interfaces[0]?.receivedBytes).toBeGreaterThan(0);
    });

    test('a restarted runtime has the lease from before at once, and the address never went away', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box');
      await provider(lab, ['option router 10.0.0.1']);
      const before = daemon(lab, ['eth0']);
      const { uplinks } = await before.next<DaemonAnswer>((answer) => answer.uplinks.length > 0);
      await before.close();
      const monitored = lab.monitor('box', ['-4', '-o', 'monitor', 'address']);
      const after = daemon(lab, ['eth0']);
      expect((await after.next<DaemonAnswer>()).uplinks).toEqual(uplinks);
      // Its client says that it has nothing, then asks and gets the same lease again.
      await eventually(
        () => Promise.resolve(readFileSync(`${lab.folder}/run/dhcp/eth0.lease`, 'utf8')),
        (text) => text.startsWith('event=bound'),
      );
      await tell(after, { do: 'refresh' });
      expect(monitored()).not.toContain('Deleted');
    });

    test('an address that the kernel makes is announced within the second; one that nobody wants is removed', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box', 'provider');
      await lab.cable('box:eth0', 'provider:wan');
      await lab.ip('provider', 'link set wan up');
      const fixed: NetworkSettings = {
        ...settings,
        underlay: { ipv4: { address: '10.0.0.2/24', gateway: '10.0.0.1', dns: [] }, ipv6: 'auto' },
      };
      const box = daemon(lab, ['eth0'], { settings: fixed });
      await box.next<DaemonAnswer>(hasAddress('10.0.0.2'));
      await lab.ip('box', 'address add 2001:db8::5/64 dev eth0 nodad');
      expect((await box.next<DaemonAnswer>(hasAddress('2001:db8::5'))).uplinks).toHaveLength(2);
      await lab.ip('box', 'address add 10.0.0.99/24 dev eth0');
      const look = () => lab.ip('box', '-4 address show dev eth0');
      expect(await eventually(look, (text) => !text.includes('10.0.0.99'))).not.toContain('10.0.0.99');
      await lab.ip('box', 'address delete 10.0.0.2/24 dev eth0');
      expect(await eventually(look, (text) => text.includes('10.0.0.2/24'))).toContain('10.0.0.2/24');
      const route = () => lab.ip('box', 'route show default');
      expect(await eventually(route, (text) => text !== '')).toContain('via 10.0.0.1');
    });

    test('a new LAN address and a new port are taken without a bounce of the others', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box', 'lan');
      for (const name of ['eth0', 'eth1', 'eth2']) {
        await lab.cable(`box:${name}`, `lan:${name}`);
        await lab.ip('lan', `link set ${name} up`);
      }
      const box = daemon(lab, ['eth0', 'eth1']);
      await box.next<DaemonAnswer>();
      const changes = () => lab.run('box', '/bin/busybox', ['cat', '/sys/class/net/eth1/carrier_changes']);
      const before = await changes();

      const moved = await tell(box, {
        do: 'reconfigure',
        settings: { ...settings, lan: { address: '10.7.0.1/24', dhcpServer: true } },
      });
      expect(moved.status.state).toBe('applied');
      expect(await lab.ip('box', '-4 address show dev br-lan')).toMatch(/inet 10\.7\.0\.1\/24/);
      expect(await lab.ip('box', '-4 address show dev br-lan')).not.toContain('192.168.1.1');
      expect(readFileSync(`${lab.folder}/run/dhcp/dnsmasq.conf`, 'utf8')).toContain('=set:lan,10.7.0.100,');

      const grown = await tell(box, { do: 'nics', nics: ['eth0', 'eth1', 'eth2'].map(nic) });
      expect(grown.status.interfaces.map(({ name, role }) => `${name} ${role}`)).toEqual([
        'port1 underlay',
        'port2 lan',
        'port3 lan',
        'br-lan lan',
      ]);
      expect(await lab.ip('box', 'link show dev eth2')).toContain('master br-lan');
      expect((await changes()).stdout).toBe(before.stdout);
    });

    test('a NIC that is plugged in while the box runs is taken, and one that is pulled out is let go', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box', 'lan');
      for (const name of ['eth0', 'eth1']) await lab.cable(`box:${name}`, `lan:${name}`);
      const mtu = { ...settings, ports: { port3: { mtu: 1400 } } };
      const box = daemon(lab, [], { nics: 'those-there', settings: mtu });
      expect((await box.next<DaemonAnswer>()).status.interfaces.map(({ name }) => name)).toEqual([
        ...['port1', 'port2', 'br-lan'],
      ]);

      // Nobody tells the box: the kernel does.
      await lab.cable('box:eth2', 'lan:eth2');
      await lab.ip('lan', 'link set eth2 up');
      const added = () => lab.ip('box', '-o link show dev eth2');
      expect(await eventually(added, (text) => /master br-lan.*state UP/.test(text))).toMatch(
        /mtu 1400 .*master br-lan.*state UP/,
      );
      await lab.ip('lan', 'address add 192.168.1.9/24 dev eth2');
      expect(await lab.pings('lan', '192.168.1.1')).toBe(true);

      await lab.ip('lan', 'link delete eth2');
      const shown = async () => (await tell(box, { do: 'refresh' })).status;
      const gone = await eventually(shown, ({ interfaces }) => interfaces.length === 3);
      expect(gone.interfaces.map(({ name }) => name)).toEqual(['port1', 'port2', 'br-lan']);
      expect(gone).toMatchObject({ state: 'applied', detail: null });
    });

    test('the page of a box with one port is open on the underlay until it is claimed', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box');
      await provider(lab);
      const box = daemon(lab, ['eth0'], { claimed: false });
      await box.next<DaemonAnswer>(hasAddress(leased));
      await lab.probe('box', { do: 'listen-tcp', port: 443 });
      expect(await lab.probe('provider', { do: 'connect-tcp', host: leased, port: 443 })).toBe('open');
      await tell(box, { do: 'claimed', claimed: true });
      expect(await lab.probe('provider', { do: 'connect-tcp', host: leased, port: 443 })).toBe('silent');
    });

    test('without a ruleset the LAN comes up, the underlay stays down, and the status says why', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box', 'far');
      for (const name of ['eth0', 'eth1']) await lab.cable(`box:${name}`, `far:${name}`);
      const box = daemon(lab, ['eth0', 'eth1'], { nftBroken: true });
      const { status: shown } = await box.next<DaemonAnswer>();
      expect(shown.state).toBe('failed');
      expect(shown.detail).toMatch(/^nft refused the ruleset/);
      expect(await lab.ip('box', '-o link show dev eth0')).not.toMatch(/[<,]UP[,>]/);
      expect(await lab.ip('box', '-o -4 address show dev br-lan')).toContain('192.168.1.1/24');
      const { status: mended } = await tell(box, { do: 'mend-nft' });
      expect(mended).toMatchObject({ state: 'applied', detail: null });
      expect(await lab.ip('box', '-o link show dev eth0')).toMatch(/[<,]UP[,>]/);
    });
  },
);

import { describe, expect, test, vi } from 'vitest';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { type Conversation, eventScript, eventually, Laboratory, missingForNamespaces } from './namespace.ts';
import type { DaemonAnswer, DaemonInput, DaemonRequest } from './namespace-daemon.ts';

// Namespaces, programs and silences take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const missing = missingForNamespaces();

const settings: NetworkSettings = {
  ...defaultSettings.network,
  underlay: { ipv4: { address: '10.0.0.2/24', gateway: '10.0.0.1', dns: ['10.0.0.1'] }, ipv6: 'off' },
  lan: {
    ...{ address: '192.168.1.1/24', dhcpServer: true, ipv6: '2001:db8:1::1/64', outside: '10.77.1.0/24' },
    reservations: [{ mac: '02:00:00:00:00:50', address: '192.168.1.50', name: 'press' }],
  },
  networks: {
    guest: { ports: ['port3'], address: '10.10.0.1/24', dhcpServer: true, internet: true },
  },
  routes: [{ destination: '10.99.0.0/16', gateway: '192.168.1.50' }],
  dns: { forward: true },
};

/**
 * provider ── box:eth0 (underlay)     box:eth1 (LAN), box:eth2 (guest) ── host
 *             box:hip0, here a cable ── far, where a peer's LAN would be
 */
async function site(lab: Laboratory): Promise<Conversation> {
  await lab.namespaces('box', 'provider', 'host', 'far');
  await lab.cable('box:eth0', 'provider:wan');
  await lab.cable('box:eth1', 'host:eth0');
  await lab.cable('box:eth2', 'host:eth1');
  await lab.cable('box:hip0', 'far:eth0');
  const commands = [
    ['provider', 'link set wan up', 'address add 10.0.0.1/24 dev wan'],
    ['host', 'link set eth0 address 02:00:00:00:00:50', 'link set eth0 up'],
    ['host', 'link set eth1 up'],
    ['box', 'link set hip0 up', 'address add 192.168.20.1/24 dev hip0'],
    ['far', 'link set eth0 up', 'address add 192.168.20.5/24 dev eth0'],
    ['far', 'route add default via 192.168.20.1'],
  ] as const;
  for (const [namespace, ...words] of commands) for (const word of words) await lab.ip(namespace, word);
  const nic = (kernelName: string) => ({
    ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
  });
  const input: DaemonInput = {
    ...{ settings, nics: ['eth0', 'eth1', 'eth2'].map(nic), claimed: true },
    ...{ runFolder: `${lab.folder}/run`, script: eventScript },
  };
  const box = lab.converse('box', './namespace-daemon.ts', [JSON.stringify(input)]);
  const started = await box.next<DaemonAnswer>();
  expect(started.status).toMatchObject({ state: 'applied', detail: null });
  return box;
}

async function tell(box: Conversation, request: DaemonRequest): Promise<DaemonAnswer> {
  box.send(request);
  return await box.next<DaemonAnswer>(({ event }) => event === 'done');
}

/** A lease by busybox's client, set by hand. Returns the address. */
async function lease(lab: Laboratory, link: string, gateway: string): Promise<string> {
  const ask = ['udhcpc', '-f', '-q', '-n', '-i', link, '-t', '8', '-T', '1', '-s', eventScript];
  const given = await lab.run('host', '/bin/busybox', [
    ...['env', `HITHE_DHCP_FOLDER=${lab.folder}`, '/bin/busybox', ...ask],
  ]);
  expect(given.status, given.stderr).toBe(0);
  const text = await lab.run('host', '/bin/busybox', ['cat', `${lab.folder}/${link}.lease`]);
  const address = /^ip=(.*)$/m.exec(text.stdout)?.[1] ?? '';
  expect(text.stdout).toContain(`router=${gateway}\n`);
  expect(text.stdout).toContain(`dns=${gateway}\n`);
  await lab.ip('host', `address add ${address}/24 dev ${link}`);
  return address;
}

async function resolved(lab: Laboratory, name: string, server: string): Promise<string> {
  const { stdout, stderr } = await lab.run('host', '/bin/busybox', ['nslookup', name, server]);
  return stdout + stderr;
}

describe.skipIf(missing !== null)(
  `networks of hosts in a network namespace${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('hosts get the address kept for them, names, and an IPv6 prefix; each network its own', async () => {
      await using lab = new Laboratory();
      const box = await site(lab);
      expect(await lease(lab, 'eth0', '192.168.1.1')).toBe('192.168.1.50');
      expect(await lease(lab, 'eth1', '10.10.0.1')).toMatch(/^10\.10\.0\.(1\d\d|2[0-4]\d)$/);
      expect(await lab.pings('host', '10.10.0.1')).toBe(true);

      // Names: of the gateway, of a host by its lease, and of the world by asking the provider's server.
      expect(await resolved(lab, 'gateway.lan', '192.168.1.1')).toContain('192.168.1.1');
      expect(await resolved(lab, 'press.lan', '10.10.0.1')).toContain('192.168.1.50');
      lab.service('provider', '/usr/sbin/dnsmasq', [
        ...['--keep-in-foreground', '--conf-file=/dev/null', '--no-hosts', '--no-resolv', '--pid-file='],
        ...['--address=/example.com/203.0.113.7', '--user=root'],
      ]);
      const world = () => resolved(lab, 'example.com', '192.168.1.1');
      expect(await eventually(world, (text) => text.includes('203.0.113.7'))).toContain('203.0.113.7');

      const own = () => lab.ip('host', '-6 address show dev eth0 scope global');
      expect(await eventually(own, (text) => text.includes('2001:db8:1:'))).toContain('2001:db8:1:');
      expect(await lab.ip('box', 'route show 10.99.0.0/16')).toContain('via 192.168.1.50 dev br-lan');

      // Without forwarding, names of the world are refused and those of the hosts still answered.
      await tell(box, { do: 'reconfigure', settings: { ...settings, dns: { forward: false } } });
      const refused = await eventually(world, (text) => /REFUSED/i.test(text));
      expect(refused).toMatch(/REFUSED/i);
      expect(await resolved(lab, 'press.lan', '192.168.1.1')).toContain('192.168.1.50');
    });

    test('one to one: a peer sees the LAN under other addresses, both ways', async () => {
      await using lab = new Laboratory();
      await site(lab);
      await lab.ip('host', 'address add 192.168.1.50/24 dev eth0');
      await lab.ip('host', 'route add 192.168.20.0/24 via 192.168.1.1');
      // What the policy has let through carries a rule's number.
      await lab.run('box', '/usr/sbin/nft', ['-f', '-'], allowAll);
      await lab.probe('host', { do: 'listen-tcp', port: 502 });
      await lab.probe('far', { do: 'listen-tcp', port: 502 });
      const tcp = (from: string, host: string) => lab.probe(from, { do: 'connect-tcp', host, port: 502 });
      expect(await tcp('far', '10.77.1.50')).toBe('open');
      lab.service('host', '/bin/busybox', ['nc', '192.168.20.5', '502']);
      const sockets = async () => (await lab.run('far', '/bin/ss', ['-tn', 'sport = :502'])).stdout;
      expect(await eventually(sockets, (text) => text.includes('ESTAB'))).toContain('10.77.1.50');
    });

    test('only a network that may reaches the underlay, under the gateway’s address', async () => {
      await using lab = new Laboratory();
      await site(lab);
      await lab.ip('host', 'address add 192.168.1.50/24 dev eth0');
      await lab.ip('host', 'address add 10.10.0.50/24 dev eth1');
      await lab.probe('provider', { do: 'listen-tcp', port: 502 });
      const tcp = () => lab.probe('host', { do: 'connect-tcp', host: '10.0.0.1', port: 502 });
      await lab.ip('host', 'route add default via 192.168.1.1');
      expect(await tcp()).toBe('unreachable');
      await lab.ip('host', 'route replace default via 10.10.0.1');
      // The provider has no route back to 10.10.0.0/24: an answer comes only to the gateway's own address.
      expect(await tcp()).toBe('open');
    });
  },
);

const allowAll = `table inet test {
  chain before { type filter hook forward priority -10; policy accept; ct mark set 1; }
}
`;

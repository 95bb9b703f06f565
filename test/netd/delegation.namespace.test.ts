import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { unpackGuestParts } from '../../image-builder/build.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import {
  type Conversation,
  event6Script,
  eventScript,
  eventually,
  Laboratory,
  missingForNamespaces,
} from './namespace.ts';
import type { DaemonAnswer, DaemonInput } from './namespace-daemon.ts';

// A prefix runs out within 10 s.
vi.setConfig({ testTimeout: 120_000 });

const missing = missingForNamespaces();
const { underlay, lan } = defaultSettings.network;
const settings: NetworkSettings = {
  ...defaultSettings.network,
  underlay: { ...underlay, ipv6: 'auto', dhcpv6: true },
  lan: { ...lan, delegated: 3, internet: true },
};
const boxMac = '02:00:00:00:00:01';
/** What the kernel makes of the MAC (RFC 4291, appendix A). */
const boxLinkLocal = 'fe80::ff:fe00:1';

/** The image's client and a server, with the libraries of the image's suite: this machine need not have them. */
type Programs = { readonly dhcpcd: string[]; readonly dhcp6s: string[] };

async function programs(): Promise<Programs> {
  const { packagesFolder, labFolder } = await unpackGuestParts(stderrProgress('packages'));
  const of = (folder: string, path: string) => [
    join(folder, 'usr/lib64/ld-linux-x86-64.so.2'),
    ...['--library-path', join(folder, 'usr/lib/x86_64-linux-gnu'), join(folder, path)],
  ];
  return { dhcpcd: of(packagesFolder, 'usr/sbin/dhcpcd'), dhcp6s: of(labFolder, 'usr/sbin/dhcp6s') };
}

/** What it remembers of earlier leases is the namespace's own, which `ip netns exec` gives mounts of its own. */
function withOwnState(folder: string, name: string, program: readonly string[]): string[] {
  const script = `mount -t tmpfs none /var/lib && mkdir -p ${folder} && exec "$@"`;
  return ['/bin/busybox', 'sh', '-c', script, name, ...program];
}

/** provider:wan ── box:eth0    box:eth1 (LAN) ── host. The provider delegates a prefix for 10 s, and goes on doing so. */
async function site(lab: Laboratory, { dhcpcd, dhcp6s }: Programs): Promise<Conversation> {
  await lab.namespaces('box', 'provider', 'host');
  await lab.cable('box:eth0', 'provider:wan');
  await lab.cable('box:eth1', 'host:eth0');
  for (const [namespace, words] of [
    ['box', `link set eth0 address ${boxMac}`],
    ['provider', 'link set wan up'],
    ['provider', 'address add 2001:db8:1::1/64 dev wan nodad'],
    ['provider', 'address add 2001:db8:9::1/128 dev lo'],
    ['provider', `route add 2001:db8:ff00::/56 via ${boxLinkLocal} dev wan`],
    ['host', 'link set eth0 up'],
  ] as const)
    await lab.ip(namespace, words);
  await lab.run('provider', '/bin/busybox', ['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding']);
  lab.service('provider', '/usr/sbin/dnsmasq', [
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--pid-file=', '--user=root'],
    ...['--enable-ra', '--ra-param=wan,4,1800', '--dhcp-range=2001:db8:1::,ra-only,64,3600'],
  ]);
  const given = 'address 2001:db8:1::1000 3600 7200; prefix 2001:db8:ff00::/56 5 10;';
  const configuration = `host box { duid 00:03:00:01:${boxMac}; ${given} };\n`;
  writeFileSync(join(lab.folder, 'dhcp6s.conf'), configuration);
  const [shell = '', ...args] = withOwnState('/var/lib/dhcpv6', 'dhcp6s', dhcp6s);
  lab.service('provider', shell, [
    ...args,
    ...['-f', '-c', join(lab.folder, 'dhcp6s.conf'), '-P', join(lab.folder, 'dhcp6s.pid'), 'wan'],
  ]);
  const nic = (kernelName: string) => ({
    ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
  });
  const input: DaemonInput = {
    ...{ settings, nics: [nic('eth0'), nic('eth1')], claimed: true },
    ...{ runFolder: `${lab.folder}/run`, script: eventScript, script6: event6Script },
    programs: { '/usr/sbin/dhcpcd': withOwnState('/var/lib/dhcpcd', 'dhcpcd', dhcpcd) },
  };
  const box = lab.converse('box', './namespace-daemon.ts', [JSON.stringify(input)]);
  expect((await box.next<DaemonAnswer>()).status).toMatchObject({ state: 'applied', detail: null });
  return box;
}

describe.skipIf(missing !== null)(
  `a delegated prefix in a network namespace${missing === null ? '' : ` (${missing})`}`,
  () => {
    let found: Programs;
    beforeAll(async () => {
      found = await programs();
    });

    test('goes to hosts, who reach the world by it; and goes when the provider gives it no more', async () => {
      await using lab = new Laboratory();
      const box = await site(lab, found);
      const on = (namespace: string, link: string) =>
        lab.ip(namespace, `-6 -o address show dev ${link} scope global`);
      const bridge = await eventually(
        () => on('box', 'br-lan'),
        (text) => text.includes('2001:db8:ff00:'),
        20_000,
      );
      expect(bridge, box.log).toContain('2001:db8:ff00:3::1/64');
      expect(await on('box', 'eth0')).toContain('2001:db8:1::1000/128');
      const own = await eventually(
        () => on('host', 'eth0'),
        (text) => text.includes('2001:db8:ff00:3:') && !text.includes('tentative'),
        20_000,
      );
      expect(own).toContain('2001:db8:ff00:3:');
      box.send({ do: 'refresh' });
      const { status } = await box.next<DaemonAnswer>(({ event }) => event === 'done');
      expect(status.interfaces[0]?.uplink?.delegated).toBe('2001:db8:ff00::/56');

      // Into the world and back, under the host's own address; under one that is not the network's, not.
      const pings = async (...from: string[]) => {
        const args = ['ping', '-6', '-c', '1', '-W', '1', ...from, '2001:db8:9::1'];
        return (await lab.run('host', '/bin/busybox', args)).status === 0;
      };
      expect(await eventually(() => pings(), Boolean, 10_000)).toBe(true);
      await lab.ip('host', 'address add 2001:db8:ff00:4::5/128 dev eth0 nodad');
      expect(await pings('-I', '2001:db8:ff00:4::5')).toBe(false);

      // Renewed after 2.5 s and again, it is there when its first 10 s are over.
      await new Promise((resolve) => setTimeout(resolve, 11_000));
      expect(await on('box', 'br-lan')).toContain('2001:db8:ff00:3::1/64');

      await lab.run('provider', '/bin/busybox', ['sh', '-c', `kill $(cat ${lab.folder}/dhcp6s.pid)`]);
      const left = await eventually(
        () => on('box', 'br-lan'),
        (text) => !text.includes('2001:db8'),
        30_000,
      );
      expect(left).not.toContain('2001:db8');
      // Hosts are told not to begin anything under it any more.
      const deprecated = await eventually(
        () => on('host', 'eth0'),
        (text) => /2001:db8:ff00:3:\S+ .*deprecated/.test(text),
        15_000,
      );
      expect(deprecated).toMatch(/2001:db8:ff00:3:\S+ .*deprecated/);
    });

    test('is given back to nobody when it is not wanted any more: client and addresses are gone', async () => {
      await using lab = new Laboratory();
      const box = await site(lab, found);
      const addresses = () => lab.ip('box', '-6 -o address show scope global');
      const given = await eventually(addresses, (text) => text.includes('2001:db8:ff00:3::1/64'), 20_000);
      expect(given).toContain('2001:db8:1::1000/128');
      const { dhcpv6: _, ...without } = settings.underlay;
      box.send({ do: 'reconfigure', settings: { ...settings, underlay: without, lan } });
      await box.next<DaemonAnswer>(({ event }) => event === 'done');
      const after = await addresses();
      expect(after).not.toMatch(/ff00|1000\/128/);
      const { stdout } = await lab.run('box', '/bin/ss', ['-H', '-u', '-6', '-n', '-a', 'sport = :546']);
      expect(stdout).toBe('');
    });
  },
);

import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { eventScript, eventually, Laboratory, missingForNamespaces } from './namespace.ts';
import type { DaemonAnswer, DaemonInput } from './namespace-daemon.ts';
import type { TimeTold } from './namespace-time.ts';

// A server that did not answer at once is asked again after 16 s.
vi.setConfig({ testTimeout: 90_000 });

const missing = missingForNamespaces();
const settings: NetworkSettings = {
  ...defaultSettings.network,
  underlay: { ipv4: { address: '10.0.0.2/24', gateway: '10.0.0.1', dns: [] }, ipv6: 'off' },
  lan: { address: '192.168.1.1/24', dhcpServer: true, ipv6: 'fd00:1::1/64', ntpServer: true },
  networks: { guest: { ports: ['port3'], address: '10.10.0.1/24', dhcpServer: true } },
  ntp: { servers: ['10.0.0.1'] },
};
const nobody: TimeTold = { said: null, off: null };

describe.skipIf(missing !== null)(
  `the time for hosts in a network namespace${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('is told on the LAN, and nowhere else; as unknown once no server keeps it', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box', 'provider', 'host');
      await lab.cable('box:eth0', 'provider:wan');
      await lab.cable('box:eth1', 'host:eth0');
      await lab.cable('box:eth2', 'host:eth1');
      for (const [namespace, words] of [
        ['provider', 'link set wan up'],
        ['provider', 'address add 10.0.0.1/24 dev wan'],
        ['provider', 'route add 192.168.1.0/24 via 10.0.0.2'],
        ['host', 'link set eth0 up'],
        ['host', 'link set eth1 up'],
        ['host', 'address add 10.10.0.5/24 dev eth1'],
      ] as const)
        await lab.ip(namespace, words);
      const script = fileURLToPath(new URL('./namespace-time.ts', import.meta.url));
      lab.service('provider', process.execPath, [script, 'serve']);
      const asked = (server: string, namespace = 'host') =>
        lab.node<TimeTold>(namespace, './namespace-time.ts', server);
      await eventually(
        () => asked('10.0.0.1', 'provider'),
        ({ said }) => said !== null,
      );
      const nic = (kernelName: string) => ({
        ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
      });
      const input: DaemonInput = {
        ...{ settings, nics: ['eth0', 'eth1', 'eth2'].map(nic), claimed: true },
        ...{ runFolder: `${lab.folder}/run`, script: eventScript },
      };
      const box = lab.converse('box', './namespace-daemon.ts', [JSON.stringify(input)]);
      expect((await box.next<DaemonAnswer>()).status).toMatchObject({ state: 'applied', detail: null });

      // Told where to ask by DHCP (option 42).
      const [bound, given] = [join(lab.folder, 'bound'), join(lab.folder, 'given')];
      writeFileSync(bound, `#!/bin/busybox sh\n[ "$1" = bound ] && echo "$ip $ntpsrv" >${given}\nexit 0\n`);
      chmodSync(bound, 0o755);
      const client = ['udhcpc', '-f', '-q', '-n', '-i', 'eth0', '-t', '8', '-T', '1', '-O', 'ntpsrv'];
      const leased = await lab.run('host', '/bin/busybox', [...client, '-s', bound]);
      expect(leased.status, leased.stderr).toBe(0);
      const [address, server] = readFileSync(given, 'utf8').trim().split(' ');
      expect(server).toBe('192.168.1.1');
      await lab.ip('host', `address add ${address}/24 dev eth0`);

      // And by DHCPv6 (options 56 and 31).
      const options = await lab.run('host', process.execPath, [script, 'dhcpv6']);
      const gateway = 'fd000001000000000000000000000001';
      expect(JSON.parse(options.stdout), options.stderr).toMatchObject({
        31: gateway,
        56: `00010010${gateway}`,
      });

      const synchronised = (told: TimeTold) => told.off !== null;
      const told = await eventually(() => asked('192.168.1.1'), synchronised, 40_000);
      // Leap 0, version 4, mode 4; one server further from the clock than the provider's.
      expect(told.said, box.log).toEqual([0x24, 3]);
      expect(told.off).toBeLessThan(1000);
      await lab.ip('host', 'address add fd00:1::5/64 dev eth0 nodad');
      expect(await eventually(() => asked('fd00:1::1'), synchronised)).toMatchObject({ said: [0x24, 3] });

      expect(await asked('10.10.0.1')).toEqual(nobody);
      expect(await asked('10.0.0.2', 'provider')).toEqual(nobody);
      expect(await asked('192.168.1.1', 'provider')).toEqual(nobody);
      const { stdout } = await lab.run('box', '/bin/ss', ['-H', '-u', '-n', '-a', 'sport = :123']);
      const listening = stdout.split('\n').filter(Boolean);
      expect(listening).toHaveLength(2);
      for (const line of listening) expect(line).toContain('%br-lan:123');

      const reconfigure = async (next: NetworkSettings) => {
        box.send({ do: 'reconfigure', settings: next });
        await box.next<DaemonAnswer>(({ event }) => event === 'done');
      };
      await reconfigure({ ...settings, ntp: { servers: ['10.0.0.9'] } });
      expect(await asked('192.168.1.1')).toEqual({ said: [0xe4, 0], off: null });
      await reconfigure({ ...settings, lan: { ...settings.lan, ntpServer: false } });
      expect(await asked('192.168.1.1')).toEqual(nobody);
    });
  },
);

import { describe, expect, test, vi } from 'vitest';
import { assignPorts } from '../../firmware/netd/ports.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { openPolicy } from '../../qemu/open-policy.ts';
import { eventually, Laboratory, missingForNamespaces, type ProbeRequest } from './namespace.ts';
import type { ApplyAnswer, ApplyRequest } from './namespace-apply.ts';

// Namespaces, programs and silences take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const missing = missingForNamespaces();
const settings: NetworkSettings = {
  ...defaultSettings.network,
  underlay: { ipv4: { address: '10.0.0.2/24', gateway: '10.0.0.1', dns: [] }, ipv6: 'auto' },
};
const [box4, box6] = ['10.0.0.2', '2001:db8::2'];

/**
 * stranger ── router ── box:eth0 (underlay)      box:eth1 (LAN) ── host
 *                       box:hip0, here a cable ── far, where a peer's LAN would be
 */
async function site(lab: Laboratory, lan = true): Promise<void> {
  await lab.namespaces('box', 'router', 'stranger', 'host', 'far');
  await lab.cable('box:eth0', 'router:inside');
  await lab.cable('router:outside', 'stranger:eth0');
  await lab.cable('box:eth1', 'host:eth0');
  await lab.cable('box:hip0', 'far:eth0');
  const nics = ['eth0', ...(lan ? ['eth1'] : [])].map((kernelName) => ({
    kernelName,
    devicePath: null,
    devicePort: 0,
    mac: null,
    driver: 'veth',
  }));
  const request: ApplyRequest = {
    policy: openPolicy,
    settings,
    ports: [...assignPorts(nics, { order: 'bus', named: [] }, {})],
  };
  const answer = await lab.node<ApplyAnswer>('box', './namespace-apply.ts', request);
  expect(answer).toMatchObject({ failures: [], second: [] });
  const commands = [
    [
      'router',
      'link set inside up',
      'address add 10.0.0.1/24 dev inside',
      'address add 2001:db8::1/64 dev inside nodad',
    ],
    ['router', 'link set outside up', 'address add 10.99.0.1/24 dev outside'],
    ['stranger', 'link set eth0 up', 'address add 10.99.0.9/24 dev eth0', 'route add default via 10.99.0.1'],
    [
      'host',
      'link set eth0 up',
      'address add 192.168.1.100/24 dev eth0',
      'route add default via 192.168.1.1',
    ],
    ['far', 'link set eth0 up', 'address add 192.168.20.5/24 dev eth0', 'route add default via 192.168.20.1'],
    [
      'box',
      'link set hip0 up',
      'address add 192.168.20.1/24 dev hip0',
      'address add 2001:db8::2/64 dev eth0 nodad',
    ],
  ] as const;
  for (const [namespace, ...words] of commands) for (const word of words) await lab.ip(namespace, word);
  await lab.run('router', '/bin/busybox', ['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
}

describe.skipIf(missing !== null)(
  `the base ruleset and packets${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('on the underlay only HIP is open, and nothing tells that the box is there', async () => {
      await using lab = new Laboratory();
      await site(lab);
      for (const port of [80, 443, 22]) await lab.probe('box', { do: 'listen-tcp', port });
      await lab.probe('box', { do: 'listen-udp', port: 53 });
      const tcp = (host: string, port: number): ProbeRequest => ({ do: 'connect-tcp', host, port });
      const udp = (host: string, port: number): ProbeRequest => ({ do: 'ask-udp', host, port });

      // HIP's port before HIP runs: no port-unreachable goes out.
      const hip = [udp(box4, 10500), udp(box6, 10500)];
      expect(await lab.probes('router', hip)).toEqual(['silent', 'silent']);
      await lab.probe('box', { do: 'listen-udp', port: 10500 });
      expect(await lab.probes('router', hip)).toEqual(['answered', 'answered']);

      // The LAN's address is not answered for on the underlay either.
      await lab.ip('router', 'route add 192.168.1.0/24 via 10.0.0.2');
      const closed = [
        ...[tcp(box4, 443), tcp(box6, 443), tcp(box4, 22), tcp(box4, 9), tcp('192.168.1.1', 443)],
        ...[udp(box4, 53), udp(box4, 67), udp(box6, 53)],
      ];
      expect(await lab.probes('router', closed)).toEqual(closed.map(() => 'silent'));
      expect(await Promise.all([lab.pings('router', box4), lab.pings('router', box6)])).toEqual([
        false,
        false,
      ]);
      // What the box itself begins is answered.
      expect(await lab.pings('box', '10.0.0.1')).toBe(true);
    });

    test('HIP directly over IP (protocol 139) comes in, other protocols do not', async () => {
      await using lab = new Laboratory();
      await site(lab);
      const heard = async (protocol: number) => {
        await lab.probe('box', { do: 'listen-raw', protocol });
        await lab.probe('router', { do: 'send-raw', host: box4, protocol });
        // Raw sockets hear what the input chain lets by; an echo over the same cable comes later than the packet.
        await lab.pings('box', '10.0.0.1');
        return await lab.probe<boolean>('box', { do: 'heard-raw', protocol });
      };
      expect(await heard(139)).toBe(true);
      expect(await heard(47)).toBe(false);
    });

    test.each([
      [1400, 'mtu 1400'],
      // Below what IPv6 needs inside a tunnel, datagrams go without DF and routers cut them (ip-sysctl.rst, min_pmtu).
      [1300, 'mtu lock 1384'],
    ])('a path MTU of %i that a router on the way reports is taken (RFC 1191)', async (mtu, taken) => {
      await using lab = new Laboratory();
      await site(lab);
      await lab.ip('router', `link set outside mtu ${mtu}`);
      await lab.probe('box', { do: 'ask-udp', host: '10.99.0.9', port: 10500, from: 10500, size: 1450 });
      expect(await lab.ip('box', 'route get 10.99.0.9')).toContain(taken);
    });

    test('on the LAN: page, redirect, echo; nothing else', async () => {
      await using lab = new Laboratory();
      await site(lab);
      for (const port of [80, 443, 22]) await lab.probe('box', { do: 'listen-tcp', port });
      await lab.probe('box', { do: 'listen-udp', port: 10500 });
      const tcp = (port: number) => lab.probe('host', { do: 'connect-tcp', host: '192.168.1.1', port });
      expect([await tcp(80), await tcp(443), await tcp(22)]).toEqual(['open', 'open', 'silent']);
      expect(await lab.probe('host', { do: 'ask-udp', host: '192.168.1.1', port: 10500 })).toBe('silent');
      expect(await lab.pings('host', '192.168.1.1')).toBe(true);
    });

    test('forwarding: LAN and overlay both ways, the underlay never', async () => {
      await using lab = new Laboratory();
      await site(lab);
      await lab.probe('far', { do: 'listen-tcp', port: 502 });
      await lab.probe('host', { do: 'listen-tcp', port: 502 });
      await lab.probe('router', { do: 'listen-tcp', port: 502 });
      const tcp = (from: string, host: string) => lab.probe(from, { do: 'connect-tcp', host, port: 502 });
      expect(await tcp('host', '192.168.20.5')).toBe('open');
      expect(await tcp('far', '192.168.1.100')).toBe('open');
      // The person on the LAN is told at once; a stranger hears nothing.
      expect(await tcp('host', '10.0.0.1')).toBe('unreachable');
      expect(await tcp('far', '10.0.0.1')).toBe('silent');
      await lab.ip('router', 'route add 192.168.0.0/16 via 10.0.0.2');
      expect(await tcp('router', '192.168.1.100')).toBe('silent');
      expect(await tcp('router', '192.168.20.5')).toBe('silent');
      // A peer's hosts may see that the gateway is there; its page is not for them.
      await lab.probe('box', { do: 'listen-tcp', port: 443 });
      expect(await lab.pings('far', '192.168.1.1')).toBe(true);
      expect(await lab.probe('far', { do: 'connect-tcp', host: '192.168.1.1', port: 443 })).toBe('silent');
    });

    test('TCP into the overlay is told the segment size that fits (MSS clamp)', async () => {
      await using lab = new Laboratory();
      await site(lab);
      await lab.ip('box', 'link set hip0 mtu 1300');
      await lab.probe('far', { do: 'listen-tcp', port: 502 });
      lab.service('host', '/bin/busybox', ['nc', '192.168.20.5', '502']);
      const sockets = async () => (await lab.run('far', '/bin/ss', ['-tinO', 'sport = :502'])).stdout;
      // 1300 less 20 of IPv4, 20 of TCP and 12 of its timestamps.
      expect(await eventually(sockets, (text) => text.includes('mss:'))).toMatch(/ mss:1248 /);
    });

    test('host identity tags in the clear are dropped, on input and on the way through', async () => {
      await using lab = new Laboratory();
      await site(lab);
      await lab.ip('box', 'address add 2001:20::2/128 dev lo');
      await lab.ip('router', 'address add 2001:20::1/128 dev lo');
      await lab.ip('router', 'route add 2001:20::/28 via 2001:db8::2');
      await lab.ip('box', 'route add 2001:20::/28 via 2001:db8::1');
      expect(await lab.pings('router', '2001:20::2')).toBe(false);
      const { stdout } = await lab.run('box', '/usr/sbin/nft', [
        'list',
        'chain',
        'inet',
        'hithe',
        'prerouting',
      ]);
      expect(stdout).toMatch(/meta ipsec missing counter packets [1-9]/);
    });

    test('a new ruleset replaces the old one whole and leaves the tables of others', async () => {
      await using lab = new Laboratory();
      await lab.namespaces('box', 'far');
      await lab.run('box', '/usr/sbin/nft', ['-f', '-'], 'table inet other {\n}\n');
      await lab.cable('box:eth0', 'far:eth0');
      const ports = [
        ...assignPorts(
          [{ kernelName: 'eth0', devicePath: null, devicePort: 0, mac: null, driver: null }],
          { order: 'bus', named: [] },
          {},
        ),
      ];
      for (const claimed of [false, true]) {
        await lab.node<ApplyAnswer>('box', './namespace-apply.ts', { settings, ports, claimed });
        const { stdout } = await lab.run('box', '/usr/sbin/nft', ['list', 'ruleset']);
        expect(stdout).toContain('table inet other');
        expect(stdout.match(/chain input \{/g)).toHaveLength(1);
        expect(stdout.includes('page until claimed')).toBe(!claimed);
      }
    });
  },
);

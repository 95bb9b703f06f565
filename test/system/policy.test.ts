import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Rule } from '../../firmware/policy/policy.ts';
import { defaultPolicy, type PolicySettings } from '../../firmware/store/policy-schema.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import { openPolicy } from '../../qemu/open-policy.ts';
import type { OverlayGateway } from '../../qemu/overlay-gateway.ts';
import { OverlayGuest } from '../../qemu/overlay-guest.ts';

/** The policy on the image's kernel, with real tunnels. Tests run in order, on one guest. */
let guest: OverlayGuest;
let a: OverlayGateway;
let b: OverlayGateway;

beforeAll(async () => {
  guest = await OverlayGuest.start({ name: 'policy', progress: stderrProgress('policy') });
  [a, b] = [await guest.gateway('a'), await guest.gateway('b')];
  await Promise.all([
    a.start({ peers: [b.asPeer()] }, defaultPolicy),
    b.start({ peers: [a.asPeer()] }, openPolicy),
  ]);
  await a.connected(b);
  await b.connected(a);
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
});

const rules = (...given: Rule[]): PolicySettings => ({
  ...defaultPolicy,
  labels: ['site=a'],
  peerLabels: { b: ['site=b'] },
  unknownDevices: 'permitted',
  rules: given as PolicySettings['rules'],
});
const toB: Rule = {
  ...{ id: 'to-b', subject: { labels: ['site=a'] }, verb: 'allow', object: { labels: ['site=b'] } },
  services: [{ protocol: 'icmp' }, { protocol: 'tcp', ports: [8080] }],
};

const received = async (from: OverlayGateway, address: string, options = '') =>
  (await from.host.ping(address, 2, options)).received;
/** A file over HTTP, by busybox on both ends. */
const fetches = async (from: OverlayGateway, to: OverlayGateway, port: number) => {
  const { output } = await from.host.attempt(
    `busybox wget -q -T 3 -O - http://${to.host.addresses.ipv4}:${port}/greeting`,
  );
  return output.trim();
};

describe('the policy at both ends of a tunnel', () => {
  test('nothing passes without a rule, though the tunnel carries', async () => {
    expect([await received(a, b.host.addresses.ipv4), await received(b, a.host.addresses.ipv6)]).toEqual([
      0, 0,
    ]);
    // No device is known yet.
    expect((await a.policy()).counters['denied_quarantine']).toBeGreaterThan(0);
  });

  test('a rule by labels lets one direction through, over both families, with answers', async () => {
    await a.enforce(rules(toB));
    expect(await received(a, b.host.addresses.ipv4)).toBe(2);
    expect(await received(a, b.host.addresses.ipv6)).toBe(2);
    expect(await received(b, a.host.addresses.ipv4)).toBe(0);
    for (const port of [8080, 8081])
      await b.host.run(
        `mkdir -p /tmp/www && echo hello >/tmp/www/greeting && busybox httpd -p ${port} -h /tmp/www`,
      );
    expect(await fetches(a, b, 8080)).toBe('hello');
    expect(await fetches(a, b, 8081)).not.toContain('hello');
  });

  test('one end suffices to deny', async () => {
    await b.enforce({
      ...openPolicy,
      rules: [
        ...openPolicy.rules,
        { ...openPolicy.rules[0], id: 'no', verb: 'deny' } as PolicySettings['rules'][number],
      ],
    });
    expect(await received(a, b.host.addresses.ipv4)).toBe(0);
    expect((await b.policy()).rules).toMatchObject([{ id: 'everything' }, { id: 'no' }]);
    await b.enforce(openPolicy);
    expect(await received(a, b.host.addresses.ipv4)).toBe(2);
  });

  test('an error about a connection comes back with it: the sender learns the path MTU', async () => {
    // The tunnel's device is narrower than the LAN: the gateway itself answers, and the host remembers.
    await a.host.ping(b.host.addresses.ipv4, 1, '-s 1450');
    expect(await a.host.run(`ip route get ${b.host.addresses.ipv4}`)).toMatch(/ mtu 1[34]\d\d\b/);
    // Nobody listens there: the far host's own port-unreachable has to come through the stateful rule.
    await a.enforce(rules({ ...toB, services: [{ protocol: 'udp', ports: [9] }] }));
    const asked = await a.host.run(
      `node -e 'const socket = require("node:dgram").createSocket("udp4");
        const end = (said) => { console.log(said); process.exit(); };
        socket.on("error", ({ code }) => end(code));
        socket.connect(9, "${b.host.addresses.ipv4}", () => socket.send("x"));
        setTimeout(() => end("silence"), 20_000);'`,
    );
    expect(asked).toBe('ECONNREFUSED\n');
  });

  test('a connection in use is cut by a policy that denies it, and by nothing else', async () => {
    await a.enforce(rules(toB));
    // One program's echoes are one connection; it is held open over three changes.
    await a.host.run(
      `busybox ping -i 0.2 -c 200 ${b.host.addresses.ipv4} >/tmp/a-ping 2>&1 & echo $! >/tmp/a-ping.pid`,
    );
    const seen = async () => Number(await a.host.run('grep -c "bytes from" /tmp/a-ping || true'));
    const grows = async () => {
      const before = await seen();
      await a.host.ping(b.host.addresses.ipv4, 3);
      return (await seen()) > before;
    };
    expect(await grows()).toBe(true);
    await a.enforce(rules(toB, { ...toB, id: 'other', services: [{ protocol: 'udp', ports: [1] }] }));
    expect(await grows()).toBe(true);
    await a.enforce(rules({ ...toB, id: 'only-tcp', services: [{ protocol: 'tcp', ports: [8080] }] }));
    expect(await grows()).toBe(false);
    expect((await a.policy()).counters['cut']).toBeGreaterThan(0);
    await a.host.run('kill $(cat /tmp/a-ping.pid)');
  });

  test('why: the rule, its sets, the peer by its HIT', async () => {
    await a.enforce(rules(toB));
    const query = { from: a.host.addresses.ipv4, to: b.hit, protocol: 'tcp', port: 8080 } as const;
    expect(await a.explain(query)).toMatchObject({
      verdict: 'allow',
      rule: { id: 'to-b' },
      to: { gateway: 'b', labels: ['site=b'] },
      matched: { service: { set: ['tcp 8080'] } },
      ends: [
        { gateway: 'this', verdict: 'allow' },
        { gateway: 'b', hit: b.hit, verdict: 'not known' },
      ],
    });
    expect(await a.explain({ ...query, port: 8081 })).toMatchObject({ verdict: 'deny', reason: 'default' });
  });

  test('a generation that comes round again finds no connection that slept through the others', async () => {
    // conntrack forgets what has the mark of the generation that is about to be used.
    await a.run('conntrack -D >/dev/null 2>&1; true');
    await a.host.ping(b.host.addresses.ipv4, 1);
    const { generation } = await a.policy();
    const mark = `${generation << 24}/0x${(0xff000000).toString(16)}`;
    expect(await a.run(`conntrack -L -m ${mark} 2>/dev/null`)).toContain(b.host.addresses.ipv4);
    const { error } = await a.attempt(`conntrack -D -m ${mark}`);
    expect(error).toContain('1 flow entries have been deleted');
  });
});

describe('two ports of one network', () => {
  const ports = {
    left: { ipv4: '192.168.50.11', ipv6: 'fd50::11', mac: '02:00:00:00:50:11' },
    right: { ipv4: '192.168.50.12', ipv6: 'fd50::12', mac: '02:00:00:00:50:12' },
  } as const;
  type Port = keyof typeof ports;
  const apart = ['br-plant'];

  beforeAll(async () => {
    await a.run('ip link add br-plant type bridge && ip link set br-plant up');
    await a.run(
      'ip address add 192.168.50.1/24 dev br-plant && ip address add fd50::1/64 dev br-plant nodad',
    );
    for (const [name, { ipv4, ipv6, mac }] of Object.entries(ports))
      await a.run(`set -e
        ip netns add ${name}
        ip link add ${name} type veth peer name eth0 address ${mac} netns ${name}
        ip link set ${name} master br-plant up
        ip -n ${name} link set eth0 up
        ip -n ${name} address add ${ipv4}/24 dev eth0
        ip -n ${name} address add ${ipv6}/64 dev eth0 nodad`);
  });

  const at = (port: Port, command: string) => a.attempt(`ip netns exec ${port} busybox ${command}`);
  const reaches = async (port: Port, address: string, options = '') =>
    (await at(port, `ping -i 0.2 -c 2 -W 2 ${options} ${address}`)).output.includes('bytes from');
  /** Left to right and back, over both families. */
  const seen = async () => [
    await reaches('left', ports.right.ipv4),
    await reaches('left', ports.right.ipv6),
    await reaches('right', ports.left.ipv4),
    await reaches('right', ports.left.ipv6),
  ];
  const leftToRight: Rule = {
    ...{ id: 'left-to-right', subject: { device: 'left' }, verb: 'allow', object: { device: 'right' } },
    services: [{ protocol: 'icmp' }, { protocol: 'tcp', ports: [8080] }],
  };
  const devices = (of: Partial<Record<Port, string>> = {}) =>
    Object.entries(ports).map(([name, { ipv4, ipv6 }]) => ({
      ...{ name, addresses: [ipv4, ipv6] },
      ...(of[name as Port] === undefined ? {} : { mac: of[name as Port] }),
    }));
  const plant = (...given: Rule[]): PolicySettings => ({
    ...rules(...given),
    unknownDevices: 'quarantine',
    devices: devices(),
  });

  test('are those of a switch where nobody says that they are to be kept apart', async () => {
    await a.enforce(plant());
    expect(await seen()).toEqual([true, true, true, true]);
  });

  test('are apart without a rule, and each host still finds the other and the gateway', async () => {
    await a.enforce(plant(), apart);
    expect(await seen()).toEqual([false, false, false, false]);
    expect(await a.run('ip -n left neigh show')).toMatch(
      new RegExp(`${ports.right.ipv4} dev eth0 lladdr ${ports.right.mac}`),
    );
    expect(await reaches('left', '192.168.50.1')).toBe(true);
    expect((await a.policy()).counters['denied_default']).toBeGreaterThanOrEqual(8);
  });

  test('a rule lets one way through, with answers, and is counted', async () => {
    await a.enforce(plant(leftToRight), apart);
    expect(await seen()).toEqual([true, true, false, false]);
    expect((await a.policy()).rules).toMatchObject([{ id: 'left-to-right', connections: 2 }]);
    for (const port of [8080, 8081])
      await a.run(
        `mkdir -p /tmp/www && echo hello >/tmp/www/greeting && ip netns exec right busybox httpd -p ${port} -h /tmp/www`,
      );
    const fetched = (port: number) =>
      at('left', `wget -q -T 3 -O - http://${ports.right.ipv4}:${port}/greeting`);
    expect([(await fetched(8080)).output, (await fetched(8081)).output]).toEqual(['hello\n', '']);
  });

  test('a connection is cut by a policy that denies it', async () => {
    await a.enforce(plant(leftToRight), apart);
    await at(
      'left',
      `sh -c 'ping -i 0.2 -c 300 ${ports.right.ipv4} >/tmp/left-ping 2>&1 & echo $! >/tmp/left.pid'`,
    );
    const count = async () => Number(await a.run('grep -c "bytes from" /tmp/left-ping || true'));
    const grows = async () => {
      const before = await count();
      await reaches('left', '192.168.50.1');
      return (await count()) > before;
    };
    expect(await grows()).toBe(true);
    await a.enforce(plant({ ...leftToRight, services: [{ protocol: 'tcp', ports: [8080] }] }), apart);
    await reaches('left', '192.168.50.1');
    expect(await grows()).toBe(false);
    await a.run('kill $(cat /tmp/left.pid)');
  });

  test('who is unknown is in quarantine, and nobody is heard under the address of another', async () => {
    await a.enforce({ ...plant(leftToRight), devices: devices().slice(0, 1), rules: [] }, apart);
    expect(await seen()).toEqual([false, false, false, false]);
    expect((await a.policy()).counters['denied_quarantine']).toBeGreaterThan(0);
    const spoofed = async () => (await a.policy()).counters['denied_spoofed'] ?? 0;
    await a.enforce({ ...plant(leftToRight), devices: devices({ left: ports.left.mac }) }, apart);
    expect(await seen()).toEqual([true, true, false, false]);
    const before = await spoofed();
    await a.enforce({ ...plant(leftToRight), devices: devices({ left: ports.right.mac }) }, apart);
    // What the hosts know of each other would not be asked for again.
    await a.run('ip -n left neigh flush all; ip -n right neigh flush all');
    expect(await reaches('left', ports.right.ipv4)).toBe(false);
    expect(await spoofed()).toBeGreaterThan(before);
    expect(await a.run('ip -n right -4 neigh show')).not.toContain(ports.left.mac);
  });
});

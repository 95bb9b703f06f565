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
    const { output } = await a.host.attempt(`ip route get ${b.host.addresses.ipv4}`);
    expect(output).toContain(b.host.addresses.ipv4);
    // Nobody listens there: the far host's own port-unreachable has to come through the stateful rule.
    await a.enforce(rules({ ...toB, services: [{ protocol: 'udp', ports: [9] }] }));
    const asked = await a.host.attempt(
      `echo x | busybox nc -u -w 2 ${b.host.addresses.ipv4} 9; echo ended $?`,
    );
    expect(asked.output).toContain('ended');
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

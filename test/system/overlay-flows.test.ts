import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FlowFilter } from '../../firmware/flows/flow-filter.ts';
import type { FlowRecord } from '../../firmware/flows/flow-record.ts';
import { defaultPolicy, type PolicySettings } from '../../firmware/store/policy-schema.ts';
import { stderrProgress } from '../../image-builder/progress.ts';
import type { OverlayGateway } from '../../qemu/overlay-gateway.ts';
import { OverlayGuest } from '../../qemu/overlay-guest.ts';
import { waitUntil } from '../../qemu/wait-until.ts';

type Rule = PolicySettings['rules'][number];

/** a records, and its policy decides; b lets everything through. The tests run in order, on one guest. */
let guest: OverlayGuest;
let a: OverlayGateway;
let b: OverlayGateway;

beforeAll(async () => {
  guest = await OverlayGuest.start({ name: 'overlay-flows', progress: stderrProgress('flows') });
  await guest.stopCapture();
  [a, b] = [await guest.gateway('a'), await guest.gateway('b')];
  await Promise.all([a.start({ peers: [b.asPeer()] }), b.start({ peers: [a.asPeer()] })]);
  await a.connected(b);
  // conntrack keeps what has ended for half a minute and more, which nobody waits for here.
  for (const name of [
    'icmp',
    'icmpv6',
    'udp',
    'udp_timeout_stream',
    'tcp_timeout_time_wait',
    'tcp_timeout_close',
  ])
    await a.run(
      `busybox sysctl -q -w net.netfilter.nf_conntrack_${name.includes('timeout') ? name : `${name}_timeout`}=1`,
    );
  await a.recordFlows(true);
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
});

const toB: Rule = {
  ...{ id: 'to-b', subject: { labels: ['site=a'] }, verb: 'allow', object: { gateway: 'b' } },
  services: [{ protocol: 'icmp' }, { protocol: 'tcp', ports: [8080] }],
};
const rules = (...given: Rule[]): PolicySettings => ({
  ...defaultPolicy,
  ...{ labels: ['site=a'], peerLabels: { b: ['site=b'] }, unknownDevices: 'permitted', rules: given },
  devices: [{ name: 'press', addresses: [a.host.addresses.ipv4], labels: ['zone=press'] }],
});

/** Waits until a flow is recorded. */
async function recorded(filter: FlowFilter, live = false): Promise<FlowRecord> {
  const [found] = await waitUntil(
    `a record of ${JSON.stringify(filter)}`,
    async () => {
      // Connections whose time is over end as soon as somebody looks at them.
      await a.flows({}, { live: true });
      return a.flows(filter, { live });
    },
    (flows) => flows.length > 0,
    { timeoutMs: 90_000 },
  );
  if (found === undefined) throw new RangeError('nothing was recorded');
  return found;
}
const now = async () => Number(await a.run('date +%s')) * 1000;

describe('what a rule lets through', () => {
  test('is recorded with its rule, its ends and what was sent, in either family', async () => {
    await a.enforce(rules(toB));
    for (const [family, octets] of [
      ['ipv4', 84],
      ['ipv6', 104],
    ] as const) {
      const to = b.host.addresses[family];
      expect((await a.host.ping(to, 3)).received).toBe(3);
      expect(await recorded({ to, protocol: 'icmp' })).toMatchObject({
        ...{ direction: 'outbound', verdict: 'allow', rule: 'to-b', reason: 'rule', staged: null },
        from: {
          address: a.host.addresses[family],
          gateway: 'this',
          devices: family === 'ipv4' ? ['press'] : [],
        },
        to: { address: to, gateway: 'b', labels: ['site=b'] },
        ...{ sent: { packets: 3, bytes: 3 * octets }, received: { packets: 3, bytes: 3 * octets } },
      });
    }
  });

  test('from a peer is inbound', async () => {
    const fromB: Rule = { ...toB, id: 'from-b', subject: { gateway: 'b' }, object: { device: 'press' } };
    await a.enforce(rules(toB, fromB));
    expect((await b.host.ping(a.host.addresses.ipv4, 2)).received).toBe(2);
    expect(await recorded({ from: 'b', to: 'press' })).toMatchObject({
      ...{ direction: 'inbound', rule: 'from-b', sent: { packets: 2 }, received: { packets: 2 } },
    });
  });

  test('has the size of what was fetched', async () => {
    const size = 200_000;
    await b.host.run(
      `mkdir -p /tmp/www && head -c ${size} /dev/urandom >/tmp/www/file && busybox httpd -p 8080 -h /tmp/www`,
    );
    await a.host.run(`busybox wget -q -O /dev/null http://${b.host.addresses.ipv4}:8080/file`);
    const flow = await recorded({ protocol: 'tcp', port: 8080, verdict: 'allow' });
    // Headers of IP, TCP and HTTP besides.
    expect(flow.received.bytes).toBeGreaterThan(size);
    expect(flow.received.bytes).toBeLessThan(size * 1.1);
    expect(flow).toMatchObject({ rule: 'to-b', direction: 'outbound' });
    expect(flow.start).toBeLessThanOrEqual(flow.end ?? 0);
  });

  test('is seen while it lives', async () => {
    await a.host.run(
      `busybox ping -i 0.2 -c 500 ${b.host.addresses.ipv4} >/dev/null 2>&1 & echo $! >/tmp/flow-ping`,
    );
    const flow = await recorded({ protocol: 'icmp', to: 'b' }, true);
    expect(flow).toMatchObject({ end: null, rule: 'to-b', from: { devices: ['press'] } });
    await waitUntil(
      'its counts grow',
      () => a.flows({ protocol: 'icmp', to: 'b' }, { live: true }),
      ([seen]) => (seen?.received.packets ?? 0) > flow.received.packets,
    );
  });

  test('and what a newer policy denies is cut, and says so', async () => {
    const since = await now();
    await a.enforce(rules({ ...toB, id: 'web-only', services: [{ protocol: 'tcp', ports: [8080] }] }));
    expect(await recorded({ reason: 'replaced', since })).toMatchObject({
      verdict: 'deny',
      protocol: 'icmp',
    });
    await a.host.run('kill $(cat /tmp/flow-ping)');
  });

  test('says what a staged rule would do', async () => {
    const since = await now();
    await a.enforce(rules(toB, { ...toB, id: 'stop', verb: 'deny', mode: 'staged' }));
    await a.host.ping(b.host.addresses.ipv4, 1);
    expect(await recorded({ rule: 'stop', since })).toMatchObject({
      ...{ verdict: 'allow', rule: 'to-b', staged: { rule: 'stop', verdict: 'deny' } },
    });
  });
});

describe('what is denied', () => {
  const packets = 3;
  /** Each of 30 octets: IP, UDP, and two of its own. */
  const knock = (port: number) =>
    a.host.run(
      `node -e 'const socket = require("node:dgram").createSocket("udp4");
        let left = ${packets};
        for (let packet = left; packet > 0; packet--)
          socket.send("x\\n", ${port}, "${b.host.addresses.ipv4}", () => --left || socket.close());'`,
    );
  const press = { name: 'press', addresses: () => [a.host.addresses.ipv4] };

  test.each([
    ['default', 7001, () => rules(toB), null],
    [
      'rule',
      7002,
      () => rules(toB, { ...toB, id: 'never', verb: 'deny', services: [{ protocol: 'udp', ports: [7002] }] }),
      'never',
    ],
    ['quarantine', 7003, () => ({ ...rules(toB), devices: [], unknownDevices: 'quarantine' as const }), null],
    [
      'spoofed',
      7004,
      () => ({
        ...rules(toB),
        devices: [{ name: press.name, addresses: press.addresses(), mac: '02:00:00:00:00:99' }],
      }),
      null,
    ],
  ])('is recorded with why: %s', async (reason, port, policy, rule) => {
    await a.enforce(policy());
    await knock(port);
    const flow = await recorded({ port, verdict: 'deny' });
    expect(flow).toMatchObject({
      ...{ reason, rule, protocol: 'udp', direction: 'outbound', to: { gateway: 'b' } },
      received: { packets: 0, bytes: 0 },
    });
    // One record for what came within its window.
    const flows = await waitUntil(
      'all packets are recorded',
      () => a.flows({ port, verdict: 'deny' }),
      (found) => found.reduce((sum, { sent }) => sum + sent.packets, 0) === packets,
      { timeoutMs: 60_000 },
    );
    expect(flows.length).toBeLessThan(packets);
    expect(flow.sent.bytes).toBe(flow.sent.packets * 30);
  });
});

/** As many as an emulated host opens within the test's time; a hundred thousand meet this host's kernel in namespaces. */
describe('20,000 flows', () => {
  const count = 20_000;

  test('leave the gateway serving; each of them is recorded, or counted as lost', async () => {
    await a.enforce(rules(toB, { ...toB, id: 'many', services: [{ protocol: 'udp' }] }));
    const before = await a.look();
    const hosts = [b.host.addresses.ipv4, b.host.addresses.ipv6];
    let isOver = false;
    const flood = a.host
      .traffic({ do: 'open-many', hosts, ports: count / hosts.length, perSecond: 2_000 }, 240_000)
      .finally(() => {
        isOver = true;
      });
    // While they come, the gateway answers and the tunnel carries.
    let [answers, echoes, largest] = [0, 0, 0];
    const watch = async () => {
      while (!isOver) {
        const { memoryMiB } = await a.look();
        largest = Math.max(largest, memoryMiB);
        echoes += (await b.host.ping(a.place.lan.ipv4.replace('0/24', '1'), 1)).received;
        answers++;
      }
    };
    await Promise.all([flood, watch()]);
    const begun = (await a.policy()).rules.find(({ id }) => id === 'many')?.connections ?? 0;
    expect([answers, echoes]).toEqual([expect.any(Number), answers]);
    expect(largest - before.memoryMiB).toBeLessThan(100);
    expect(begun).toBeGreaterThan(count * 0.9);
    const accounted = async () => {
      await a.flows({}, { live: true });
      const { recording } = await a.look();
      const { kernel, tracker, unwritten } = recording.lost;
      const lost = kernel.connections + tracker.records + unwritten;
      return { written: recording.records - before.recording.records, lost };
    };
    const { written, lost } = await waitUntil(
      'all of them are accounted for',
      accounted,
      (found) => found.written + found.lost >= begun * 0.99,
      { timeoutMs: 180_000, pauseMs: 1_000 },
    );
    process.stderr.write(
      `flows: ${begun} begun, ${written} recorded, ${lost} lost, ${largest.toFixed(0)} MiB\n`,
    );
    expect(written).toBeGreaterThan(begun / 2);
  });

  test('are there after the process was killed', async () => {
    const { recording } = await a.look();
    await a.crash();
    await a.start({ peers: [b.asPeer()] }, rules(toB));
    const { recording: again } = await a.recordFlows(true);
    expect(again.records).toBeGreaterThanOrEqual(recording.records);
    expect(await a.flows({ rule: 'never' })).toMatchObject([{ port: 7002 }]);
  });
});

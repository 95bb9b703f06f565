import { describe, expect, test, vi } from 'vitest';
import type { FlowFilter } from '../../../firmware/flows/flow-filter.ts';
import { waitUntil } from '../../../qemu/wait-until.ts';
import { Laboratory, missingForNamespaces } from '../namespace.ts';
import type { FloodAnswer, FloodRequest } from './namespace-flood.ts';
import type { TalkAnswer } from './namespace-talk.ts';
import { allow, far, near, policySite, rules } from './policy-site.ts';

// Denied packets are gathered for a quarter of a minute, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

const missing = missingForNamespaces();

describe.skipIf(missing !== null)(`records of flows${missing === null ? '' : ` (${missing})`}`, () => {
  /** conntrack keeps what has ended for half a minute and more, which nobody waits for here. */
  async function recording(lab: Laboratory) {
    const found = await policySite(lab);
    const names = [
      'icmp_timeout',
      'icmpv6_timeout',
      'udp_timeout',
      'udp_timeout_stream',
      'tcp_timeout_time_wait',
    ];
    const paths = [...names, 'tcp_timeout_close'].map(
      (name) => `/proc/sys/net/netfilter/nf_conntrack_${name}`,
    );
    await found.enforce(rules());
    await found.flows({});
    await lab.run('box', '/bin/busybox', ['tee', ...paths], '1\n');
    const recorded = (filter: FlowFilter, live = false) =>
      waitUntil(
        `a record of ${JSON.stringify(filter)}`,
        async () => {
          // Connections whose time is over end as soon as somebody looks at them.
          await found.flows({}, true);
          return found.flows(filter, live);
        },
        (flows) => flows.length > 0,
        { timeoutMs: 50_000 },
      );
    return { ...found, recorded };
  }

  test('say which rule let a connection through, who spoke, and how much, in either family', async () => {
    await using lab = new Laboratory();
    const { enforce, recorded } = await recording(lab);
    await enforce({
      ...rules({ ...allow, services: 'any' }),
      devices: [{ name: 'press', addresses: [near.ipv4] }],
      peerLabels: { far: ['site=far'] },
    });
    await lab.run('near', '/bin/busybox', ['ping', '-c', '2', '-i', '0.2', far.ipv4]);
    await lab.run('near', '/bin/busybox', ['ping', '-c', '2', '-i', '0.2', far.ipv6]);
    expect(await recorded({ to: far.ipv4 })).toMatchObject([
      {
        ...{ protocol: 'icmp', direction: 'outbound', verdict: 'allow', rule: 'modbus', reason: 'rule' },
        from: { address: near.ipv4, devices: ['press'], gateway: 'this' },
        to: { address: far.ipv4, gateway: 'far', labels: ['site=far'] },
        ...{ sent: { packets: 2, bytes: 168 }, received: { packets: 2, bytes: 168 } },
      },
    ]);
    expect(await recorded({ to: 'far', from: near.ipv6 })).toMatchObject([
      { sent: { packets: 2, bytes: 208 }, received: { packets: 2, bytes: 208 } },
    ]);
  });

  test('show connections that live, what a staged rule would do, and one that is cut', async () => {
    await using lab = new Laboratory();
    const { enforce, recorded, flows } = await recording(lab);
    await enforce(
      rules({ ...allow, services: 'any' }, { ...allow, id: 'stop', verb: 'deny', mode: 'staged' }),
    );
    lab.service('near', '/bin/busybox', ['ping', '-i', '0.2', far.ipv4]);
    const talk = lab.converse('near', './policy/namespace-talk.ts', [far.ipv4, '502']);
    expect(await talk.ask<TalkAnswer>('here')).toBeDefined();
    expect(await recorded({ port: 502 }, true)).toMatchObject([
      { end: null, rule: 'modbus', staged: { rule: 'stop', verdict: 'deny' } },
    ]);
    expect(await recorded({ protocol: 'icmp' }, true)).toMatchObject([{ end: null, staged: null }]);
    await enforce(rules({ ...allow, services: [{ protocol: 'tcp' }] }));
    await waitUntil(
      'the pings are cut',
      () => flows({ protocol: 'icmp' }, true),
      (found) => found.every(({ reason, verdict }) => reason === 'replaced' && verdict === 'deny'),
    );
    expect(await flows({ port: 502 }, true)).toMatchObject([{ verdict: 'allow', rule: 'modbus' }]);
  });

  test('say why a packet was denied, one record for those of a kind', async () => {
    await using lab = new Laboratory();
    const { enforce, flows } = await recording(lab);
    const press = { name: 'press', addresses: [near.ipv4] };
    const cases = [
      { reason: 'default', rule: null, policy: { ...rules(allow), devices: [press] } },
      {
        reason: 'rule',
        rule: 'never',
        policy: rules({ ...allow, id: 'never', verb: 'deny', services: 'any' }),
      },
      {
        reason: 'quarantine',
        rule: null,
        policy: { ...rules(allow), unknownDevices: 'quarantine' as const },
      },
      {
        ...{ reason: 'spoofed', rule: null },
        policy: { ...rules(allow), devices: [{ ...press, mac: '02:00:00:00:00:99' }] },
      },
    ];
    for (const [index, { policy }] of cases.entries()) {
      await enforce(policy);
      const ask = { do: 'ask-udp', host: far.ipv4, port: 7_000 + index, size: 10 } as const;
      await lab.probes('near', [ask, ask, ask]);
    }
    const found = await waitUntil(
      'all of them are recorded',
      () => flows({ verdict: 'deny', protocol: 'udp' }),
      (seen) => seen.length >= cases.length,
      { timeoutMs: 50_000 },
    );
    expect(found.toSorted((left, right) => left.port - right.port)).toMatchObject(
      cases.map(({ reason, rule }, index) => ({
        ...{ reason, rule, port: 7_000 + index, direction: 'outbound', to: { gateway: 'far' } },
        ...{ sent: { packets: 3, bytes: 3 * 38 }, received: { packets: 0, bytes: 0 } },
      })),
    );
  });

  test('of packets that are denied faster than records are made count what they leave out', async () => {
    await using lab = new Laboratory();
    const { enforce, flows, look } = await recording(lab);
    await enforce(rules());
    const flood: FloodRequest = { to: far.ipv4, ports: { first: 9_000, count: 1 }, packets: 20_000 };
    await lab.converse('near', './policy/namespace-flood.ts').ask<FloodAnswer>(flood);
    const accounted = await waitUntil(
      'all of them are accounted for',
      async () => {
        const found = await flows({ verdict: 'deny', port: 9_000 });
        const { report, recording } = await look();
        const recorded = found.reduce((sum, { sent }) => sum + sent.packets, 0);
        return { recorded, lost: recording.lost.kernel.packets, denied: report.counters['denied_default'] };
      },
      ({ recorded, lost, denied }) => denied !== undefined && recorded + lost >= denied,
      { timeoutMs: 50_000 },
    );
    expect(accounted.denied).toBeGreaterThanOrEqual(flood.packets);
    expect(accounted.recorded + accounted.lost).toBe(accounted.denied);
    expect(accounted.recorded).toBeGreaterThan(0);
    expect(accounted.recorded).toBeLessThan(flood.packets / 2);
  });

  test('of a hundred thousand at once are bounded, and each connection is recorded or counted as lost', async () => {
    await using lab = new Laboratory();
    const { enforce, flows, look } = await recording(lab);
    await enforce(rules({ ...allow, id: 'flood', services: 'any' }));
    const ports = { first: 1_000, count: 50_000 };
    const flood: FloodRequest = { to: far.ipv4, ports, packets: ports.count };
    // Each sends from a port of its own.
    for (const near of ['first', 'second'].map(() => lab.converse('near', './policy/namespace-flood.ts')))
      await near.ask<FloodAnswer>(flood);
    // While they are read and written, the runtime answers.
    const { report, recording: last } = await waitUntil(
      'all of them are accounted for',
      async () => {
        await flows({ port: 1 }, true);
        return look();
      },
      ({ report: { rules: counted }, recording: { records, lost } }) =>
        records + lost.kernel.connections + lost.tracker.records >= (counted[0]?.connections ?? 0) * 0.99,
      { timeoutMs: 100_000 },
    );
    const begun = report.rules[0]?.connections ?? 0;
    expect(begun).toBeGreaterThan(90_000);
    expect(last.records).toBeGreaterThan(0);
    expect(last.lost.tracker).toEqual({ denied: 0, records: 0 });
    expect(last.records + last.lost.kernel.connections).toBeLessThan(begun * 1.05);
    process.stderr.write(
      `flows: ${begun} begun, ${last.records} recorded, ${last.lost.kernel.connections} lost\n`,
    );
  });
});

import { describe, expect, test, vi } from 'vitest';
import type { Rule } from '../../../firmware/policy/policy.ts';
import { defaultPolicy } from '../../../firmware/store/policy-schema.ts';
import { Laboratory, missingForNamespaces } from '../namespace.ts';
import type { PolicyAnswer } from './namespace-policy.ts';
import type { TalkAnswer } from './namespace-talk.ts';
import { allow, far, near, nearMac, policySite, rules } from './policy-site.ts';

// Namespaces, programs and silences take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const missing = missingForNamespaces();

describe.skipIf(missing !== null)(`the policy and packets${missing === null ? '' : ` (${missing})`}`, () => {
  test('nothing is forwarded before a policy is in force, nor by one without rules', async () => {
    await using lab = new Laboratory();
    const { connect, enforce } = await policySite(lab);
    // A person on the LAN is told; a peer hears nothing.
    const seen = async () => [
      await connect('near', far.ipv4),
      await connect('far', near.ipv4),
      (await connect('near', far.ipv6)) === 'open',
    ];
    expect(await seen()).toEqual(['unreachable', 'silent', false]);
    await enforce(rules());
    expect(await seen()).toEqual(['unreachable', 'silent', false]);
    const { report } = await enforce(rules());
    expect(report.counters['denied_default']).toBeGreaterThanOrEqual(3);
  });

  test('a rule lets through what it names, in its direction, with the answers, over IPv4 and IPv6', async () => {
    await using lab = new Laboratory();
    const { connect, enforce, explain } = await policySite(lab);
    await enforce(rules(allow));
    await lab.probe('far', { do: 'listen-udp', port: 5002 });
    await lab.probe('far', { do: 'listen-udp', port: 5003 });
    expect(await connect('near', far.ipv4)).toBe('open');
    expect(await connect('near', far.ipv6)).toBe('open');
    expect(await connect('near', far.ipv4, 80)).toBe('unreachable');
    expect(await connect('far', near.ipv4)).toBe('silent');
    expect(await lab.probe('near', { do: 'ask-udp', host: far.ipv6, port: 5002 })).toBe('answered');
    expect(await lab.probe('near', { do: 'ask-udp', host: far.ipv4, port: 5003 })).toBe('refused');
    expect(await lab.pings('near', far.ipv4)).toBe(false);
    const { report } = await enforce(rules(allow));
    expect(report.rules).toMatchObject([{ id: 'modbus', active: true, connections: 3 }]);
    const query = { from: near.ipv4, to: 'far', protocol: 'tcp', port: 502 } as const;
    expect(await explain({ ...query, to: far.ipv4 })).toMatchObject({
      verdict: 'allow',
      rule: { id: 'modbus' },
    });
    expect(await explain({ ...query, to: '2001:22::b', port: 80 })).toMatchObject({
      verdict: 'deny',
      reason: 'default',
    });
  });

  test('an established connection that a new policy denies is cut; one that it allows goes on', async () => {
    await using lab = new Laboratory();
    const { enforce } = await policySite(lab);
    const any: Rule = { id: 'any', subject: 'any', verb: 'allow', object: 'any' };
    await enforce(rules(any));
    // Pings of one program are one connection: ICMP's identifier stays.
    const count = async () => {
      const { stdout } = await lab.run('near', '/bin/busybox', [
        'ping',
        '-c',
        '3',
        '-i',
        '0.2',
        '-W',
        '1',
        far.ipv4,
      ]);
      return stdout;
    };
    expect(await count()).toContain('3 packets received');
    const talk = lab.converse('near', './policy/namespace-talk.ts', [far.ipv4, '502']);
    expect(await talk.ask<TalkAnswer>('one')).toBe('echo one');
    await enforce(rules(any, { ...allow, id: 'other' }));
    expect(await talk.ask<TalkAnswer>('two')).toBe('echo two');
    const { report } = await enforce(rules(any, { ...allow, id: 'no-modbus', verb: 'deny' }));
    expect(await talk.ask<TalkAnswer>('three')).toBe('silent');
    expect(await count()).toContain('3 packets received');
    const after = await enforce(rules(any, { ...allow, id: 'no-modbus', verb: 'deny' }));
    expect(after.report.generation).toBe(report.generation);
    expect(after.report.counters['cut']).toBeGreaterThan(0);
    // A policy that allows it again lets the same connection go on.
    await enforce(rules(any));
    expect(await talk.ask<TalkAnswer>('four')).toMatch(/^echo /);
  });

  test('an answer is not let through as a connection of its own once its rule is gone', async () => {
    await using lab = new Laboratory();
    const { enforce } = await policySite(lab);
    await enforce(rules(allow));
    const talk = lab.converse('near', './policy/namespace-talk.ts', [far.ipv4, '502']);
    expect(await talk.ask<TalkAnswer>('one')).toBe('echo one');
    await enforce(
      rules({
        ...allow,
        id: 'back',
        subject: { gateway: 'far' },
        object: { gateway: 'this' },
        services: 'any',
      }),
    );
    expect(await talk.ask<TalkAnswer>('two')).toBe('silent');
  });

  test('a deny wins; an observing rule lets through; a staged one only counts', async () => {
    await using lab = new Laboratory();
    const { connect, enforce, explain } = await policySite(lab);
    const observe: Rule = { id: 'observe', subject: 'any', verb: 'allow', object: 'any', mode: 'observe' };
    const staged: Rule = { ...allow, id: 'staged', verb: 'deny', mode: 'staged' };
    await enforce(rules(observe, staged));
    expect(await connect('near', far.ipv4)).toBe('open');
    const { report } = await enforce(rules(observe, staged, { ...allow, verb: 'deny' }));
    expect(report.rules).toMatchObject([{ connections: 1 }, { connections: 1 }, { connections: 0 }]);
    expect(await connect('near', far.ipv4)).toBe('unreachable');
    expect(await connect('near', far.ipv4, 80)).toBe('open');
    expect(await explain({ from: near.ipv4, to: far.ipv4, protocol: 'tcp', port: 502 })).toMatchObject({
      verdict: 'deny',
      rule: { id: 'modbus' },
      staged: { id: 'staged' },
    });
  });

  test('a device that nobody has accepted is in quarantine, whatever rules say', async () => {
    await using lab = new Laboratory();
    const { connect, enforce, explain } = await policySite(lab);
    const any: Rule = { id: 'any', subject: 'any', verb: 'allow', object: 'any' };
    const device = { name: 'press', addresses: ['192.168.1.11'] };
    await enforce({ ...rules(any), unknownDevices: 'quarantine', devices: [device] });
    expect(await connect('far', '192.168.1.11')).toBe('open');
    expect(await connect('far', near.ipv4)).toBe('silent');
    expect(await connect('near', far.ipv4)).toBe('unreachable');
    expect(await explain({ from: near.ipv4, to: far.ipv4, protocol: 'tcp', port: 502 })).toMatchObject({
      verdict: 'deny',
      reason: 'quarantine',
    });
    const accepted = { name: 'robot', addresses: [near.ipv4] };
    const { report } = await enforce({
      ...rules(any),
      unknownDevices: 'quarantine',
      devices: [device, accepted],
    });
    expect(report.counters['denied_quarantine']).toBeGreaterThan(0);
    expect(await connect('near', far.ipv4)).toBe('open');
  });

  test('nobody speaks from the address of a device with another MAC', async () => {
    await using lab = new Laboratory();
    const { enforce } = await policySite(lab);
    const any: Rule = { id: 'any', subject: 'any', verb: 'allow', object: 'any' };
    const press = (mac: string) => [{ name: 'press', addresses: ['192.168.1.11', near.ipv6], mac }];
    const reaches = async (from: string, to: string) => {
      const args = ['ping', '-c', '1', '-W', '1', '-I', from, to];
      return (await lab.run('near', '/bin/busybox', args)).status === 0;
    };
    const seen = async () => [
      await reaches('192.168.1.11', far.ipv4),
      await reaches(near.ipv6, far.ipv6),
      await reaches(near.ipv4, far.ipv4),
    ];
    await enforce({ ...rules(any), devices: press(nearMac) });
    expect(await seen()).toEqual([true, true, true]);
    // Also within connections that are there already.
    await enforce({ ...rules(any), devices: press('02:00:00:00:00:99') });
    expect(await seen()).toEqual([false, false, true]);
    const { report } = await enforce({ ...rules(any), devices: press('02:00:00:00:00:99') });
    expect(report.counters['denied_spoofed']).toBe(2);
  });

  test('a device that is known by its MAC has the addresses that it is seen with; the others are listed', async () => {
    await using lab = new Laboratory();
    const { connect, enforce } = await policySite(lab);
    const outwards: Rule = {
      id: 'robot',
      subject: { device: 'robot' },
      verb: 'allow',
      object: { gateway: 'far' },
    };
    const policy = {
      ...rules(outwards),
      unknownDevices: 'quarantine' as const,
      devices: [
        { name: 'robot', mac: nearMac },
        { name: 'press', addresses: ['192.168.1.77'] },
      ],
    };
    const before = await enforce(policy);
    expect(before.devices).toMatchObject([
      { device: 'robot', mac: nearMac, state: 'not seen' },
      { device: 'press', state: 'not seen' },
    ]);
    // Not answered, and yet heard of.
    expect(await lab.pings('near', '192.168.1.1')).toBe(false);
    const after = await enforce(policy);
    expect(after.devices).toMatchObject([
      { device: 'robot', address: near.ipv4, mac: nearMac, link: 'lan', state: 'accepted' },
      { device: 'press', state: 'not seen' },
    ]);
    expect(await connect('near', far.ipv4)).toBe('open');
    expect(await lab.pings('near', '192.168.1.1')).toBe(true);
    const { devices } = await enforce({ ...policy, devices: [], rules: [] });
    expect(devices).toMatchObject([{ device: null, address: near.ipv4, state: 'quarantine' }]);
  });

  test('what the gateway serves: a device in quarantine gets the page alone; rules deny it, and cut what they deny', async () => {
    await using lab = new Laboratory();
    const { connect, enforce, explain } = await policySite(lab);
    for (const port of [443, 53]) await lab.probe('box', { do: 'listen-tcp', port });
    const own: Rule = { id: 'own', subject: { addresses: [near.ipv4] }, verb: 'deny', object: { own: true } };
    const page: Rule = { ...own, services: [{ protocol: 'tcp', ports: [443] }] };
    const seen = async () => [
      await connect('near', '192.168.1.1', 443),
      await connect('near', '192.168.1.1', 53),
      await connect('near', 'fd01::1', 53),
      await lab.pings('near', '192.168.1.1'),
      await lab.pings('far', '192.168.1.1'),
    ];
    await enforce({ ...rules(), unknownDevices: 'quarantine' });
    expect(await seen()).toEqual(['open', 'silent', 'silent', false, true]);
    const query = { from: near.ipv4, to: 'this', protocol: 'tcp', port: 53 } as const;
    expect(await explain(query)).toMatchObject({ verdict: 'deny', reason: 'quarantine' });
    const devices = [{ name: 'near', addresses: [near.ipv4, near.ipv6] }];
    await enforce({ ...rules(), unknownDevices: 'quarantine', devices });
    expect(await seen()).toEqual(['open', 'open', 'open', true, true]);
    const talk = lab.converse('near', './policy/namespace-talk.ts', ['192.168.1.1', '443']);
    expect(await talk.ask<TalkAnswer>('one')).toBe('echo one');
    const { report } = await enforce(rules(page));
    expect(await talk.ask<TalkAnswer>('two')).toBe('silent');
    expect(await seen()).toEqual(['silent', 'open', 'open', true, true]);
    expect(await explain({ ...query, port: 443 })).toMatchObject({ verdict: 'deny', rule: { id: 'own' } });
    const staged = await enforce(rules({ ...own, mode: 'staged' }));
    expect(await seen()).toEqual(['open', 'open', 'open', true, true]);
    const { counters, rules: counted } = (await enforce(rules({ ...own, mode: 'staged' }))).report;
    expect(counters['denied_rule']).toBeGreaterThan(report.counters['denied_rule'] ?? 0);
    expect(counted[0]?.connections).toBeGreaterThan(staged.report.rules[0]?.connections ?? 0);
    await enforce({
      ...rules({ ...own, verb: 'allow', services: [{ protocol: 'icmp' }] }),
      ownServices: 'rules',
    });
    expect(await seen()).toEqual(['open', 'silent', 'silent', true, false]);
  });

  test('rules keep their numbers and counts over changes and a restart of the runtime; the clock ends a schedule', async () => {
    await using lab = new Laboratory();
    const { box, connect, enforce } = await policySite(lab);
    const timed: Rule = { ...allow, schedule: { from: '08:00', to: '09:00' } };
    const hour = 3_600_000;
    const first = await enforce(
      rules({ ...allow, id: 'other', object: { addresses: ['10.0.0.0/8'] } }, timed),
      8 * hour,
    );
    expect(await connect('near', far.ipv4)).toBe('open');
    await box.close();
    const again = lab.converse('box', './policy/namespace-policy.ts', [lab.folder]);
    const policy = { ...defaultPolicy, unknownDevices: 'permitted' as const, ...rules(timed) };
    const second = await again.ask<PolicyAnswer>({ do: 'enforce', policy, time: 8 * hour });
    expect(second.report.generation).toBeGreaterThan(first.report.generation);
    expect(second.report.rules).toEqual([{ ...first.report.rules[1], connections: 1 }]);
    const third = await again.ask<PolicyAnswer>({ do: 'enforce', policy, time: 9 * hour });
    expect(third.report.rules).toMatchObject([{ id: 'modbus', active: false, connections: 1 }]);
    expect(await connect('near', far.ipv4)).toBe('unreachable');
  });
});

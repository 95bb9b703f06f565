import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DesiredNetwork, desiredNetwork } from '../../firmware/netd/desired.ts';
import { isEmptyPlan, planNetwork } from '../../firmware/netd/diff.ts';
import type { Lease } from '../../firmware/netd/lease.ts';
import { limits } from '../../firmware/netd/limits.ts';
import { describeOther, describePlan, renderBatch } from '../../firmware/netd/plan-text.ts';
import { assignPorts } from '../../firmware/netd/ports.ts';
import type { NetworkSettings, PortRole } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { link, machine } from './kernel-model.ts';

function desire(
  count: number,
  roles: Record<string, PortRole>,
  leases: ReadonlyMap<string, Lease> = new Map(),
  settings: NetworkSettings = defaultSettings.network,
): DesiredNetwork {
  const nics = Array.from({ length: count }, (_, index) => ({
    kernelName: `eth${index}`,
    devicePath: null,
    devicePort: 0,
    mac: null,
    driver: null,
  }));
  const ports = assignPorts(nics, { order: 'kernel-name', named: [] }, roles);
  return desiredNetwork({ settings, ports, leases, claimed: true, firewallInForce: true, cpus: 4 });
}

const role = fc.constantFrom<PortRole>('underlay', 'lan', 'management', 'unused');
const lease = fc.record({
  address: fc.constantFrom('10.0.0.5/24', '10.0.0.6/24', '10.128.0.5/32'),
  routes: fc.constantFrom<Lease['routes']>(
    [],
    [{ destination: 'default', gateway: '10.0.0.1' }],
    [
      { destination: '10.0.0.9/32', gateway: null },
      { destination: 'default', gateway: '10.0.0.9' },
    ],
  ),
  dns: fc.constant([]),
  mtu: fc.constantFrom(null, 1400),
});
/** VLANs are told apart by the settings' own checks. */
const network = (vlan: number) =>
  fc
    .record({
      tagged: fc.boolean(),
      address: fc.constant(`10.${vlan}.0.1/24`),
      dhcpServer: fc.boolean(),
      ports: fc.constantFrom(...(vlan === 10 ? [['port2'], ['port2', 'port3']] : [['port4']])),
    })
    .map(({ tagged, ...fields }) => ({ ...fields, ...(tagged && { vlan }) }));
const state = fc
  .record({
    count: fc.integer({ min: 0, max: 4 }),
    roles: fc.dictionary(fc.constantFrom('port1', 'port2', 'port3', 'port4'), role),
    leases: fc.dictionary(fc.constantFrom('eth0', 'eth1'), lease),
    lan: fc.constantFrom('192.168.1.1/24', '10.7.0.1/16'),
    ipv6: fc.constantFrom({}, { ipv6: '2001:db8::1/64' }),
    networks: fc.record({ guest: network(10), machines: network(20) }, { requiredKeys: [] }),
  })
  .map(({ count, roles, leases, lan, ipv6, networks }) =>
    desire(count, roles, new Map(Object.entries(leases)), {
      ...defaultSettings.network,
      lan: { address: lan, dhcpServer: true, ...ipv6 },
      networks,
      routes: [{ destination: '10.99.0.0/16', gateway: '10.20.0.254' }],
    }),
  );

describe('plans', () => {
  test('from any state to any other; the second plan is empty', () => {
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 4 }), (states) => {
        const model = machine();
        for (const desired of states) {
          model.run(planNetwork(desired, model.observe(desired)));
          const again = planNetwork(desired, model.observe(desired));
          expect(describePlan(again)).toEqual([]);
          expect(isEmptyPlan(again)).toBe(true);
          for (const wanted of desired.links) {
            const found = model.links.get(wanted.name);
            expect(found?.up).toBe(wanted.up);
            expect(found?.master).toBe(wanted.master);
            const given = found?.addresses.map((one) => `${one.address}/${one.prefixLength}`);
            expect(given?.sort()).toEqual([...wanted.addresses].sort());
          }
          for (const route of desired.routes) expect(model.routes).toContainEqual(route);
        }
      }),
    );
  });

  test('a change of addresses, leases or settings bounces no port whose group stays', () => {
    const model = machine();
    const before = desire(4, {});
    model.run(planNetwork(before, model.observe(before)));
    model.bounced.clear();
    const lan = { address: '10.7.0.1/16', dhcpServer: false };
    const leases = new Map([['eth0', { address: '10.0.0.5/24', routes: [], dns: [], mtu: null }]]);
    const after = desire(4, {}, leases, { ...defaultSettings.network, lan });
    model.run(planNetwork(after, model.observe(after)));
    expect([...model.bounced]).toEqual([]);
    const moved = desire(4, { port4: 'underlay' }, leases, { ...defaultSettings.network, lan });
    model.run(planNetwork(moved, model.observe(moved)));
    expect([...model.bounced]).toEqual(['eth3']);
  });

  test('uplinks that change places or leases leave no moment without a default route', () => {
    const uplinks = (priorities: readonly number[], leases: readonly Lease[]) =>
      desire(
        3,
        { port1: 'underlay', port2: 'underlay', port3: 'underlay' },
        new Map(leases.map((each, index) => [`eth${index}`, each])),
        {
          ...defaultSettings.network,
          underlay: {
            ...defaultSettings.network.underlay,
            uplinks: Object.fromEntries(
              priorities.map((priority, index) => [`port${index + 1}`, { priority }]),
            ),
          },
        },
      );
    // The kernel drops routes with an address, so these keep theirs.
    const by = (index: number) =>
      fc.constantFrom('10.0.0.1', '10.0.0.2').map(
        (gateway): Lease => ({
          address: `10.0.0.${5 + index}/24`,
          routes: [{ destination: 'default', gateway }],
          dns: [],
          mtu: null,
        }),
      );
    const states = fc
      .record({
        priorities: fc.shuffledSubarray([1, 2, 3], { minLength: 3 }),
        leases: fc.tuple(by(0), by(1), by(2)),
      })
      .map(({ priorities, leases }) => uplinks(priorities, leases));
    fc.assert(
      fc.property(fc.array(states, { minLength: 2, maxLength: 4 }), ([first, ...rest]) => {
        const model = machine();
        if (first === undefined) return;
        model.run(planNetwork(first, model.observe(first)));
        for (const desired of rest) {
          for (const step of planNetwork(desired, model.observe(desired)).batch) {
            model.apply(step);
            expect(model.routes.map(({ destination }) => destination)).toContain('default');
          }
          expect(new Set(model.routes.map((route) => JSON.stringify(route)))).toEqual(
            new Set(desired.routes.map((route) => JSON.stringify(route))),
          );
        }
      }),
    );
  });

  test('what is not ours stays: loopback, the overlay, IPv6 addresses, a bridge of another name', () => {
    const model = machine();
    const address = (family: 4 | 6, text: string) => ({
      family,
      address: text,
      prefixLength: 64,
      scope: 'global',
      usable: true,
    });
    model.links.set('hip0', link('hip0', { up: true, addresses: [address(4, '10.9.9.9')] }));
    model.links.set('other0', link('other0', { kind: 'bridge' }));
    model.links.set('eth0', link('eth0', { addresses: [address(6, '2001:db8::5')] }));
    const desired = desire(2, {});
    const steps = planNetwork(desired, model.observe(desired)).batch;
    expect(steps.filter((step) => 'link' in step && ['hip0', 'other0', 'lo'].includes(step.link))).toEqual(
      [],
    );
    expect(steps.filter((step) => step.do === 'delete-address')).toEqual([]);
  });

  test('a port that vanished is skipped; a kernel without IPv6 is not written to', () => {
    const model = machine();
    model.links.delete('eth1');
    const desired = desire(2, {});
    const observed = model.observe(desired);
    const withoutIpv6 = new Map(
      [...observed.kernelValues].map(([path, value]) => [path, path.includes('/ipv6/') ? null : value]),
    );
    const plan = planNetwork(desired, { ...observed, kernelValues: withoutIpv6 });
    expect(plan.batch.filter((step) => 'link' in step && step.link === 'eth1')).toEqual([]);
    expect(plan.before.filter(({ path }) => path.includes('/ipv6/'))).toEqual([]);
  });

  test('masks are compared as numbers', () => {
    const model = machine();
    const desired = desire(1, {});
    const path = '/sys/class/net/eth0/queues/rx-0/rps_cpus';
    const writes = () =>
      planNetwork(desired, model.observe(desired)).before.filter((write) => write.path === path);
    expect(writes()).toEqual([{ path, from: '00000000,00000000', to: 'f' }]);
    model.values.set(path, '00000000,0000000f');
    expect(writes()).toEqual([]);
  });
});

describe('as text', () => {
  test('what changes besides addresses and routes: services, and rules of the ruleset up to a bound', () => {
    const before = desire(2, {});
    const without = { ...defaultSettings.network.lan, dhcpServer: false };
    const lines = describeOther(
      before,
      desire(2, {}, new Map(), { ...defaultSettings.network, lan: without }),
    );
    expect(lines).toContain('rule removed: iifname "br-lan" udp dport 67 accept');
    expect(lines[0]).toMatch(/^lanServices: .*"first":"192.168.1.100".* → .*"pool":null/);
    expect(describeOther(before, before)).toEqual([]);
    const many = Array.from({ length: limits.plannedRules + 5 }, (_, index) => `rule ${index}`).join('\n');
    const all = describeOther(before, { ...before, firewall: `${before.firewall}${many}\n` });
    expect(all).toHaveLength(limits.plannedRules + 1);
    expect(all.at(-1)).toBe('and 5 rules more');
  });

  const plan = (() => {
    const model = machine();
    const leases = new Map([
      [
        'eth0',
        {
          address: '10.128.0.5/32',
          routes: [{ destination: 'default', gateway: '10.128.0.1' }],
          dns: [],
          mtu: 1460,
        },
      ],
    ]);
    const desired = desire(2, {}, leases);
    return planNetwork(desired, model.observe(desired));
  })();

  test('one batch for ip, bridges before their ports and addresses before routes', () => {
    expect(renderBatch(plan.batch).split('\n')).toEqual([
      'link add name br-lan type bridge stp_state 0 forward_delay 0',
      'link set dev br-lan up',
      'link set dev eth1 master br-lan',
      'link set dev eth1 up',
      'link set dev eth0 mtu 1460',
      'link set dev eth0 up',
      'address add 192.168.1.1/24 dev br-lan',
      'address add 10.128.0.5/32 dev eth0',
      'route replace default via 10.128.0.1 dev eth0 onlink metric 100 proto 72',
      '',
    ]);
  });

  test('for people: before and after', () => {
    expect(describePlan(plan).slice(0, 10)).toEqual([
      'br-lan: none → bridge',
      'br-lan: down → up',
      'eth1: in no group → in br-lan',
      'eth1: down → up',
      'eth0: MTU 1500 → 1460',
      'eth0: down → up',
      'br-lan: no address → 192.168.1.1/24',
      'eth0: no address → 10.128.0.5/32',
      'route to default: → 10.128.0.1 by eth0',
      'net/ipv4/ip_forward: unset → 1',
    ]);
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { limits } from '../../firmware/netd/limits.ts';
import { parseObservation } from '../../firmware/netd/observed.ts';
import { assignPorts } from '../../firmware/netd/ports.ts';
import { interfaceStatus, uplinkAddresses } from '../../firmware/netd/status.ts';
import { judge, unknownHealth } from '../../firmware/netd/uplinks.ts';

const recorded = readFileSync(new URL('../golden/netd/observation.json', import.meta.url), 'utf8');

function observation() {
  const parsed = parseObservation(recorded);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

test('what ip printed on a kernel is read: links, masters, addresses, counters', () => {
  const links = new Map(observation().links.map((link) => [link.name, link]));
  expect([...links.keys()].sort()).toEqual(['br-lan', 'eth0', 'eth1', 'far0', 'far1', 'lo']);
  expect(links.get('eth1')).toMatchObject({ kind: 'veth', master: 'br-lan', up: true, carrier: 'down' });
  expect(links.get('br-lan')).toMatchObject({
    kind: 'bridge',
    master: null,
    mtu: 1500,
    mac: '02:00:00:00:00:02',
  });
  expect(links.get('lo')).toMatchObject({ mac: null, up: false, carrier: 'down', kind: null });
  expect(links.get('eth0')).toMatchObject({ up: true, carrier: 'up' });
  expect(links.get('eth0')?.counters.receivedBytes).toBeGreaterThan(0);
  expect(
    links
      .get('eth0')
      ?.addresses.map((one) => `${one.address}/${one.prefixLength} ${one.scope} ${one.usable}`),
  ).toEqual([
    '10.128.0.5/32 global true',
    '2001:db8::6/64 global false',
    '2001:db8::5/64 global true',
    'fe80::ff:fe00:1/64 link true',
  ]);
});

test('only routes of our own protocol are listed; a host route has its length', () => {
  expect(observation().routes).toEqual([
    { destination: 'default', gateway: '10.128.0.1', onLink: true, link: 'eth0', metric: 100 },
    { destination: '10.128.0.1/32', gateway: null, onLink: false, link: 'eth0', metric: 100 },
    { destination: 'default', gateway: 'fe80::1', onLink: false, link: 'eth0', metric: 100 },
  ]);
  expect(observation().announced).toEqual([
    { destination: 'default', gateway: 'fe80::ff:fe00:99', onLink: false, link: 'eth0', metric: 1024 },
  ]);
});

test('uplinks are usable global addresses of underlay ports', () => {
  const nics = ['eth0', 'eth1'].map((kernelName) => ({
    kernelName,
    devicePath: null,
    devicePort: 0,
    mac: null,
    driver: 'veth',
  }));
  const named = [{ name: 'port1', kernelName: 'eth0', label: 'WAN' }];
  const ports = assignPorts(nics, { order: 'kernel-name', named }, {});
  const look = {
    ...{ carrier: true, gateway: true, names: null, destinations: [true, false, true] },
    peers: { asked: 3, answered: 2 },
  };
  const health = new Map([['eth0', judge(unknownHealth, look)]]);
  const uplinks = { order: ['eth0'], health, modem: () => null, delegated: () => null };
  const speeds = new Map([['eth1', { megabits: 1000, duplex: 'full' as const }]]);
  expect(
    uplinkAddresses(uplinks.order, observation()).map(({ link, address }) => `${link} ${address}`),
  ).toEqual(['eth0 10.128.0.5', 'eth0 2001:db8::5']);
  expect(
    interfaceStatus(ports, observation(), uplinks, speeds).map(
      ({ name, kernelName, role, link, uplink, speed, label }) => [
        ...[name, kernelName, role, link],
        ...[uplink?.place ?? null, speed?.megabits ?? null, label],
      ],
    ),
  ).toEqual([
    ['port1', 'eth0', 'underlay', 'up', 1, null, 'WAN'],
    ['port2', 'eth1', 'lan', 'down', null, 1000, null],
    ['br-lan', 'br-lan', 'lan', 'down', null, null, null],
  ]);
  expect(interfaceStatus(ports, observation(), uplinks, speeds)[0]?.uplink).toEqual({
    ...{ works: true, score: 72, place: 1, modem: null, secondsToChange: null },
    look: {
      ...{ gateway: true, names: null },
      ...{ destinations: { asked: 3, answered: 2 }, peers: { asked: 3, answered: 2 } },
    },
  });
});

test('of the routes that routers announce only so many defaults of the main table are taken', () => {
  const route = { dst: 'default', gateway: 'fe80::1', dev: 'eth0', table: 'main', metric: 1024 };
  const announced = (routes: readonly object[]) => {
    const parsed = parseObservation(`[]\n[]\n${JSON.stringify(routes)}`);
    return parsed.ok ? parsed.value.announced.length : null;
  };
  expect(
    announced([
      { ...route, dst: '2001:db8::/32' },
      { ...route, table: '7' },
    ]),
  ).toBe(0);
  expect(announced(Array.from({ length: limits.announcedRoutes + 1 }, () => route))).toBe(
    limits.announcedRoutes,
  );
});

test('what is not three lists of JSON is a result, not an exception', () => {
  for (const text of ['', 'x', '[]', '[]\n[]', '{}\n{}\n{}', '[]\n[]\n[', '1\n2\n3'])
    expect(parseObservation(text)).toMatchObject({ ok: false });
  expect(parseObservation('[]\n[]\n[]\n')).toEqual({
    ok: true,
    value: { links: [], routes: [], announced: [] },
  });
  fc.assert(
    fc.property(fc.json(), fc.json(), (a, b) => typeof parseObservation(`${a}\n${b}\n[]`).ok === 'boolean'),
  );
  const odd = fc.array(
    fc.record({
      ifname: fc.anything(),
      addr_info: fc.anything(),
      stats64: fc.anything(),
      flags: fc.anything(),
    }),
  );
  const json = odd.map((value) =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? null : part)),
  );
  fc.assert(fc.property(json, (links) => typeof parseObservation(`${links}\n[]\n[]`).ok === 'boolean'));
});

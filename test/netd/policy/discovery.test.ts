import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/netd/limits.ts';
import { parseDhcpClients } from '../../../firmware/netd/policy/dhcp-clients.ts';
import { DeviceDiscovery } from '../../../firmware/netd/policy/discovery.ts';
import type { PolicyPorts } from '../../../firmware/netd/policy/enforcement.ts';
import { formatSeen, noteSeen, parseSeen } from '../../../firmware/netd/policy/seen-devices.ts';

const june = Date.parse('2026-06-01T00:00:00Z');
const press = { address: '192.168.1.10', mac: '02:00:00:00:00:10', link: 'br-lan' };
const mac = (number: number) =>
  `02:00:00:00:${[number >> 8, number & 255].map((value) => value.toString(16).padStart(2, '0')).join(':')}`;

describe('leases that dnsmasq wrote', () => {
  test('name who has an address; what is no MAC, no IPv4 address or no name is not taken for one', () => {
    const text = [
      '1780272000 02:00:00:00:00:10 192.168.1.10 press-7 01:02:00:00:00:00:10',
      '1780272000 02:00:00:00:00:1A 192.168.1.11 * *',
      '1780272000 06-0011 192.168.1.12 firewire *',
      '1780272000 02:00:00:00:00:13 192.168.1.13 <script> *',
      'duid 00:01:00:01',
      '1780272000 1234 fd01::10 press-7 00:01',
      '',
    ].join('\n');
    expect(parseDhcpClients(text)).toEqual([
      { mac: '02:00:00:00:00:10', address: '192.168.1.10', name: 'press-7' },
      { mac: '02:00:00:00:00:1a', address: '192.168.1.11', name: null },
      { mac: '02:00:00:00:00:13', address: '192.168.1.13', name: null },
    ]);
  });
});

describe('who was seen', () => {
  test('keeps its first time, its addresses and its name; the last time moves', () => {
    const first = noteSeen(new Map(), [press], { clients: [{ ...press, name: 'press-7' }] }, june);
    const second = noteSeen(first, [{ ...press, address: 'fd01::10' }], { clients: [] }, june + 1000);
    expect([...second.values()]).toEqual([
      {
        ...{ mac: press.mac, link: 'br-lan', hostName: 'press-7', addresses: ['fd01::10', '192.168.1.10'] },
        ...{ firstSeen: june, lastSeen: june + 1000 },
      },
    ]);
  });

  test('has no time from a clock that was not set, and gets it later', () => {
    const early = noteSeen(new Map(), [press], { clients: [] }, 5000);
    expect(early.get(press.mac)).toMatchObject({ firstSeen: null, lastSeen: null });
    expect(noteSeen(early, [press], { clients: [] }, june).get(press.mac)).toMatchObject({
      firstSeen: june,
      lastSeen: june,
    });
    const known = noteSeen(new Map(), [press], { clients: [] }, june);
    expect(noteSeen(known, [press], { clients: [] }, 5000).get(press.mac)).toMatchObject({ lastSeen: june });
  });

  test(`is ${limits.seenDevices} hosts at most: a flood of MACs drives out who was silent longest`, () => {
    const flood = Array.from({ length: limits.seenDevices }, (_, index) => ({
      ...press,
      mac: mac(index + 256),
    }));
    const before = noteSeen(new Map(), [press], { clients: [] }, june);
    const full = noteSeen(before, flood.slice(1), { clients: [] }, june + 1);
    expect([full.size, full.has(press.mac)]).toEqual([limits.seenDevices, true]);
    const over = noteSeen(full, [flood[0] ?? press], { clients: [] }, june + 2);
    expect([over.size, over.has(press.mac)]).toEqual([limits.seenDevices, false]);
    const many = Array.from({ length: limits.seenAddresses + 1 }, (_, index) => ({
      ...press,
      address: `10.0.0.${index}`,
    }));
    expect(noteSeen(new Map(), many, { clients: [] }, june).get(press.mac)?.addresses).toHaveLength(
      limits.seenAddresses,
    );
  });

  test('is read as it was written, and from nonsense nothing', () => {
    const seen = noteSeen(new Map(), [press], { clients: [] }, june);
    expect(parseSeen(formatSeen(seen))).toEqual(seen);
    for (const text of [null, '', '{}', '[null,1,{"mac":1}]', '[{"mac":"a","link":"b","addresses":[1]}]'])
      expect(parseSeen(text).size).toBe(0);
    fc.assert(fc.property(fc.json(), (text) => void parseSeen(text)));
  });
});

test('the list of devices tells what is remembered, also of who has gone, over a restart', async () => {
  const files = new Map([['/run/dhcp/clients', '1780272000 02:00:00:00:00:10 192.168.1.10 press-7 *\n']]);
  let heard = [
    { dst: press.address, dev: 'br-lan', lladdr: press.mac, state: ['REACHABLE'] },
    { dst: '10.0.0.9', dev: 'eth0', lladdr: '02:00:00:00:00:99', state: ['REACHABLE'] },
  ];
  const due: (() => void)[] = [];
  const ports: PolicyPorts = {
    setTimer: (_, callback) => {
      due.push(callback);
      return { close: () => {} };
    },
    log: () => {},
    readText: (path) => files.get(path) ?? null,
    replaceText: (path, text) => {
      files.set(path, text);
      return null;
    },
    runFolder: '/run',
    run: async () => ({ status: 0, stdout: JSON.stringify(heard), stderr: '' }),
    now: () => june,
  };
  const discovery = new DeviceDiscovery(ports, '/state/seen');
  discovery.follow(['br-lan']);
  expect(due).toHaveLength(1);
  const row = { ...press, device: null, state: 'quarantine' as const };
  const times = { firstSeen: '2026-06-01T00:00:00.000Z', lastSeen: '2026-06-01T00:00:00.000Z' };
  expect(await discovery.describe([row])).toEqual([{ ...row, hostName: 'press-7', ...times }]);
  await discovery.close();
  heard = [];
  const again = new DeviceDiscovery(ports, '/state/seen');
  again.follow(['br-lan']);
  expect(await again.describe([])).toEqual([
    { ...row, link: null, state: 'not seen', hostName: 'press-7', ...times },
  ]);
});

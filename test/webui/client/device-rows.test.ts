import { expect, test } from 'vitest';
import type { Devices } from '../../../firmware/webui/api/policy-route.ts';
import {
  deviceAnswer,
  deviceMatches,
  deviceRows,
  labelsOf,
  nameFor,
  rulesAbout,
} from '../../../firmware/webui/client/pages/devices/device-rows.ts';

type Seen = Devices['devices'][number];
const seen = (more: Partial<Seen>): Seen => ({
  ...{ device: null, address: null, mac: null, link: 'br-lan', hostName: null },
  ...{ firstSeen: null, lastSeen: null, state: 'quarantine' },
  ...more,
});
const mac = '02:00:00:00:00:10';

test('addresses of a device stand together, by its name or its MAC', () => {
  const rows = deviceRows(
    [
      seen({
        mac,
        address: '192.168.1.20',
        lastSeen: '2026-06-01T12:00:00.000Z',
        firstSeen: '2026-05-01T12:00:00.000Z',
      }),
      seen({
        mac,
        address: 'fe80::1',
        hostName: 'cam',
        lastSeen: '2026-06-02T12:00:00.000Z',
        firstSeen: '2026-05-02T12:00:00.000Z',
      }),
      seen({ device: 'press', address: '192.168.1.30', state: 'accepted' }),
      seen({ device: 'press', address: '192.168.5.30', link: 'br-cell', state: 'accepted' }),
    ],
    [{ name: 'press', mac: '02:00:00:00:00:30', labels: ['role=plc'], addresses: ['192.168.1.30'] }],
  );
  expect(rows).toMatchObject([
    {
      ...{ key: mac, name: null, addresses: ['192.168.1.20', 'fe80::1'], hostName: 'cam', links: ['br-lan'] },
      ...{ firstSeen: '2026-05-01T12:00:00.000Z', lastSeen: '2026-06-02T12:00:00.000Z', labels: [] },
    },
    {
      ...{ key: 'press', mac: '02:00:00:00:00:30', addresses: ['192.168.1.30', '192.168.5.30'] },
      ...{ links: ['br-lan', 'br-cell'], labels: ['role=plc'] },
    },
  ]);
});

test('quarantine is first, then by name as people count; a device that is seen anywhere is seen', () => {
  const rows = deviceRows(
    [
      seen({ device: 'plc10', address: '10.0.0.10', state: 'accepted' }),
      seen({ device: 'gone', mac: '02:00:00:00:00:01', link: null, state: 'not seen' }),
      seen({ mac: '02:00:00:00:00:02', address: '10.0.0.2', link: null, state: 'not seen' }),
      seen({ device: 'plc9', address: '10.0.0.9', state: 'not seen' }),
      seen({ device: 'plc9', address: '10.0.0.8', state: 'accepted' }),
      seen({ mac: '02:00:00:00:00:03', address: '10.0.0.3' }),
      seen({ mac: '02:00:00:00:00:04', address: '10.0.0.4', state: 'permitted' }),
    ],
    [],
  );
  expect(rows.map(({ key, state }) => [key, state])).toEqual([
    ['02:00:00:00:00:03', 'quarantine'],
    ['02:00:00:00:00:04', 'permitted'],
    ['plc9', 'accepted'],
    ['plc10', 'accepted'],
    ['gone', 'not seen'],
    ['02:00:00:00:00:02', 'not seen'],
  ]);
});

test('a search finds names, addresses, MACs and labels', () => {
  const [row] = deviceRows(
    [seen({ device: 'press', hostName: 'Press-7', mac, address: '192.168.1.30' })],
    [{ name: 'press', mac, labels: ['role=plc'] }],
  );
  if (row === undefined) throw new Error('a row');
  for (const search of ['', 'press-7', '1.30 plc', '02:00', 'BR-LAN'])
    expect([search, deviceMatches(row, search)]).toEqual([search, true]);
  expect(deviceMatches(row, 'press camera')).toBe(false);
});

test('a name is proposed that no other device has', () => {
  const [row] = deviceRows([seen({ mac, hostName: 'cam' })], []);
  if (row === undefined) throw new Error('a row');
  expect([nameFor(row, []), nameFor(row, ['cam']), nameFor({ ...row, hostName: null }, [])]).toEqual([
    'cam',
    '',
    '',
  ]);
});

test('labels are typed with commas or spaces, each once', () => {
  expect(labelsOf(' role=plc, cell=4  role=plc;x ')).toEqual(['role=plc', 'cell=4', 'x']);
  expect(labelsOf(' ')).toEqual([]);
});

test('the answer is about who waits, then about who is unknown, then that all is well', () => {
  const row = (state: Seen['state'], number: number) => seen({ state, mac: `02:00:00:00:00:0${number}` });
  const answer = (...rows: Seen[]) => deviceAnswer(deviceRows(rows, []), 'quarantine');
  expect(answer(row('quarantine', 1), row('permitted', 2), row('accepted', 3))).toMatchObject({
    ...{ mark: 'attention', sentence: '1 device is in quarantine.' },
  });
  expect(answer(row('permitted', 1), row('permitted', 2))).toMatchObject({
    ...{ mark: 'degraded', sentence: expect.stringContaining('2 devices may do') },
  });
  expect(answer(seen({ device: 'a', state: 'accepted' }), seen({ device: 'b', state: 'accepted' }))).toEqual({
    ...{ mark: 'up', sentence: 'All 2 devices on your networks are accepted.', advice: null },
  });
  expect(answer()).toMatchObject({ mark: 'off', advice: expect.stringContaining('in quarantine until') });
});

test('rules about a device name it, or labels that it all has', () => {
  const rule = (id: string, subject: object | 'any') => ({
    ...{ id, subject, verb: 'allow' as const, object: 'any' as const },
  });
  const rules = [
    rule('by-name', { device: 'press' }),
    rule('other', { device: 'hmi' }),
    rule('by-labels', [{ device: 'hmi' }, { labels: ['plc', 'cell=4'] }]),
    rule('one-more-label', { labels: ['plc', 'cell=5'] }),
    rule('everybody', 'any'),
  ];
  expect(rulesAbout(rules, 'press', ['cell=4', 'plc']).map(({ id }) => id)).toEqual(['by-name', 'by-labels']);
});

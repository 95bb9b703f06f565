import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../../firmware/flows/conntrack-messages.ts';
import type { LoggedPacket } from '../../firmware/flows/denied-packets.ts';
import { limits } from '../../firmware/flows/limits.ts';
import { deniedWindowMs, FlowTracker, pieceMs } from '../../firmware/flows/tracker.ts';
import { parseAddressRange, unionOf } from '../../firmware/policy/address-line.ts';
import { compilePolicy } from '../../firmware/policy/compile.ts';
import type { Policy, Rule } from '../../firmware/policy/policy.ts';
import { numberRules } from '../../firmware/policy/rule-numbers.ts';

const modbus: Rule = {
  ...{ id: 'modbus', subject: { labels: ['zone=control'] }, verb: 'allow', object: { gateway: 'plant' } },
  services: [{ protocol: 'tcp', ports: [502] }],
};
const watch: Rule = { id: 'watch', subject: 'any', verb: 'allow', object: 'any', mode: 'observe' };
const planned: Rule = { ...modbus, id: 'planned', verb: 'deny', mode: 'staged' };
const numbers = numberRules(new Map(), ['modbus', 'watch', 'planned']).numbers;
const [modbusMark, watchMark, plannedMark] = [0x0500_0001, 0x0500_0002, 0x0500_0003];

function known(
  since: number,
  { rules = [modbus, watch], hmi = 'hmi' }: { rules?: Rule[]; hmi?: string } = {},
) {
  const policy: Policy = {
    ...{ labels: ['site=a'], peerLabels: { plant: ['site=b'] }, rules, unknownDevices: 'permitted' },
    devices: [
      { name: hmi, addresses: ['192.168.1.10'], labels: ['zone=control'] },
      { name: 'far', addresses: ['172.16.5.5'] },
    ],
  };
  const peers = [
    { name: 'plant', hit: '2001:20::1', protectedPrefixes: ['192.168.2.0/24'], platform: 'aws' },
  ];
  const input = { policy, own: { platform: 'bare-metal' }, peers };
  const result = compilePolicy(input, numbers, 0);
  if (!result.ok) throw new Error(result.problem);
  const range = parseAddressRange('192.168.1.0/24');
  return {
    ...{ since, input, compiled: result.value, own: ['192.168.1.1'] },
    networks: unionOf(range === undefined ? [] : [range]),
  };
}

const connection = (more: Partial<Connection> = {}): Connection => ({
  ...{ id: 1, from: '192.168.1.10', to: '192.168.2.20', protocol: 6, port: 502, mark: modbusMark },
  ...{ start: 1_000, end: 6_000, sent: { packets: 7, bytes: 700 }, received: { packets: 5, bytes: 900 } },
  ...more,
});
const packet = (more: Partial<LoggedPacket> = {}): LoggedPacket => ({
  ...{ reason: 'default', from: '192.168.2.20', to: '192.168.1.10', protocol: 17, port: 53 },
  ...{ octets: 60, mark: 0, established: false, isReply: false },
  ...more,
});
function tracking(...policies: ReturnType<typeof known>[]): FlowTracker {
  const tracker = new FlowTracker();
  for (const policy of policies.length > 0 ? policies : [known(0)]) tracker.setPolicy(policy);
  return tracker;
}
function ended(more: Partial<Connection>, ...policies: ReturnType<typeof known>[]) {
  const tracker = tracking(...policies);
  tracker.ended(connection(more), 9_000);
  return tracker.take(9_000)[0];
}

describe('an ended connection', () => {
  test('is told with its ends as the policy knows them, its rule and its counts', () => {
    expect(ended({})).toEqual({
      ...{ start: 1_000, end: 6_000, protocol: 'tcp', port: 502, direction: 'outbound' },
      from: {
        ...{ address: '192.168.1.10', devices: ['hmi'], gateway: 'this', platform: 'bare-metal' },
        labels: ['zone=control', 'site=a'],
      },
      to: { address: '192.168.2.20', devices: [], gateway: 'plant', labels: ['site=b'], platform: 'aws' },
      ...{ verdict: 'allow', rule: 'modbus', reason: 'rule', staged: null },
      ...{ sent: { packets: 7, bytes: 700 }, received: { packets: 5, bytes: 900 } },
    });
  });

  test.each([
    ['inbound', { from: '192.168.2.20', to: '192.168.1.10' }],
    ['local', { to: '192.168.1.11' }],
    ['local', { from: '172.16.5.5' }],
    ['internet', { to: '1.1.1.1', mark: 0 }],
    ['internet', { from: '10.0.0.9', to: '10.0.0.1', mark: 0 }],
  ])('goes %s', (direction, more) => {
    const flow = ended({
      ...more,
      ...(direction === 'local' && !('to' in more) ? { to: '192.168.1.11' } : {}),
    });
    expect(flow).toMatchObject({ direction });
  });

  test.each([
    [1, 'icmp'],
    [58, 'icmp'],
    [6, 'tcp'],
    [17, 'udp'],
    [47, '47'],
  ])('of protocol %i is %s', (protocol, name) => {
    expect(ended({ protocol })?.protocol).toBe(name);
  });

  test.each([
    ['a rule that observes', { mark: watchMark }, { verdict: 'allow', rule: 'watch', reason: 'observed' }],
    ['a number that nobody knows any more', { mark: 999 }, { verdict: 'allow', rule: null, reason: 'rule' }],
    ['no mark any more', { mark: 0 }, { verdict: 'deny', rule: null, reason: 'replaced' }],
    ['a generation without a rule', { mark: 0x0500_0000 }, { verdict: 'deny', reason: 'replaced' }],
    ['the gateway itself', { to: '192.168.1.1', mark: 0 }, { verdict: 'allow', reason: 'firewall' }],
    ['the underlay', { to: '1.1.1.1', mark: 0 }, { verdict: 'allow', reason: 'firewall' }],
  ])('with %s', (_, more, expected) => {
    expect(ended(more)).toMatchObject(expected);
  });

  test('says what a staged rule would do', () => {
    const policy = known(0, { rules: [modbus, planned] });
    expect(ended({}, policy)).toMatchObject({ rule: 'modbus', staged: { rule: 'planned', verdict: 'deny' } });
    expect(ended({ port: 503, mark: watchMark }, policy)).toMatchObject({ staged: null });
  });

  test('is told by the policy that it began under, its rule by the newest', () => {
    const policies = [known(500), known(2_000, { hmi: 'panel' })];
    expect(ended({ start: 1_999 }, ...policies)?.from.devices).toEqual(['hmi']);
    expect(ended({ start: 2_000 }, ...policies)?.from.devices).toEqual(['panel']);
    // Before the first that is remembered.
    expect(ended({ start: 10 }, ...policies)?.from.devices).toEqual(['hmi']);
  });

  test('no more policies are remembered than the limit says', () => {
    const policies = Array.from({ length: limits.policies + 1 }, (_, index) =>
      known(index * 100, { hmi: `hmi-${index}` }),
    );
    expect(ended({ start: 0 }, ...policies)?.from.devices).toEqual(['hmi-1']);
    expect(ended({ start: 0 }, ...policies.slice(1))?.from.devices).toEqual(['hmi-1']);
    expect(ended({ start: 0 }, ...policies.slice(0, -1))?.from.devices).toEqual(['hmi-0']);
  });

  test.each([
    '127.0.0.1',
    '::1',
    '224.0.0.251',
    '239.1.1.1',
    '255.255.255.255',
    '0.0.0.0',
    'fe80::1',
    'ff02::fb',
    '::',
  ])('with %s is not recorded', (to) => {
    expect(ended({ to })).toBeUndefined();
  });

  test('without times begins and ends when it is heard of', () => {
    expect(ended({ start: null, end: null })).toMatchObject({ start: 9_000, end: 9_000 });
  });

  test('before the first policy nothing is known of anybody', () => {
    const tracker = new FlowTracker();
    tracker.ended(connection(), 9_000);
    expect(tracker.take(9_000)).toEqual([]);
  });
});

describe('denied packets', () => {
  test('of a kind are one record over the window, told with their rule', () => {
    const tracker = tracking();
    for (let now = 0; now < deniedWindowMs; now += 5_000)
      tracker.logged(packet({ reason: 'rule', mark: plannedMark, octets: 100 }), now);
    expect(tracker.take(deniedWindowMs - 1)).toEqual([]);
    expect(tracker.take(deniedWindowMs)).toMatchObject([
      {
        ...{ start: 0, end: 10_000, protocol: 'udp', port: 53, direction: 'inbound' },
        ...{ verdict: 'deny', rule: 'planned', reason: 'rule' },
        ...{ sent: { packets: 3, bytes: 300 }, received: { packets: 0, bytes: 0 } },
        from: { address: '192.168.2.20', gateway: 'plant' },
      },
    ]);
    expect(tracker.take(10 * deniedWindowMs)).toEqual([]);
  });

  test('differ by ends, protocol, port, reason and rule', () => {
    const tracker = tracking();
    const kinds: Partial<LoggedPacket>[] = [
      ...[{}, { from: '192.168.2.21' }, { to: '192.168.1.12' }, { protocol: 6 }, { port: 54 }],
      ...[
        { reason: 'quarantine' as const },
        { reason: 'spoofed' as const },
        { reason: 'rule' as const, mark: 1 },
      ],
      ...[{ reason: 'rule' as const, mark: 2 }, { established: true }],
    ];
    for (const kind of [...kinds, ...kinds]) tracker.logged(packet(kind), 0);
    const records = tracker.take(0, true);
    expect(records.map(({ sent }) => sent.packets)).toEqual(kinds.map(() => 2));
    expect(records.map(({ reason }) => reason)).toEqual([
      ...['default', 'default', 'default', 'default', 'default', 'quarantine', 'spoofed', 'rule', 'rule'],
      'replaced',
    ]);
  });

  test('that a staged rule would deny are no record of their own', () => {
    const tracker = tracking();
    tracker.logged(packet({ reason: 'staged', mark: plannedMark }), 0);
    expect(tracker.take(0, true)).toEqual([]);
  });

  test('a clock that is set back ends the window', () => {
    const tracker = tracking();
    tracker.logged(packet(), 1_000_000);
    expect(tracker.take(0)).toHaveLength(1);
  });

  test('of more kinds than are counted are lost, and that is counted', () => {
    const tracker = tracking();
    for (let port = 0; port < limits.deniedKinds; port++) tracker.logged(packet({ port }), 0);
    expect(tracker.lost.denied).toBe(0);
    tracker.logged(packet({ port: 60_000 }), 0);
    tracker.logged(packet({ port: 1 }), 0);
    expect(tracker.lost.denied).toBe(1);
    expect(tracker.take(0, true)).toHaveLength(limits.deniedKinds);
  });
});

describe('a connection that lasts', () => {
  const lasting = (packets: number) =>
    connection({
      end: null,
      start: 0,
      sent: { packets, bytes: packets * 100 },
      received: { packets: 0, bytes: 0 },
    });
  const sweep = (tracker: FlowTracker, now: number, ...found: Connection[]) => {
    tracker.beginSweep();
    for (const one of found) tracker.passed(one, now);
    tracker.endSweep();
    return tracker.take(now);
  };

  test('is recorded in pieces that follow one another, and the rest when it ends', () => {
    const tracker = tracking();
    expect(sweep(tracker, pieceMs - 1, lasting(10))).toEqual([]);
    expect(sweep(tracker, pieceMs, lasting(11))).toMatchObject([
      { start: 0, end: pieceMs, sent: { packets: 11, bytes: 1_100 } },
    ]);
    expect(sweep(tracker, 2 * pieceMs - 1, lasting(20))).toEqual([]);
    // Idle: there is nothing to be said.
    expect(sweep(tracker, 2 * pieceMs, lasting(11))).toEqual([]);
    expect(sweep(tracker, 3 * pieceMs, lasting(31))).toMatchObject([
      { start: pieceMs, end: 3 * pieceMs, sent: { packets: 20, bytes: 2_000 } },
    ]);
    tracker.ended({ ...lasting(36), end: 4 * pieceMs }, 4 * pieceMs);
    expect(tracker.take(4 * pieceMs)).toMatchObject([
      { start: 3 * pieceMs, end: 4 * pieceMs, sent: { packets: 5, bytes: 500 } },
    ]);
    expect(tracker.held.pieces).toBe(0);
  });

  test('whose end was not heard is forgotten with the next sweep', () => {
    const tracker = tracking();
    sweep(tracker, pieceMs, lasting(10), { ...lasting(10), id: 2 });
    expect(tracker.held.pieces).toBe(2);
    sweep(tracker, pieceMs + 1, { ...lasting(10), id: 2 });
    expect(tracker.held.pieces).toBe(1);
  });

  test('beyond the limit is recorded as a whole when it ends', () => {
    const tracker = tracking();
    const many = Array.from({ length: limits.pieces + 1 }, (_, id) => ({ ...lasting(10), id }));
    tracker.beginSweep();
    let pieces = 0;
    for (const one of many) {
      tracker.passed(one, pieceMs);
      pieces += tracker.take(pieceMs).length;
    }
    expect([pieces, tracker.held.pieces]).toEqual([limits.pieces, limits.pieces]);
    tracker.ended({ ...lasting(12), id: limits.pieces }, 2 * pieceMs);
    expect(tracker.take(2 * pieceMs)).toMatchObject([{ start: 0, sent: { packets: 12 } }]);
  });

  test('is shown as a whole while it lives', () => {
    const tracker = tracking();
    sweep(tracker, pieceMs, lasting(10));
    expect(tracker.living(lasting(12), pieceMs + 5)).toMatchObject({
      start: 0,
      end: null,
      sent: { packets: 12 },
    });
    expect(tracker.take(pieceMs + 5)).toEqual([]);
  });
});

describe('whatever comes', () => {
  test('memory is bounded, and what is not recorded is counted', () => {
    const tracker = tracking();
    for (let id = 0; id < limits.waiting; id++) tracker.ended(connection({ id }), 0);
    expect(tracker.lost.records).toBe(0);
    tracker.ended(connection(), 0);
    expect([tracker.lost.records, tracker.held.waiting]).toEqual([1, limits.waiting]);
    expect(tracker.take(0)).toHaveLength(limits.waiting);
    tracker.ended(connection(), 0);
    expect(tracker.take(0)).toHaveLength(1);
  });

  test('more ends than are remembered are told as well', () => {
    const tracker = tracking();
    const far = (index: number) => `192.168.2.${index % 250}`;
    const near = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    for (let index = 0; index <= limits.ends; index++)
      tracker.ended(connection({ id: index, from: near(index), to: far(index) }), 0);
    tracker.ended(connection({ from: '192.168.1.10', to: far(0) }), 0);
    const flows = tracker.take(0);
    expect(flows).toHaveLength(limits.ends + 2);
    expect(new Set(flows.map(({ to }) => to.gateway))).toEqual(new Set(['plant']));
    expect(flows.at(-1)).toMatchObject({ from: { devices: ['hmi'] } });
  });

  test('packets and octets of pieces add up to those of the connection', () => {
    const growth = fc.array(
      fc.record({ packets: fc.nat({ max: 1_000 }), after: fc.nat({ max: 2 * pieceMs }) }),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(growth, (steps) => {
        const tracker = tracking();
        let [now, packets, recorded, until] = [0, 0, 0, 0];
        const take = () => {
          for (const { start, end, sent } of tracker.take(now)) {
            expect(start).toBe(until);
            until = end ?? Number.NaN;
            recorded += sent.packets;
          }
        };
        for (const step of steps) {
          now += step.after;
          packets += step.packets;
          tracker.beginSweep();
          tracker.passed(connection({ start: 0, end: null, sent: { packets, bytes: packets } }), now);
          tracker.endSweep();
          take();
        }
        tracker.ended(connection({ start: 0, end: now, sent: { packets, bytes: packets } }), now);
        take();
        expect([recorded, until]).toEqual([packets, now]);
      }),
    );
  });
});

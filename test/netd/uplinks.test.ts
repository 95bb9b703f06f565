import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/netd/limits.ts';
import type { Port } from '../../firmware/netd/ports.ts';
import {
  judge,
  judgeAlone,
  looksToReturn,
  rankUplinks,
  scoreOf,
  secondsToChange,
  type UplinkHealth,
  type UplinkLook,
  unknownHealth,
  unplugged,
} from '../../firmware/netd/uplinks.ts';

/** A link about which nothing else is known. */
const bare: UplinkLook = { ...unplugged, carrier: true };
const good: UplinkLook = { ...bare, gateway: true, destinations: [true] };
const silent: UplinkLook = { ...bare, gateway: true, destinations: [false, false] };
const peers = (answered: number, asked: number) => ({ asked, answered });
const repeated = (health: UplinkHealth, look: UplinkLook, times: number) => {
  let now = health;
  for (let count = 0; count < times; count++) now = judge(now, look);
  return now;
};

describe('the score of an uplink', () => {
  test.each<[UplinkLook, number]>([
    [good, 100],
    [unplugged, 0],
    [{ ...good, carrier: false }, 0],
    [silent, 40],
    [bare, 100],
    [{ ...bare, gateway: false, destinations: [true, true] }, 60],
    [{ ...bare, gateway: true, destinations: [true, false] }, 70],
    [{ ...bare, gateway: false }, 0],
    [{ ...bare, gateway: true, names: false }, 67],
    [{ ...bare, gateway: true, names: true, destinations: [false] }, 50],
    // Peers that are silent outweigh all that answers nearer, and peers that answer all that is silent.
    [{ ...bare, gateway: true, names: true, destinations: [true], peers: peers(0, 3) }, 46],
    [{ ...bare, gateway: false, names: false, destinations: [false], peers: peers(3, 3) }, 54],
    // One of several is likely to be down itself.
    [{ ...good, peers: peers(1, 2) }, 71],
  ])('%j: %i', (look, score) => expect(scoreOf(look)).toBe(score));
});

describe('the health of an uplink', () => {
  test('silence ends it after a few looks, a lost link at once', () => {
    expect(repeated(unknownHealth, silent, limits.uplinkFailures - 1).works).toBe(true);
    expect(repeated(unknownHealth, silent, limits.uplinkFailures).works).toBe(false);
    expect(judge(unknownHealth, unplugged).works).toBe(false);
  });

  test('what failed is used again only after it has done well for a while', () => {
    const failed = judge(unknownHealth, unplugged);
    expect(repeated(failed, good, limits.uplinkSuccesses - 1).works).toBe(false);
    expect(repeated(failed, good, limits.uplinkSuccesses).works).toBe(true);
    expect(repeated(judge(repeated(failed, good, limits.uplinkSuccesses - 1), silent), good, 1).works).toBe(
      false,
    );
  });

  test('a lost answer on the way back undoes a few looks, a lost link all of them', () => {
    const nearlyBack = repeated(judge(unknownHealth, unplugged), good, limits.uplinkSuccesses - 1);
    const worksAfter = (look: UplinkLook, looks: number) =>
      repeated(judge(nearlyBack, look), good, looks).works;
    expect(
      [limits.uplinkSetback, limits.uplinkSetback + 1].map((looks) => worksAfter(silent, looks)),
    ).toEqual([false, true]);
    expect(worksAfter(unplugged, limits.uplinkSuccesses - 1)).toBe(false);
    expect(worksAfter(unplugged, limits.uplinkSuccesses)).toBe(true);
  });

  test('each relapse doubles what brings it back, up to a bound; a long time of work makes them good', () => {
    let health = repeated(judge(unknownHealth, unplugged), good, limits.uplinkSuccesses);
    for (let relapse = 1; relapse <= limits.uplinkRelapses + 1; relapse++) {
      health = judge(health, unplugged);
      expect(health.relapses).toBe(relapse);
      const looks = looksToReturn(relapse);
      expect(looks).toBe(limits.uplinkSuccesses * 2 ** Math.min(relapse, limits.uplinkRelapses));
      expect(repeated(health, good, looks - 1).works).toBe(false);
      health = repeated(health, good, looks);
      expect(health.works).toBe(true);
    }
    expect(judge(repeated(health, good, limits.uplinkSteady - 1), unplugged).relapses).toBeGreaterThan(0);
    expect(judge(repeated(health, good, limits.uplinkSteady), unplugged).relapses).toBe(0);
  });

  test('it is told what the score is of, and when it will change', () => {
    const told = (health: UplinkHealth) => [health.last, secondsToChange(health)];
    expect(told(unknownHealth)).toEqual([null, null]);
    const failing = judge(unknownHealth, silent);
    expect(told(failing)).toEqual([silent, ((limits.uplinkFailures - 1) * limits.uplinkLookMs) / 1000]);
    const failed = repeated(failing, silent, limits.uplinkFailures - 1);
    expect(told(failed)).toEqual([silent, null]);
    const returning = judge(failed, good);
    expect(told(returning)).toEqual([good, ((limits.uplinkSuccesses - 1) * limits.uplinkLookMs) / 1000]);
    expect(told(repeated(returning, good, limits.uplinkSuccesses - 1))).toEqual([good, null]);
  });

  test('one that comes and goes faster than that changes nothing more', () => {
    const failed = judge(unknownHealth, unplugged);
    const looks = fc.array(fc.constantFrom(good, silent, unplugged), { maxLength: 200 });
    fc.assert(
      fc.property(looks, (sequence) => {
        let health = failed;
        let answered = 0;
        for (const look of sequence) {
          const before = health;
          health = judge(health, look);
          if (look === good) answered++;
          else answered = look === silent ? Math.max(0, answered - limits.uplinkSetback) : 0;
          if (before.works) continue;
          expect(health.works).toBe(answered >= looksToReturn(before.relapses));
          if (health.works) answered = 0;
        }
      }),
    );
  });
});

test('one alone that failed works again with its first answer', () => {
  const failed = judgeAlone(unknownHealth, unplugged);
  expect(failed).toMatchObject({ works: false, score: 0 });
  const answers = { ...unplugged, carrier: true, gateway: true };
  expect(judgeAlone(failed, answers)).toEqual({ ...unknownHealth, last: answers });
});

test('the order: what works, then the priority, then the ports’ own order', () => {
  const ports = ['port1', 'port2', 'port3'].map(
    (name, index): Port => ({
      ...{ name, role: 'underlay', label: null, mtu: null },
      nic: { kernelName: `eth${index}`, devicePath: null, devicePort: 0, mac: null, driver: null },
    }),
  );
  const underlay = {
    ipv4: 'dhcp',
    ipv6: 'off',
    uplinks: { port3: { priority: 1 }, port2: { priority: 2 } },
  } as const;
  const failed = judge(unknownHealth, unplugged);
  expect(rankUplinks(ports, { ipv4: 'dhcp', ipv6: 'off' }, new Map())).toEqual(['eth0', 'eth1', 'eth2']);
  expect(rankUplinks(ports, underlay, new Map())).toEqual(['eth2', 'eth1', 'eth0']);
  expect(rankUplinks(ports, underlay, new Map([['eth2', failed]]))).toEqual(['eth1', 'eth0', 'eth2']);
  const all = new Map(['eth0', 'eth1', 'eth2'].map((link) => [link, failed]));
  expect(rankUplinks(ports, underlay, all)).toEqual(['eth2', 'eth1', 'eth0']);
  expect(
    rankUplinks(
      ports,
      underlay,
      new Map([
        ['eth0', failed],
        ['eth2', { ...failed, score: 67 }],
      ]),
    ),
  ).toEqual([...['eth1', 'eth2', 'eth0']]);
  // Where nothing works, what begins to answer again goes before what is dead.
  const dead = ['eth1', 'eth2'].map((link): [string, UplinkHealth] => [link, failed]);
  const answering = { ...failed, score: 67 };
  expect(rankUplinks(ports, underlay, new Map([...dead, ['eth0', answering]]))).toEqual([
    'eth0',
    'eth2',
    'eth1',
  ]);
});

import { describe, expect, test } from 'vitest';
import { parseCounters, parseHits } from '../../../firmware/netd/policy/counts.ts';
import { formatMemory, parseMemory } from '../../../firmware/netd/policy/memory.ts';
import { parseNeighbours } from '../../../firmware/netd/policy/neighbours.ts';

describe('what the kernel’s programs print about the policy', () => {
  test('neighbours that were heard, without link-local addresses', () => {
    const listed = [
      { dst: '192.168.1.10', dev: 'br-lan', lladdr: '02:00:00:00:00:0A', state: ['REACHABLE'] },
      { dst: 'fd01::10', dev: 'br-lan', lladdr: '02:00:00:00:00:0a', state: ['STALE'] },
      { dst: 'fe80::1', dev: 'br-lan', lladdr: '02:00:00:00:00:0a', state: ['REACHABLE'] },
      { dst: '192.168.1.11', dev: 'br-lan', state: ['INCOMPLETE'] },
      { dst: '192.168.1.12', dev: 'br-lan', lladdr: '02:00:00:00:00:0c', state: ['FAILED'] },
    ];
    expect(parseNeighbours(JSON.stringify(listed))).toEqual([
      { address: '192.168.1.10', mac: '02:00:00:00:00:0a', link: 'br-lan' },
      { address: 'fd01::10', mac: '02:00:00:00:00:0a', link: 'br-lan' },
    ]);
  });

  test('counts by rule and by name', () => {
    const elem = [{ elem: { val: 1, counter: { packets: 7, bytes: 420 } } }, { elem: { val: 2 } }];
    expect(parseHits(JSON.stringify({ nftables: [{ metainfo: {} }, { set: { elem } }] }))).toEqual(
      new Map([[1, 7]]),
    );
    const counter = { name: 'cut', packets: 3, bytes: 180 };
    expect(parseCounters(JSON.stringify({ nftables: [{ counter }] }))).toEqual({ cut: 3 });
  });

  test.each(['', 'nonsense', '[]', '{}', 'null', '{"nftables":[null,1]}', '[null,{"dst":1}]'])(
    '%j is nothing known',
    (text) => {
      expect([parseNeighbours(text), [...parseHits(text)], parseCounters(text)]).toEqual([[], [], {}]);
      expect(parseMemory(text)).toEqual({ generation: 0, numbers: new Map() });
    },
  );

  test('the memory is read as it was written', () => {
    const memory = {
      generation: 7,
      numbers: new Map([
        ['one', 1],
        ['__proto__', 2],
      ]),
    };
    expect(parseMemory(formatMemory(memory))).toEqual(memory);
    expect(parseMemory(null)).toEqual({ generation: 0, numbers: new Map() });
  });
});

import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import { describeChange, settingsDifference } from '../../firmware/store/settings-diff.ts';

const lines = (before: unknown, after: unknown) =>
  settingsDifference(before, after).changes.map(describeChange);

describe('settingsDifference', () => {
  test('names each setting that differs, and nothing else', () => {
    const before = { hostname: 'a', network: { lan: { address: '192.168.1.1/24', dhcpServer: true } } };
    const after = {
      hostname: 'b',
      network: { lan: { address: '192.168.1.1/24' }, underlay: { ipv6: 'off' } },
    };
    expect(lines(before, after)).toEqual([
      'hostname: "a" → "b"',
      'network.lan.dhcpServer: true → not set',
      'network.underlay: not set → {"ipv6":"off"}',
    ]);
    expect(lines(before, before)).toEqual([]);
  });

  test('elements with names are compared by them: moving is no change', () => {
    const [one, two] = [
      { name: 'one', uri: 'x' },
      { name: 'two', uri: 'y' },
    ];
    expect(lines({ peers: [one, two] }, { peers: [two, one] })).toEqual([]);
    expect(lines({ peers: [one, two] }, { peers: [{ ...two, uri: 'z' }] })).toEqual([
      'peers.one: {"name":"one","uri":"x"} → not set',
      'peers.two.uri: "y" → "z"',
    ]);
  });

  test('lists of values are compared place by place; another kind of value is one change', () => {
    expect(lines({ a: ['x', 'y'] }, { a: ['x', 'z', 'w'] })).toEqual([
      'a[1]: "y" → "z"',
      'a[2]: not set → "w"',
    ]);
    expect(lines({ a: 'dhcp' }, { a: { address: '1' } })).toEqual(['a: "dhcp" → {"address":"1"}']);
  });

  test('looks at a list as often as it has to, however long it is', () => {
    const looksAt = (length: number) => {
      let looks = 0;
      const counted = (value: string) =>
        new Proxy(Object.fromEntries(Array.from({ length }, (_, index) => [`port${index}`, value])), {
          ownKeys: (target) => {
            looks++;
            return Reflect.ownKeys(target);
          },
        });
      const { changes, more } = settingsDifference({ a: counted('lan') }, { a: counted('unused') });
      expect(changes.length + more).toBe(length);
      return looks;
    };
    expect(looksAt(1000)).toBe(looksAt(1));
  });

  test('lists at most so many, each shortened, and counts the rest', () => {
    const many = (text: string) =>
      Array.from({ length: limits.changes + 7 }, (_, index) => `${text}${index}`);
    const { changes, more } = settingsDifference(many('a'), many('b'));
    expect([changes.length, more]).toEqual([limits.changes, 7]);
    const [long] = settingsDifference({ a: '' }, { a: 'x'.repeat(5000) }).changes;
    expect(long?.after).toHaveLength(limits.changeLength);
  });
});

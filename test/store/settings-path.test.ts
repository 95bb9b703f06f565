import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import {
  formatSettingsPath,
  parseSettingsPath,
  readAtPath,
  writeAtPath,
} from '../../firmware/store/settings-path.ts';

const peers = [
  { name: 'plant 2', uri: 'a' },
  { name: 'office', uri: 'b' },
];
const document = { version: 1, hostname: 'gate', overlay: { peers }, network: { ports: { port1: 'lan' } } };

describe('parseSettingsPath', () => {
  test.each([
    ['', []],
    ['hostname', ['hostname']],
    ['overlay.peers[1].uri', ['overlay', 'peers', 1, 'uri']],
    ['overlay.peers["plant 2"].uri', ['overlay', 'peers', 'plant 2', 'uri']],
    ['["__proto__"]', ['__proto__']],
  ])('%s', (text, path) => expect(parseSettingsPath(text)).toEqual(path));

  test.each([
    '.a',
    'a.',
    'a..b',
    'a[',
    'a[-1]',
    'a["x]',
    'a b',
    'a[x]',
    `a${'.b'.repeat(limits.pathLength)}`,
  ])('%s is none', (text) => expect(parseSettingsPath(text)).toBeNull());

  test('reads what formatSettingsPath writes', () => {
    const part = fc.oneof(fc.nat(999_999), fc.string({ maxLength: 20 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (path) => {
        const text = formatSettingsPath(path);
        fc.pre(text.length <= limits.pathLength);
        expect(parseSettingsPath(text)).toEqual(path);
      }),
    );
  });
});

describe('readAtPath', () => {
  test.each([
    [[], document],
    [['overlay', 'peers', 1, 'uri'], 'b'],
    [['overlay', 'peers', 'plant 2', 'uri'], 'a'],
  ])('%j', (path, value) => expect(readAtPath(document, path)).toEqual({ ok: true, value }));

  test.each([
    [['toString']],
    [['overlay', 'peers', 2]],
    [['overlay', 'peers', 'none']],
    [['hostname', 'length']],
  ])('%j is not there', (path) => expect(readAtPath(document, path)).toMatchObject({ ok: false }));
});

describe('writeAtPath', () => {
  const written = (path: readonly (string | number)[], value: unknown) => {
    const result = writeAtPath(document, path, value);
    return result.ok ? readAtPath(result.value, path) : result;
  };

  test('sets members, elements by name or place, and what is not there yet', () => {
    for (const path of [
      ['hostname'],
      ['overlay', 'peers', 'office', 'uri'],
      ['overlay', 'peers', 2],
      ['diagnostics', 'keyLog'],
    ])
      expect(written(path, 'x')).toEqual({ ok: true, value: 'x' });
    expect(document.overlay.peers[1]?.uri).toBe('b');
  });

  test('takes away members and elements', () => {
    expect(writeAtPath(document, ['overlay', 'peers', 'plant 2'], undefined)).toMatchObject({
      value: { overlay: { peers: [{ name: 'office' }] } },
    });
    expect(writeAtPath(document, ['hostname'], undefined)).toMatchObject({
      value: expect.not.objectContaining({ hostname: expect.anything() }),
    });
  });

  test('a member named __proto__ is a member', () => {
    const result = writeAtPath({}, ['__proto__', 'polluted'], true);
    expect(result.ok && Object.hasOwn(result.value as object, '__proto__')).toBe(true);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test.each([[['hostname', 'deeper']], [['overlay', 'peers', 7]], [['lists', 0]]])(
    '%j cannot be written',
    (path) => expect(writeAtPath(document, path, 1)).toMatchObject({ ok: false }),
  );
});

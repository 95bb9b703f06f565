import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import { settingsJsonSchema, settingsLayerJsonSchema } from '../../firmware/store/settings-json-schema.ts';
import { mergeLayers, parseSettingsLayer, settingsInForce } from '../../firmware/store/settings-layers.ts';
import { defaultSettings, type SettingsLayer } from '../../firmware/store/settings-schema.ts';

const peer = (name: string) => ({
  name,
  uri: 'hip://192.0.2.1:10500/2001:20::1',
  protectedPrefixes: ['10.0.0.0/8'],
});

describe('layers', () => {
  test('without any, the defaults are in force', () => {
    expect(mergeLayers({})).toEqual({ ok: true, value: defaultSettings });
  });

  test('defaults < boardProfile < platformMetadata < saved < commandLine', () => {
    const layer = (hostname: string): SettingsLayer => ({ version: 1, hostname });
    const hostname = (layers: Parameters<typeof mergeLayers>[0]) => {
      const merged = mergeLayers(layers);
      return merged.ok ? merged.value.hostname : merged.problems;
    };
    const boardProfile = layer('board');
    const platformMetadata = layer('platform');
    const saved = layer('saved');
    const commandLine = layer('typed');
    expect(hostname({ boardProfile })).toBe('board');
    expect(hostname({ platformMetadata, boardProfile })).toBe('platform');
    expect(hostname({ saved, platformMetadata, boardProfile })).toBe('saved');
    expect(hostname({ commandLine, saved, platformMetadata, boardProfile })).toBe('typed');
    expect(hostname({ commandLine: { version: 1 }, boardProfile, saved: { version: 1 } })).toBe('board');
  });

  test('objects are merged member by member, at any depth', () => {
    const boardProfile: SettingsLayer = {
      version: 1,
      network: { ports: { port1: 'underlay', port2: 'lan' } },
    };
    const saved: SettingsLayer = {
      version: 1,
      network: { ports: { port2: 'management' }, lan: { dhcpServer: false } },
    };
    expect(mergeLayers({ boardProfile, saved })).toEqual({
      ok: true,
      value: {
        ...defaultSettings,
        network: {
          ...defaultSettings.network,
          ports: { port1: 'underlay', port2: 'management' },
          lan: { address: '192.168.1.1/24', dhcpServer: false },
        },
      },
    });
  });

  test('lists replace lists', () => {
    const platformMetadata: SettingsLayer = { version: 1, overlay: { peers: [peer('one'), peer('two')] } };
    const saved: SettingsLayer = { version: 1, overlay: { peers: [peer('three')] } };
    expect(mergeLayers({ platformMetadata, saved })).toMatchObject({
      value: { overlay: { peers: [peer('three')] } },
    });
    const none: SettingsLayer = { version: 1, overlay: { peers: [] } };
    expect(mergeLayers({ platformMetadata, saved: none })).toMatchObject({
      value: { overlay: { peers: [] } },
    });
  });

  test('a choice is replaced by its other form, and merged with the same one', () => {
    const ipv4 = (value: unknown) =>
      ({ version: 1, network: { underlay: { ipv4: value } } }) as SettingsLayer;
    const fixed = { address: '192.0.2.2/24', gateway: '192.0.2.1', dns: ['192.0.2.53'] };
    const merged = (...layers: SettingsLayer[]) => {
      const [boardProfile, saved] = layers;
      const result = mergeLayers({ boardProfile, saved });
      return result.ok ? result.value.network.underlay.ipv4 : result.problems;
    };
    expect(merged(ipv4(fixed))).toEqual(fixed);
    expect(merged(ipv4(fixed), ipv4('dhcp'))).toBe('dhcp');
    expect(merged(ipv4(fixed), ipv4({ address: '192.0.2.9/24' }))).toEqual({
      ...fixed,
      address: '192.0.2.9/24',
    });
  });

  test('the inputs stay as they were', () => {
    const before = structuredClone(defaultSettings);
    mergeLayers({ saved: { version: 1, hostname: 'other', network: { ports: { port1: 'lan' } } } });
    expect(defaultSettings).toEqual(before);
  });

  test('merging with an empty layer changes nothing, whatever the layer below', () => {
    fc.assert(
      fc.property(
        fc.record({
          hostname: fc.constantFrom('a', 'b.example'),
          dhcpServer: fc.boolean(),
          peers: fc.nat({ max: 3 }),
        }),
        ({ hostname, dhcpServer, peers }) => {
          const saved: SettingsLayer = {
            version: 1,
            hostname,
            network: { lan: { dhcpServer } },
            overlay: { peers: Array.from({ length: peers }, (_, index) => peer(`p${index}`)) },
          };
          expect(mergeLayers({ saved, commandLine: { version: 1 } })).toEqual(mergeLayers({ saved }));
        },
      ),
    );
  });
});

describe('a layer that makes the whole invalid', () => {
  const boardProfile: SettingsLayer = { version: 1, hostname: 'board' };
  const broken = { version: 1, network: { lan: { address: 'nonsense' } } } as SettingsLayer;
  const saved: SettingsLayer = { version: 1, network: { ports: { port1: 'lan' } } };

  test('fails the merge, naming the field', () => {
    expect(mergeLayers({ boardProfile, platformMetadata: broken, saved })).toEqual({
      ok: false,
      problems: [{ path: 'network.lan.address', problem: 'Invalid IPv4 range' }],
    });
  });

  test('is left out of what is in force, and said so; the others are in', () => {
    expect(settingsInForce({ boardProfile, platformMetadata: broken, saved })).toEqual({
      settings: {
        ...defaultSettings,
        hostname: 'board',
        network: { ...defaultSettings.network, ports: { port1: 'lan' } },
      },
      rejected: [
        {
          layer: 'platformMetadata',
          problems: [{ path: 'network.lan.address', problem: 'Invalid IPv4 range' }],
        },
      ],
    });
  });
});

describe('parseSettingsLayer', () => {
  const problems = (document: unknown) => {
    const parsed = parseSettingsLayer(typeof document === 'string' ? document : JSON.stringify(document));
    return parsed.ok ? [] : parsed.problems.map(({ path, problem }) => `${path}: ${problem}`);
  };

  test('gives the document as it is written, without defaults that would hide a lower layer', () => {
    const document = { version: 1, network: { underlay: { ipv4: { address: '192.0.2.2/24' } } } };
    expect(parseSettingsLayer(JSON.stringify(document))).toEqual({ ok: true, value: document });
  });

  test.each<[string, unknown, string[]]>([
    ['no version', {}, ['version: expected 1']],
    ['another version', { version: 2 }, ['version: expected 1']],
    ['a list', [], [': expected object, received array']],
    ['a misspelt name', { version: 1, hostnme: 'x' }, ['hostnme: is no such setting']],
    [
      'a bad peer',
      { version: 1, overlay: { peers: [peer('a'), { ...peer('b'), uri: 'x' }] } },
      ['overlay.peers[1].uri: must read hip://host:port/HIT'],
    ],
    [
      'a missing member',
      { version: 1, overlay: { peers: [{ name: 'a', uri: peer('a').uri }] } },
      ['overlay.peers[0].protectedPrefixes: expected array, but it is missing'],
    ],
    [
      'a bad port name',
      { version: 1, network: { ports: { 'Port 1': 'lan' } } },
      [
        'network.ports["Port 1"]: is no such name: Invalid string: must match pattern /^[a-z][a-z0-9-]{0,14}$/',
      ],
    ],
    [
      'a bad role',
      { version: 1, network: { ports: { port1: 'wan' } } },
      [expect.stringMatching(/^network\.ports\.port1: .*"underlay"/) as unknown as string],
    ],
    [
      'the object form of a choice',
      { version: 1, network: { underlay: { ipv4: { address: 'x' } } } },
      ['network.underlay.ipv4.address: Invalid IPv4 range'],
    ],
    [
      'neither form of a choice',
      { version: 1, network: { underlay: { ipv4: 7 } } },
      ['network.underlay.ipv4: expected "dhcp", or expected object, received number'],
    ],
  ])('%s', (_, document, expected) => {
    expect(problems(document)).toEqual(expected);
  });

  test('what is no JSON', () => {
    expect(problems('{"version": 1,')).toEqual([expect.stringMatching(/^: the document is no JSON: /)]);
    expect(problems('')).toEqual([expect.stringMatching(/^: the document is no JSON: /)]);
  });

  test('a member __proto__ reaches neither a prototype nor the settings', () => {
    expect(problems('{"version":1,"__proto__":{"hostname":"x"}}')).toEqual([
      '["__proto__"]: is no such setting',
    ]);
    const layer = JSON.parse('{"version":1,"network":{"ports":{"__proto__":{"polluted":"lan"}}}}');
    expect(mergeLayers({ saved: layer })).toEqual({ ok: true, value: defaultSettings });
    expect('polluted' in {}).toBe(false);
  });

  test('the size limit counts octets, at its edge', () => {
    const padded = (octets: number, filler: string) => {
      const text = '{"version":1}';
      return text + filler.repeat(octets - text.length);
    };
    expect(problems(padded(limits.documentSize, ' '))).toEqual([]);
    expect(problems(padded(limits.documentSize + 1, ' '))).toEqual([
      expect.stringContaining('more than 8388608 octets'),
    ]);
    const wide = JSON.stringify({ version: 1, hostname: 'é'.repeat(limits.documentSize / 2) });
    expect(wide.length).toBeLessThan(limits.documentSize);
    expect(problems(wide)).toEqual([expect.stringContaining('octets')]);
  });

  test('values and levels are bounded before anything is parsed, at their edges; strings do not count', () => {
    const peers = (count: number) =>
      problems(`{"version":1,"overlay":{"peers":[${Array.from({ length: count }, () => '{}').join()}]}}`);
    // A brace and a comma each, beside four around them.
    const most = (limits.documentShape.values - 4) / 2;
    expect(peers(most)).toEqual([expect.stringContaining('Too big')]);
    expect(peers(most + 1)).toEqual([expect.stringContaining('holds more than 400000 values')]);
    const nested = (depth: number) => problems('['.repeat(depth) + ']'.repeat(depth));
    expect(nested(limits.documentShape.depth)).toEqual([expect.stringContaining('expected object')]);
    expect(nested(limits.documentShape.depth + 1)).toEqual([expect.stringContaining('more than 64 levels')]);
    const text = '{[,"\\\\'.repeat(100_000);
    expect(problems(`{"version":1,"hostname":${JSON.stringify(text)}}`)).toContainEqual(
      expect.stringMatching(/^hostname: /),
    );
    expect(problems('{"version":1,"hostname":"')).toEqual([expect.stringContaining('no JSON')]);
  });

  test('very many unknown members are refused like a few', () => {
    const many = Array.from({ length: 200_000 }, (_, index) => `"k${index}":1`).join();
    expect(problems(`{"version":1,${many}}`)).toHaveLength(limits.problems);
    expect(problems(`{"version":1,"network":{"lan":{${many}}}}`)).toHaveLength(limits.problems);
  });

  test('many problems, and long ones, are cut', () => {
    const many = { version: 1, overlay: { peers: Array.from({ length: 500 }, () => 7) } };
    expect(problems(many)).toHaveLength(limits.problems);
    const long = problems({ version: 1, ['x'.repeat(10_000)]: 1 });
    expect(long.join('').length).toBeLessThan(2 * limits.problemLength + 10);
  });

  test('deep nesting and any other text is a result', () => {
    expect(problems('['.repeat(200_000))).toHaveLength(1);
    expect(problems(`{"version":1,"network":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`)).not.toEqual(
      [],
    );
    fc.assert(fc.property(fc.string(), (text) => typeof parseSettingsLayer(text).ok === 'boolean'));
    fc.assert(fc.property(fc.json(), (text) => typeof parseSettingsLayer(text).ok === 'boolean'));
  });

  test.each([
    [limits.labelLength, []],
    [limits.labelLength + 1, [expect.stringContaining('overlay.peers[0].name')]],
  ])('a name of %i characters', (length, expected) => {
    expect(problems({ version: 1, overlay: { peers: [peer('n'.repeat(length))] } })).toEqual(expected);
  });

  test.each([
    [limits.prefixesPerPeer, []],
    [limits.prefixesPerPeer + 1, [expect.stringContaining('overlay.peers[0].protectedPrefixes')]],
  ])('%i prefixes of a peer', (count, expected) => {
    const protectedPrefixes = Array.from({ length: count }, (_, index) => `10.${index}.0.0/16`);
    expect(problems({ version: 1, overlay: { peers: [{ ...peer('a'), protectedPrefixes }] } })).toEqual(
      expected,
    );
  });

  test.each([
    [limits.peers, []],
    [limits.peers + 1, [expect.stringContaining('overlay.peers:')]],
  ])('%i peers', (count, expected) => {
    expect(
      problems({ version: 1, overlay: { peers: Array.from({ length: count }, () => peer('a')) } }),
    ).toEqual(expected);
  });
});

describe('JSON Schema', () => {
  test('of the layer asks for the version only, of the whole for everything', () => {
    expect(settingsLayerJsonSchema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: ['version'],
      additionalProperties: false,
    });
    expect(settingsJsonSchema()).toMatchObject({
      required: [
        'version',
        'hostname',
        'network',
        'identity',
        'overlay',
        'policy',
        'flows',
        'alarms',
        'metrics',
        'diagnostics',
      ],
    });
  });
});

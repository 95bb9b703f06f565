import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boardProfiles } from '../../../firmware/boot/board-profiles.ts';
import { limits } from '../../../firmware/boot/limits.ts';
import { describePlatform, detectPlatform } from '../../../firmware/boot/platform/detect.ts';
import {
  cleanText,
  type FactFiles,
  gatherFacts,
  parseStringList,
} from '../../../firmware/boot/platform/facts.ts';
import { type PlatformName, platformNames } from '../../../firmware/boot/platform/platform.ts';
import { openFactFiles } from '../../../firmware/system/platform-facts.ts';

const golden = new URL('../../golden/platform/', import.meta.url).pathname;
const recorded = readdirSync(golden);

/** A machine whose files are these. */
function files(contents: Readonly<Record<string, string | Uint8Array>>): FactFiles {
  const encoder = new TextEncoder();
  return {
    read(path, max) {
      const content = contents[path];
      if (content === undefined) return null;
      return (typeof content === 'string' ? encoder.encode(content) : content).subarray(0, max);
    },
    has: (path) => path in contents,
  };
}

const dmi = (fields: Readonly<Record<string, string>>) =>
  files(
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [`/sys/class/dmi/id/${name}`, value])),
  );

describe('recorded machines', () => {
  test.each(recorded)('%s', (name) => {
    const expected: unknown = JSON.parse(readFileSync(join(golden, name, 'expected.json'), 'utf8'));
    const detected = detectPlatform(openFactFiles(join(golden, name, 'root')), boardProfiles());
    expect(detected).toEqual(expected);
  });

  test('every platform is among them', () => {
    const seen = new Set<PlatformName>(
      recorded.map(
        (name) => detectPlatform(openFactFiles(join(golden, name, 'root')), boardProfiles()).platform,
      ),
    );
    expect([...seen].sort()).toEqual([...platformNames].sort());
  });
});

describe('precedence', () => {
  test('a cloud is believed before the hypervisor whose name it bears', () => {
    const tag = '7783-7084-3265-9085-8269-3286-77';
    const guest = { sys_vendor: 'Microsoft Corporation', product_name: 'Virtual Machine' };
    expect(detectPlatform(dmi({ ...guest, chassis_asset_tag: tag }), boardProfiles()).platform).toBe('azure');
    expect(detectPlatform(dmi({ ...guest, chassis_asset_tag: `${tag}0` }), boardProfiles()).platform).toBe(
      'hyper-v',
    );
  });

  test('a board that QEMU plays is that board, by name before the chassis that gives QEMU away', () => {
    const board = { sys_vendor: 'PC Engines', board_name: 'apu2', chassis_vendor: 'QEMU' };
    expect(detectPlatform(dmi(board), boardProfiles())).toMatchObject({
      platform: 'board',
      boardProfile: 'pc-engines-apu2',
    });
  });

  test('an EC2 UUID decides in either byte order, but not against another vendor unless the serial number agrees', () => {
    const uuid = 'EC2AE145-D1DC-13B2-94ED-012345ABCDEF';
    const platform = (fields: Record<string, string>) =>
      detectPlatform(dmi(fields), boardProfiles()).platform;
    expect(platform({ product_uuid: uuid })).toBe('aws');
    expect(platform({ product_uuid: '45e12aec-dcd1-b213-94ed-012345abcdef' })).toBe('aws');
    expect(platform({ product_uuid: uuid, sys_vendor: 'Acme' })).toBe('generic');
    expect(platform({ product_uuid: uuid, sys_vendor: 'Acme', product_serial: uuid.toLowerCase() })).toBe(
      'aws',
    );
    expect(platform({ product_uuid: 'ed2ae145-d1dc-13b2-94ed-012345abcdef' })).toBe('generic');
  });
});

describe('data source', () => {
  const nova = dmi({ product_name: 'OpenStack Nova' });
  const source = (from: FactFiles, labels: string[] = []) =>
    detectPlatform(from, boardProfiles(), labels).dataSource;

  test('a disc goes before the network: cidata before config-2 before the metadata service', () => {
    expect(source(nova)).toBe('openstack');
    expect(source(nova, ['config-2'])).toBe('configdrive');
    expect(source(nova, ['CONFIG-2', 'CIDATA'])).toBe('nocloud');
    expect(source(nova, ['data'])).toBe('openstack');
  });

  test.each([
    ['ds=nocloud', 'nocloud'],
    ['ds=NoCloud;s=http://10.0.0.1/', 'nocloud'],
    ['ds=nocloud-net;h=box', 'nocloud'],
    ['rack-4 ds=nocloud', 'nocloud'],
    ['ds=nocloudy', 'openstack'],
    ['xds=nocloud', 'openstack'],
  ])('serial number %j means %s', (product_serial, expected) => {
    expect(source(dmi({ product_name: 'OpenStack Nova', product_serial }))).toBe(expected);
    expect(
      source(files({ '/sys/class/dmi/id/product_name': 'OpenStack Nova', '/proc/cmdline': product_serial })),
    ).toBe(expected);
  });
});

describe('what firmware says is cleaned and bounded', () => {
  test('no control, format or line character survives', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (octets) => {
        const text = cleanText(octets);
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect([...text].length).toBeLessThanOrEqual(limits.factCharacters);
        expect(text).toBe(text.trim());
      }),
    );
  });

  test('the bound is the limit, counted in characters', () => {
    const encode = (text: string) => new TextEncoder().encode(text);
    expect([...cleanText(encode('é'.repeat(limits.factCharacters)))].length).toBe(limits.factCharacters);
    expect([...cleanText(encode('😀'.repeat(limits.factCharacters + 1)))].length).toBe(limits.factCharacters);
  });

  test('a string list ends at its bound', () => {
    const list = (count: number) => new TextEncoder().encode('a,b\0'.repeat(count));
    expect(parseStringList(list(limits.compatibleStrings))).toHaveLength(limits.compatibleStrings);
    expect(parseStringList(list(limits.compatibleStrings + 1))).toHaveLength(limits.compatibleStrings);
    expect(parseStringList(new TextEncoder().encode('no,end'))).toEqual(['no,end']);
    expect(parseStringList(new Uint8Array(0))).toEqual([]);
  });

  test('cpuinfo past its bound is not looked at', () => {
    const flags = (padding: number) => `${'x'.repeat(padding)}\nflags : hypervisor\n`;
    const seen = (text: string) => gatherFacts(files({ '/proc/cpuinfo': text })).cpu.hypervisorFlag;
    expect(seen(flags(limits.cpuinfoOctets - 20))).toBe(true);
    expect(seen(flags(limits.cpuinfoOctets))).toBe(false);
  });

  test('only so many kernel arguments are looked at', () => {
    const line = Array.from({ length: limits.kernelArguments + 1 }, () => 'a').join(' ');
    expect(gatherFacts(files({ '/proc/cmdline': line })).kernelArguments).toHaveLength(
      limits.kernelArguments,
    );
  });

  test('any bytes in any file give an answer that fits the status', () => {
    const paths = [
      ...[
        'sys_vendor',
        'product_name',
        'product_serial',
        'product_uuid',
        'chassis_asset_tag',
        'board_name',
      ].map((name) => `/sys/class/dmi/id/${name}`),
      '/proc/device-tree/compatible',
      '/proc/device-tree/model',
      '/proc/cpuinfo',
      '/proc/cmdline',
      '/sys/hypervisor/type',
      '/sys/hypervisor/uuid',
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...paths), fc.uint8Array({ maxLength: 300 })), (contents) => {
        const detected = detectPlatform(files(contents), boardProfiles());
        expect(platformNames).toContain(detected.platform);
        expect(boardProfiles().map((profile) => profile.name)).toContain(detected.boardProfile);
        expect(JSON.parse(JSON.stringify(detected))).toEqual(detected);
        expect(describePlatform(detected).split('\n')).toHaveLength(8);
      }),
    );
  });
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/boot/limits.ts';
import {
  type DiscSystem,
  listVolumeLabels,
  parseInstanceId,
  parseUserData,
  SettingsDiscs,
} from '../../firmware/boot/settings-disc.ts';
import { parseDirectoryLabel, parseVolume } from '../../firmware/boot/volume-label.ts';
import { limits as settingsLimits } from '../../firmware/store/limits.ts';
import { readBlock } from '../../firmware/system/block-devices.ts';
import { discFiles } from '../../firmware/system/volumes.ts';

const ascii = (text: string) => new TextEncoder().encode(text);

type FatShape = { bits: 12 | 16 | 32; bootLabel?: string; rootLabel?: string };

/** The start of a FAT volume as mkfs.vfat lays it out (Microsoft FAT specification, 3). */
function fat({ bits, bootLabel = 'NO NAME', rootLabel }: FatShape): Uint8Array {
  const image = new Uint8Array(256 * 1024);
  const view = new DataView(image.buffer);
  image.set([0xeb, 0x3c, 0x90]);
  image.set(ascii('mkfs.fat'), 3);
  view.setUint16(11, 512, true);
  view.setUint8(13, 4);
  const reserved = bits === 32 ? 32 : 1;
  view.setUint16(14, reserved, true);
  view.setUint8(16, 2);
  view.setUint8(21, 0xf8);
  const extended = bits === 32 ? 66 : 38;
  let root = 0;
  if (bits === 32) {
    view.setUint32(36, 100, true);
    view.setUint32(44, 2, true);
    root = (reserved + 2 * 100) * 512;
  } else {
    view.setUint16(17, 512, true);
    const table = bits === 16 ? 160 : 4;
    view.setUint16(22, table, true);
    root = (reserved + 2 * table) * 512;
  }
  image[extended] = 0x29;
  image.set(ascii(bootLabel.padEnd(11)), extended + 5);
  image.set([0x55, 0xaa], 510);
  // A deleted file and a part of a long name stand before the label.
  image.set([0xe5, ...ascii('OLD     TXT'), 0x08], root);
  image.set([0x41, ...new Uint8Array(10), 0x0f], root + 32);
  if (rootLabel !== undefined) {
    image.set(ascii(rootLabel.padEnd(11)), root + 64);
    image[root + 64 + 11] = 0x08;
  }
  return image;
}

/** The start of an ISO 9660 volume: a boot record, the primary descriptor, the terminator (ECMA-119, 8). */
function iso(label: string, descriptors: readonly number[] = [0, 1, 255]): Uint8Array {
  const image = new Uint8Array(128 * 1024);
  descriptors.forEach((type, index) => {
    const offset = (16 + index) * 2048;
    image[offset] = type;
    image.set(ascii('CD001'), offset + 1);
    if (type === 1) image.set(ascii(label.padEnd(32)), offset + 40);
  });
  return image;
}

describe('Microsoft FAT specification: the volume label', () => {
  test.each([12, 16, 32] as const)(
    'FAT%i: from the boot sector, and the root directory is where it is',
    (bits) => {
      const image = fat({ bits, bootLabel: 'CIDATA', rootLabel: 'CIDATA' });
      const volume = parseVolume(image.subarray(0, limits.volumeHeadOctets));
      expect(volume).toMatchObject({ type: 'vfat', label: 'CIDATA' });
      const { offset, length } = volume?.rootDirectory ?? { offset: -1, length: 0 };
      expect(parseDirectoryLabel(image.subarray(offset, offset + length))).toBe('CIDATA');
    },
  );

  test('a directory without a label has none, and reading ends with the directory', () => {
    expect(parseDirectoryLabel(new Uint8Array(64))).toBeNull();
    expect(parseDirectoryLabel(new Uint8Array(0))).toBeNull();
    const end = new Uint8Array(64);
    end.set([...ascii('CIDATA     '), 0x08], 32);
    expect(parseDirectoryLabel(end)).toBeNull();
    end[0] = 0x41;
    expect(parseDirectoryLabel(end)).toBe('CIDATA');
  });

  test('a partition table is no volume, though it ends alike', () => {
    const table = new Uint8Array(1024);
    table.set([0xeb, 0x63, 0x90]);
    table.set([0x55, 0xaa], 510);
    expect(parseVolume(table)).toBeNull();
    const damaged = fat({ bits: 16 });
    damaged[21] = 0x33;
    expect(parseVolume(damaged)).toBeNull();
  });
});

describe('ECMA-119: the volume identifier', () => {
  test('of the primary descriptor, wherever it stands before the terminator', () => {
    expect(parseVolume(iso('cidata'))).toEqual({ type: 'iso9660', label: 'cidata', rootDirectory: null });
    expect(parseVolume(iso('cidata', [1, 255]))?.label).toBe('cidata');
    expect(parseVolume(iso('cidata', [0, 255, 1]))).toBeNull();
    expect(
      parseVolume(
        iso(
          'cidata',
          Array.from({ length: 17 }, () => 0),
        ),
      ),
    ).toBeNull();
  });
});

test('any octets are a volume or none', () => {
  const octets = fc.uint8Array({ minLength: 0, maxLength: 600 });
  fc.assert(
    fc.property(octets, fc.boolean(), (bytes, inFat) => {
      const image = fat({ bits: 32 });
      image.set(bytes.subarray(0, 508), 2);
      parseVolume(inFat ? image : bytes);
      parseDirectoryLabel(bytes);
    }),
  );
});

describe('ECMA-167, 3/9.1: UDF', () => {
  test.each([
    ['UDF alone', [], '', 'udf'],
    ['both', [1, 255], 'RDFE', 'udf'],
    ['ISO 9660 alone', [1, 255], 'RDFE', 'iso9660'],
  ] as const)('%s', (_, descriptors, label, type) => {
    const image = iso('RDFE', descriptors);
    if (type === 'udf')
      ['BEA01', 'NSR03', 'TEA01'].forEach((identifier, index) => {
        image.set(ascii(identifier), (16 + descriptors.length + index) * 2048 + 1);
      });
    expect(parseVolume(image)).toEqual({ type, label, rootDirectory: null });
  });

  test('a sector of something else ends the descriptors', () => {
    const image = iso('', []);
    image.set(ascii('NSR03'), 18 * 2048 + 1);
    image.set(ascii('BEA01'), 16 * 2048 + 1);
    expect(parseVolume(image)).toBeNull();
  });
});

describe('user-data', () => {
  test('the one line that names a conductor is a settings document of its own', () => {
    const line = 'hithe: hip://conductor.example:10500/2001:20::1\n';
    expect(parseUserData(ascii(line))).toEqual({
      layer: { version: 1, conductor: { uri: 'hip://conductor.example:10500/2001:20::1' } },
    });
    expect(parseUserData(ascii('hithe: nonsense'))).toMatchObject({
      reason: expect.stringContaining('conductor.uri: must read hip://host:port/HIT'),
    });
  });

  const layer = { version: 1, hostname: 'plant-7', overlay: { peers: [] } };
  const parse = (text: string) => parseUserData(ascii(text));
  const reason = (text: string) => {
    const result = parse(text);
    return 'reason' in result ? result.reason : '';
  };

  test('is a settings layer in JSON, with or without a byte order mark', () => {
    expect(parse(JSON.stringify(layer))).toEqual({ layer });
    expect(parse(`\ufeff${JSON.stringify(layer)}`)).toEqual({ layer });
  });

  test('that is something else is refused in words', () => {
    expect(reason('#cloud-config\nhostname: x\n')).toMatch(
      /must be a JSON settings document; it begins with #cloud-config/,
    );
    expect(reason('{"version": 1,')).toMatch(/JSON/);
    expect(reason('')).toMatch(/cannot be used/);
    expect(reason('{"version": 2}')).toMatch(/cannot be used: version: /);
    expect(reason('{"version": 1, "hostnmae": "x"}')).toMatch(/hostnmae/);
    expect(parseUserData(new Uint8Array([0xff, 0xfe, 0x7b]))).toEqual({
      reason: 'user-data is not text in UTF-8',
    });
    expect(reason('['.repeat(100_000))).not.toBe('');
  });

  test('any octets are answered', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), fc.json().map(ascii), fc.string({ unit: 'binary' }).map(ascii)),
        (octets) => {
          const result = parseUserData(octets);
          if ('reason' in result) expect(result.reason).toMatch(/^[^\p{Cc}\p{Cf}]+$/u);
        },
      ),
    );
  });

  test.each([
    ['instance-id: box-1\nlocal-hostname: x\n', 'box-1'],
    ['local-hostname: x\ninstance-id: "box 2" # two\n', 'box 2'],
    ['{"instance-id": "box-3", "local-hostname": "x"}', 'box-3'],
    ["instance-id: 'box-4'", 'box-4'],
    ['my-instance-id: no\n', null],
    ['', null],
  ])('meta-data %j has the instance id %j', (text, expected) =>
    expect(parseInstanceId(ascii(text))).toBe(expected),
  );
});

type Disc = { image: Uint8Array; files?: Readonly<Record<string, string>>; serial?: number };

/** A machine with discs, whose mounts show the files that are given. */
function machine(discs: Record<string, Disc>): DiscSystem {
  return {
    listDevices: () =>
      Object.entries(discs).map(([name, { serial }]) => ({ name, identity: `${name} ${serial ?? 0}` })),
    read(device, offset, length) {
      const image = discs[device]?.image;
      return image && image.length > 0 ? image.subarray(offset, offset + length) : null;
    },
    pollMedia() {},
    async withVolume(device, type, work) {
      const disc = discs[device];
      if (!disc?.files) throw new Error(`${device} could not be mounted as ${type}`);
      const { files } = disc;
      return work({
        read: async (name, most) => (name in files ? ascii(files[name] ?? '').subarray(0, most) : null),
      });
    },
  };
}

const good = { 'user-data': '{"version": 1, "hostname": "plant-7"}', 'meta-data': 'instance-id: one\n' };
const layer = { version: 1, hostname: 'plant-7' };

describe('finding the disc', () => {
  test('OpenStack’s configuration drive has it elsewhere; one without user-data is no fault', async () => {
    const path = 'openstack/latest/user_data';
    const drive = (files: Record<string, string>) => machine({ sr0: { image: iso('config-2'), files } });
    expect(await new SettingsDiscs(drive({ [path]: good['user-data'] })).look()).toMatchObject({
      ...{ state: 'found', device: 'sr0', layer },
    });
    expect(await new SettingsDiscs(drive({ 'user-data': good['user-data'] })).look()).toEqual({
      state: 'absent',
    });
    expect(await new SettingsDiscs(drive({ [path]: 'nonsense' })).look()).toMatchObject({ state: 'invalid' });
  });

  test('by its label in either case, on a disc or a stick, the FAT root directory before the boot sector', async () => {
    const found = { state: 'found', device: 'sda1', layer, instanceId: 'one' };
    for (const image of [
      iso('cidata'),
      iso('CIDATA'),
      fat({ bits: 12, bootLabel: 'CIDATA' }),
      fat({ bits: 16, rootLabel: 'CIDATA' }),
      fat({ bits: 32, rootLabel: 'cidata' }),
    ]) {
      const discs = machine({ sda: { image: new Uint8Array(4096) }, sda1: { image, files: good } });
      expect(await new SettingsDiscs(discs).look()).toEqual(found);
    }
    const renamed = fat({ bits: 16, bootLabel: 'CIDATA', rootLabel: 'PHOTOS' });
    expect(await new SettingsDiscs(machine({ sda1: { image: renamed, files: good } })).look()).toEqual({
      state: 'absent',
    });
  });

  test('a disc that cannot be used is told of, unless another one can', async () => {
    const image = iso('cidata');
    const bad = { image, files: { 'user-data.txt': '{}' } };
    expect(await new SettingsDiscs(machine({ sr0: bad })).look()).toEqual({
      state: 'invalid',
      device: 'sr0',
      reason: 'it has no file user-data but user-data.txt: take the .txt off its name',
    });
    const both = machine({ sr0: bad, sr1: { image, files: { 'user-data': good['user-data'] } } });
    expect(await new SettingsDiscs(both).look()).toEqual({
      state: 'found',
      device: 'sr1',
      layer,
      instanceId: null,
    });
    expect(await new SettingsDiscs(machine({ sr0: { image } })).look()).toMatchObject({
      state: 'invalid',
      reason: 'sr0 could not be mounted as iso9660',
    });
  });

  test('Azure’s provisioning disc has custom data, wherever it is, and is no settings disc elsewhere', async () => {
    const custom = (text: string) =>
      `<Environment><ProvisioningSection><LinuxProvisioningConfigurationSet><CustomData>${btoa(text)}</CustomData></LinuxProvisioningConfigurationSet></ProvisioningSection></Environment>`;
    const look = (environment: string, onAzure = true) =>
      new SettingsDiscs(machine({ sr0: { image: iso('RDFE'), files: { 'ovf-env.xml': environment } } }), {
        onAzure,
      }).look();
    const good = custom(JSON.stringify(layer));
    const found = { state: 'found', device: 'sr0', layer, instanceId: null };
    expect(await look(good)).toEqual(found);
    expect(await look(good, false)).toEqual({ state: 'absent' });
    expect(await look('<Environment/>')).toEqual({ state: 'absent' });
    expect(await look(custom('#cloud-config'))).toMatchObject({ state: 'invalid' });
    expect(await look('<Environment>')).toMatchObject({ state: 'invalid', device: 'sr0' });
    expect(await look(good.padEnd(limits.provisioningOctets))).toEqual(found);
    expect(await look(good.padEnd(limits.provisioningOctets + 1))).toMatchObject({
      ...{ state: 'invalid', reason: 'ovf-env.xml is larger than 256 KiB' },
    });
    const others = machine({ sr0: { image: iso('photos'), files: { 'user-data': 'x' } } });
    expect(await new SettingsDiscs(others, { onAzure: true }).look()).toEqual({ state: 'absent' });
  });

  test('user-data may be as large as a settings document, and not an octet larger', async () => {
    const json = good['user-data'];
    const padded = (length: number) => ({
      image: iso('cidata'),
      files: { 'user-data': json.padEnd(length) },
    });
    const most = settingsLimits.documentSize;
    expect((await new SettingsDiscs(machine({ sr0: padded(most) })).look()).state).toBe('found');
    expect(await new SettingsDiscs(machine({ sr0: padded(most + 1) })).look()).toMatchObject({
      state: 'invalid',
      reason: 'user-data is larger than 8 MiB',
    });
  });

  test('labels of all volumes are listed for the choice of the data source', () => {
    const discs = machine({
      sr0: { image: iso('config-2') },
      sda1: { image: fat({ bits: 32, bootLabel: 'STICK' }) },
      vda: { image: new Uint8Array(9) },
    });
    expect(listVolumeLabels(discs)).toEqual(['config-2', 'STICK']);
  });
});

describe('watching for a disc', () => {
  test('each disc is told once for each time it is put in; a disc laid into a drive is another medium; the signal ends it', async () => {
    const discs: Record<string, Disc> = { sr0: { image: new Uint8Array(0) } };
    const stick = { image: fat({ bits: 32, rootLabel: 'CIDATA' }), files: good };
    const steps = [
      () => {},
      () => {
        discs['sda1'] = { ...stick, serial: 1 };
      },
      () => {},
      () => {
        delete discs['sda1'];
      },
      () => {
        discs['sda1'] = { ...stick, serial: 1 };
        discs['sdb1'] = { image: fat({ bits: 16, bootLabel: 'PHOTOS' }) };
      },
      () => {
        discs['sr0'] = { image: iso('cidata'), files: {}, serial: 1 };
      },
      () => {},
    ];
    const claimed = new AbortController();
    const told: string[] = [];
    const polled: boolean[] = [];
    const system: DiscSystem = { ...machine(discs), pollMedia: (on) => polled.push(on) };
    const watch = new SettingsDiscs(system);
    expect(await watch.look()).toEqual({ state: 'absent' });
    let step = 0;
    await watch.watch({
      onDisc: (result) => {
        told.push(`${step}: ${result.device} ${result.state}`);
      },
      signal: claimed.signal,
      wait: async () => {
        const next = steps[step++];
        if (next) next();
        else claimed.abort();
      },
    });
    expect(told).toEqual(['2: sda1 found', '5: sda1 found', '6: sr0 invalid']);
    expect(polled).toEqual([true, false]);
  });

  test('the timer ends at once when the box is claimed', async () => {
    const claimed = new AbortController();
    const watching = new SettingsDiscs(machine({})).watch({ onDisc: () => {}, signal: claimed.signal });
    claimed.abort();
    await watching;
  });
});

describe('files of a mounted disc', () => {
  test('regular files up to the bound; links, folders and missing ones are none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hithe-disc-'));
    try {
      writeFileSync(join(folder, 'user-data'), 'settings');
      symlinkSync('/etc/hostname', join(folder, 'link'));
      mkdirSync(join(folder, 'folder'));
      const files = discFiles(folder);
      expect(await files.read('user-data', 100)).toEqual(ascii('settings'));
      expect(await files.read('user-data', 3)).toEqual(ascii('set'));
      for (const name of ['link', 'folder', 'missing']) expect(await files.read(name, 9), name).toBeNull();
      expect(readBlock(join(folder, 'user-data'), 3, 100)).toEqual(ascii('tings'));
      expect(readBlock(join(folder, 'missing'), 0, 1)).toBeNull();
      expect(readBlock(folder, 0, 1)).toBeNull();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/boot/limits.ts';
import {
  markGood,
  parseCountedName,
  parseEfiString,
  parseEntryPath,
  readSlotState,
  type SlotSystem,
} from '../../firmware/boot/slots.ts';
import type { BlockDevice } from '../../firmware/system/block-devices.ts';
import { espFiles, findEsp } from '../../firmware/system/esp.ts';

/** A variable as efivarfs serves it: attributes 7 (kept, boot and run time), UTF-16LE, NUL. */
function variable(text: string): Uint8Array {
  const octets = new Uint8Array(4 + 2 * (text.length + 1));
  octets[0] = 7;
  const view = new DataView(octets.buffer);
  for (let index = 0; index < text.length; index++)
    view.setUint16(4 + 2 * index, text.charCodeAt(index), true);
  return octets;
}

describe('Automatic Boot Assessment: file names', () => {
  test.each([
    ['hithe_0.1.0+3.efi', { goodName: 'hithe_0.1.0.efi', triesLeft: 3, triesDone: 0 }],
    ['hithe_0.1.0+2-1.efi', { goodName: 'hithe_0.1.0.efi', triesLeft: 2, triesDone: 1 }],
    ['hithe_0.1.0+0-3.efi', { goodName: 'hithe_0.1.0.efi', triesLeft: 0, triesDone: 3 }],
    ['hithe_1.0.0+build.7+1-2.efi', { goodName: 'hithe_1.0.0+build.7.efi', triesLeft: 1, triesDone: 2 }],
    ['HITHE_0.1.0+2-1.EFI', { goodName: 'HITHE_0.1.0.EFI', triesLeft: 2, triesDone: 1 }],
  ])('%s is counted', (name, expected) => expect(parseCountedName(name)).toEqual(expected));

  test.each([
    'hithe_0.1.0.efi',
    'hithe+x-1.efi',
    '+3.efi',
    'hithe+3',
    'hithe+3-1-1.efi',
    'hithe+.efi',
    'hithe+-1.efi',
  ])('%s is not', (name) => expect(parseCountedName(name)).toBeNull());

  test('what the loader writes is read back, whatever the name', () => {
    const name = fc.stringMatching(/^[a-z0-9_.+-]{1,20}$/);
    fc.assert(
      fc.property(name, fc.nat(999), fc.nat(999), (stem, triesLeft, triesDone) => {
        const parsed = parseCountedName(`${stem}+${triesLeft}-${triesDone}.efi`);
        expect(parsed).toEqual({ goodName: `${stem}.efi`, triesLeft, triesDone });
      }),
    );
  });
});

describe('Boot Loader Interface: variables', () => {
  test('four octets of attributes, then UTF-16 up to a NUL', () => {
    expect(parseEfiString(variable('\\EFI\\Linux\\hithe_0.1.0+2-1.efi'))).toBe(
      '\\EFI\\Linux\\hithe_0.1.0+2-1.efi',
    );
    expect(parseEfiString(variable('a\0b'))).toBe('a');
    expect(parseEfiString(new Uint8Array([7, 0, 0, 0, 0x41, 0]))).toBe('A');
    expect(parseEfiString(new Uint8Array([7, 0, 0, 0]))).toBe('');
  });

  test('octets that are no string are none: too few, an odd number, half a surrogate pair, beyond the limit', () => {
    expect(parseEfiString(new Uint8Array(3))).toBeNull();
    expect(parseEfiString(new Uint8Array(7))).toBeNull();
    expect(parseEfiString(new Uint8Array([7, 0, 0, 0, 0x00, 0xd8]))).toBeNull();
    expect(parseEfiString(new Uint8Array(limits.efiVariableOctets))).toBe('');
    expect(parseEfiString(new Uint8Array(limits.efiVariableOctets + 2))).toBeNull();
  });

  test('any text is read back, and any octets give a string or null', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.includes('\0'));
        expect(parseEfiString(variable(text))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
        expect(['string', 'object']).toContain(typeof parseEfiString(octets));
      }),
    );
  });

  test('an entry is a file below the ESP', () => {
    const entry = { folder: 'EFI/Linux', fileName: 'hithe_0.1.0+2-1.efi' };
    expect(parseEntryPath('\\EFI\\Linux\\hithe_0.1.0+2-1.efi')).toEqual(entry);
    expect(parseEntryPath('/EFI/Linux/hithe_0.1.0+2-1.efi')).toEqual(entry);
    expect(parseEntryPath('a.efi')).toEqual({ folder: '', fileName: 'a.efi' });
    for (const path of [
      '',
      '\\',
      '\\EFI\\..\\..\\etc\\a.efi',
      '\\EFI\\.\\a.efi',
      'a\0b.efi',
      '\\EFI\\a\n.efi',
    ]) {
      expect(parseEntryPath(path), JSON.stringify(path)).toBeNull();
    }
  });
});

/** A machine started by the loader, with a folder for its ESP. */
function machine(
  esp: string,
  variables: Readonly<Record<string, string>>,
  efi = true,
): SlotSystem & { mounts: number } {
  return {
    mounts: 0,
    readLoaderVariable(name) {
      const text = variables[name];
      return text === undefined ? null : variable(text);
    },
    startedByEfi: () => efi,
    kernelCommandLine: () => `console=ttyS0 roothash=${'ab'.repeat(32)} verity.salt=00 quiet\n`,
    rootPartition: () => '/dev/vda2',
    partitionLabel: (device) => (device === 'vda2' ? 'root-a' : null),
    withEsp(work) {
      this.mounts++;
      return work(espFiles(esp));
    },
  };
}

describe('marking a slot good', () => {
  const counted = { LoaderBootCountPath: '\\EFI\\Linux\\hithe_0.1.0+2-1.efi' };
  const withEsp = async (
    files: readonly string[],
    work: (esp: string, list: () => string[]) => Promise<void>,
  ) => {
    const esp = mkdtempSync(join(tmpdir(), 'hithe-esp-'));
    try {
      mkdirSync(join(esp, 'EFI/Linux'), { recursive: true });
      for (const file of files) writeFileSync(join(esp, 'EFI/Linux', file), file);
      await work(esp, () => readdirSync(join(esp, 'EFI/Linux')).sort());
    } finally {
      rmSync(esp, { recursive: true, force: true });
    }
  };

  test('takes the counters off the entry that runs and leaves the others alone; again changes nothing', async () => {
    await withEsp(['hithe_0.1.0+2-1.efi', 'hithe_0.0.9.efi'], async (esp, list) => {
      const system = machine(esp, counted);
      expect(await markGood(system)).toEqual({ state: 'marked', entry: 'hithe_0.1.0.efi' });
      expect(list()).toEqual(['hithe_0.0.9.efi', 'hithe_0.1.0.efi']);
      expect(await markGood(system)).toMatchObject({ state: 'already-good' });
      expect(list()).toEqual(['hithe_0.0.9.efi', 'hithe_0.1.0.efi']);
    });
  });

  test('an entry that was not counted is good already, without the ESP being touched', async () => {
    const system = machine('/nowhere', { LoaderInfo: 'systemd-boot 257' });
    expect(await markGood(system)).toMatchObject({ state: 'already-good' });
    expect(system.mounts).toBe(0);
  });

  test('without EFI there is no counting', async () => {
    expect(await markGood(machine('/nowhere', counted, false))).toMatchObject({ state: 'not-counted' });
  });

  test('an entry that is gone, a path that leads out and an ESP that cannot be mounted are failures in words', async () => {
    await withEsp([], async (esp) => {
      expect(await markGood(machine(esp, counted))).toMatchObject({ state: 'failed' });
      const out = { LoaderBootCountPath: '\\..\\a+1.efi' };
      expect(await markGood(machine(esp, out))).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('..'),
      });
      const broken: SlotSystem = {
        ...machine(esp, counted),
        withEsp: () => Promise.reject(new Error('no ESP')),
      };
      expect(await markGood(broken)).toEqual({ state: 'failed', reason: 'no ESP' });
    });
  });

  test('the state tells slot, root hash, tries and loader', () => {
    const variables = { ...counted, LoaderInfo: 'systemd-boot 257.9-1', StubInfo: 'systemd-stub 257.9-1' };
    expect(readSlotState(machine('/nowhere', variables))).toEqual({
      slot: 'root-a',
      rootHash: 'ab'.repeat(32),
      boot: { goodName: 'hithe_0.1.0.efi', triesLeft: 2, triesDone: 1 },
      loader: 'systemd-boot 257.9-1',
      stub: 'systemd-stub 257.9-1',
    });
    const elsewhere: SlotSystem = {
      ...machine('/nowhere', {}),
      rootPartition: () => '../../etc/passwd',
      kernelCommandLine: () => 'roothash=abc',
    };
    expect(readSlotState(elsewhere)).toEqual({
      slot: null,
      rootHash: null,
      boot: null,
      loader: null,
      stub: null,
    });
  });
});

describe('the ESP among several', () => {
  const device = (
    name: string,
    disk: string | null,
    label: string | null,
    guid: string | null = null,
  ): BlockDevice => ({
    name,
    disk,
    label,
    partitionGuid: guid,
    sequence: null,
  });
  const disks = [
    device('sda', null, null),
    device('sda1', 'sda', 'esp', '11111111-0000-0000-0000-000000000001'),
    device('sdb', null, null),
    device('sdb1', 'sdb', 'esp', '22222222-0000-0000-0000-000000000002'),
    device('sdb2', 'sdb', 'root-a'),
  ];
  const without = disks.map((one) => ({ ...one, partitionGuid: null }));

  test('the loader’s partition goes first, then the disk with root, and no guess is made between two', () => {
    expect(findEsp(disks, '11111111-0000-0000-0000-000000000001'.toUpperCase(), 'sdb2')?.name).toBe('sda1');
    expect(findEsp(without, '11111111-0000-0000-0000-000000000001', 'sdb2')?.name).toBe('sdb1');
    expect(findEsp(without, null, null)).toBeNull();
    expect(findEsp(without.slice(0, 2), null, null)?.name).toBe('sda1');
    expect(findEsp([device('esp', null, 'esp')], null, null)).toBeNull();
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { boardProfile } from '../../firmware/boot/board-profile-schema.ts';
import { boardProfiles, profileNamed } from '../../firmware/boot/board-profiles.ts';
import { renderBoardProfileSchema } from '../../toolchain/board-profile-schema.ts';

const folder = new URL('../../board-profiles/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'schema.json')
  .map((name) => name.slice(0, -'.json'.length));
const written = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));

describe('board profiles', () => {
  test.each(names)('%s keeps to the schema and is named as its file', (name) => {
    const profile = boardProfile.parse(written(name));
    expect(profile.name).toBe(name);
    expect(profile.consoles.length).toBeGreaterThan(0);
    expect(new Set(profile.ports.named.map((port) => port.name)).size).toBe(profile.ports.named.length);
  });

  test('every file is in the bundle', () => {
    expect(
      boardProfiles()
        .map((profile) => profile.name)
        .sort(),
    ).toEqual([...names].sort());
  });

  test('what the firmware runs with is what the schema makes of the files', () => {
    for (const profile of boardProfiles()) expect(profile).toEqual(boardProfile.parse(written(profile.name)));
  });

  test('those that the project promises are there', () => {
    expect(names).toEqual(
      expect.arrayContaining([
        ...[
          'generic-x86-64',
          'generic-aarch64',
          'qemu-q35',
          'qemu-virt-aarch64',
          'aws-nitro',
          'azure-gen2',
          'gcp',
        ],
        ...[
          'alibaba',
          'vmware',
          'hyper-v',
          'virtualbox',
          'pc-engines-apu2',
          'protectli-vp2420',
          'raspberry-pi-4',
        ],
        'nanopi-r5s',
      ]),
    );
  });

  test('a rule says something: else it would match every machine', () => {
    for (const { name, match } of boardProfiles()) {
      for (const rule of match) {
        expect(rule.platform ?? rule.dmi ?? rule.deviceTree, name).toBeDefined();
      }
    }
  });

  test('the published JSON Schema is the one that the code checks by', () => {
    expect(written('schema')).toEqual(JSON.parse(renderBoardProfileSchema()));
  });

  test('a misspelt field, a console outside /dev and a rate nobody uses are refused', () => {
    const good = {
      name: 'x',
      title: 'X',
      architecture: 'any',
      match: [],
      ports: { order: 'bus' },
      tpm: 'none',
    };
    const consoles = [{ device: 'ttyS0', baud: 115200 }];
    expect(boardProfile.safeParse({ ...good, consoles }).success).toBe(true);
    expect(boardProfile.safeParse({ ...good, consoles, drivres: [] }).success).toBe(false);
    expect(boardProfile.safeParse({ ...good, consoles: [{ device: '../sda', baud: 115200 }] }).success).toBe(
      false,
    );
    expect(boardProfile.safeParse({ ...good, consoles: [{ device: 'ttyS0', baud: 0 }] }).success).toBe(false);
    expect(boardProfile.safeParse({ ...good, consoles, drivers: ['igb; reboot'] }).success).toBe(false);
  });

  test('an unknown name falls back to one that boots', () => {
    expect(profileNamed('nanopi-r5s').title).toBe('FriendlyElec NanoPi R5S');
    expect(profileNamed('nothing').name).toBe('generic-x86-64');
  });
});

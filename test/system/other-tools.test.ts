import { spawnSync } from 'node:child_process';
import { createHash, verify } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { pcrStep, policyDigest } from '../../firmware/tpm/policy-digest.ts';
import type { BuiltImage } from '../../image-builder/build.ts';
import { authenticodeHash, readSections } from '../../image-builder/pe.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { readReleaseKey } from '../../image-builder/release-key.ts';
import { readSecureBootIdentity, signImage } from '../../image-builder/secure-boot.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { assertUntouched, bootableImage } from './image.ts';
import { partition, readPartitions } from './partitions.ts';

/** What cryptsetup, util-linux, mtools, dosfstools, binutils, systemd and OpenSSL make of the image, without booting it. */
let image: BuiltImage;
let scratch: ScratchFolder;
beforeAll(async () => {
  image = await bootableImage();
  scratch = new ScratchFolder();
});
afterAll(async () => {
  scratch[Symbol.dispose]();
  await assertUntouched(image);
});

const sha256 = (data: Uint8Array = new Uint8Array()) => createHash('sha256').update(data).digest('hex');
const run = (name: string, ...args: string[]) => image.tools.run(name, args);

/** Copies a partition's first octets into a file of their own. */
function extract(name: string, length: number): string {
  const { offset } = partition(image.imagePath, name);
  const content = Buffer.alloc(length);
  const file = openSync(image.imagePath, 'r');
  readSync(file, content, 0, length, offset);
  closeSync(file);
  const path = join(scratch.path, name);
  writeFileSync(path, content);
  return path;
}

describe('veritysetup', () => {
  let root: string;
  let hashOffset: number;
  const verify = (rootHash = image.rootHash) =>
    run('veritysetup', 'verify', `--hash-offset=${hashOffset}`, root, root, rootHash);
  const flip = (offset: number) => {
    const file = openSync(root, 'r+');
    const octet = Buffer.alloc(1);
    readSync(file, octet, 0, 1, offset);
    octet.writeUInt8(octet.readUInt8() ^ 1);
    writeSync(file, octet, 0, 1, offset);
    closeSync(file);
  };

  beforeAll(() => {
    root = extract('root-a', image.manifest.root.size);
    hashOffset = image.manifest.root.dataBlocks * 4096;
  });

  test('finds the root partition to be what the root hash says', () => {
    expect(verify).not.toThrow();
  });

  test('refuses another root hash', () => {
    const other = image.rootHash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    expect(() => verify(other)).toThrow(/verif|mismatch|hash/i);
  });

  test('refuses one changed bit: in the first block, in the middle, in the last data block, in the hash tree', () => {
    const places = [100, Math.floor(hashOffset / 2), hashOffset - 1, statSync(root).size - 4096];
    for (const place of places) {
      flip(place);
      expect(verify, `offset ${place}`).toThrow();
      flip(place);
    }
    expect(verify).not.toThrow();
  });

  test('names the salt, the block count and the slot by its UUID as the command line has them', () => {
    const told = run('veritysetup', 'dump', `--hash-offset=${hashOffset}`, root);
    expect(told).toMatch(new RegExp(`Salt:\\s+${image.manifest.root.salt}`));
    expect(told).toMatch(new RegExp(`Data blocks:\\s+${image.manifest.root.dataBlocks}\\b`));
    expect(told).toMatch(/Hash algorithm:\s+sha256/);
    const uuid = /UUID:\s+([0-9a-f-]{36})/.exec(told)?.[1]?.replaceAll('-', '');
    expect(uuid).toBe(image.rootHash.slice(0, 32));
    expect(image.commandLine).toContain(
      `roothash=${image.rootHash} verity.salt=${image.manifest.root.salt} verity.blocks=${image.manifest.root.dataBlocks} `,
    );
  });
});

test('sfdisk finds a sound GPT with the four partitions where the image has them', () => {
  expect(run('sfdisk', '--verify', image.imagePath)).toContain('No errors detected');
  const { partitiontable } = JSON.parse(run('sfdisk', '--json', image.imagePath)) as {
    partitiontable: {
      label: string;
      sectorsize: number;
      partitions: { name: string; start: number; size: number; type: string }[];
    };
  };
  expect(partitiontable).toMatchObject({ label: 'gpt', sectorsize: 512 });
  expect(partitiontable.partitions.map(({ name, type }) => [name, type])).toEqual([
    ['esp', 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'],
    ['root-a', '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709'],
    ['root-b', '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709'],
    ['state', '0FC63DAF-8483-4772-8E79-3D69D8477DE4'],
  ]);
  expect(
    partitiontable.partitions.map(({ name, start, size }) => ({
      name,
      offset: start * 512,
      bytes: size * 512,
    })),
  ).toEqual(readPartitions(image.imagePath));
  for (const { start } of partitiontable.partitions) expect((start * 512) % (1024 * 1024)).toBe(0);
});

describe('the EFI system partition', () => {
  let esp: string;
  let uki: Buffer;
  beforeAll(() => {
    esp = extract('esp', partition(image.imagePath, 'esp').bytes);
    const copy = join(scratch.path, 'uki.efi');
    run('mcopy', '-n', '-i', esp, `::EFI/Linux/${image.manifest.uki.file}`, copy);
    uki = readFileSync(copy);
  });

  test('is a sound FAT32 file system with the loader, its settings and one kernel image that has tries left', () => {
    expect(run('fsck.vfat', '-n', '-v', esp)).toMatch(/FATs, 32 bit entries/);
    const names = run('mdir', '-/', '-b', '-i', esp, '::')
      .split('\n')
      .filter((name) => /[^/]$/.test(name));
    expect(names.sort()).toEqual([
      '::/EFI/BOOT/BOOTX64.EFI',
      `::/EFI/Linux/${image.manifest.uki.file}`,
      '::/loader/loader.conf',
    ]);
    expect(image.manifest.uki.file).toMatch(/^hithe_[\d.]+\+3\.efi$/);
  });

  test('objdump sees the kernel image’s sections as we wrote them', () => {
    const told = run('x86_64-linux-gnu-objdump', '-h', join(scratch.path, 'uki.efi'));
    const sections = readSections(uki);
    for (const name of ['.osrel', '.cmdline', '.uname', '.initrd', '.linux']) {
      const size = Number.parseInt(
        new RegExp(`^\\s*\\d+ \\${name}\\s+([0-9a-f]+)`, 'm').exec(told)?.[1] ?? '',
        16,
      );
      expect([name, size]).toEqual([name, sections.get(name)?.length]);
    }
    expect(sha256(sections.get('.linux'))).toBe(image.manifest.kernel.sha256);
    expect(sha256(sections.get('.initrd'))).toBe(image.manifest.initrd.sha256);
    expect(new TextDecoder().decode(sections.get('.cmdline'))).toBe(image.commandLine);
    expect(authenticodeHash(uki)).toBe(image.manifest.uki.authenticodeSha256);
  });

  test.each(['sha256', 'sha384'] as const)('systemd-measure predicts the same PCR 11, %s', (bank) => {
    const options = sectionOptions(uki);
    const told = run('systemd-measure', 'calculate', '--phase=:', `--bank=${bank}`, ...options);
    expect(told).toContain(`11:${bank}=${image.manifest.pcr11[bank]}\n`);
  });

  test('systemd-measure signs the policy over PCR 11 as the builder does, but for PCR 12', () => {
    const key = readReleaseKey(undefined);
    const publicKey = join(scratch.path, 'public.pem');
    const privateKey = join(scratch.path, 'private.pem');
    writeFileSync(publicKey, key.publicPem);
    writeFileSync(privateKey, readFileSync(join(projectRoot, 'image-builder/development-key.pem')), {
      mode: 0o600,
    });
    const signing = [`--private-key=${privateKey}`, `--public-key=${publicKey}`];
    const told = run(
      'systemd-measure',
      'sign',
      '--phase=:',
      '--bank=sha256',
      ...signing,
      ...sectionOptions(uki),
    );
    const [theirs] = JSON.parse(told).sha256;
    const [ours] = JSON.parse(new TextDecoder().decode(readSections(uki).get('.pcrsig'))).sha256;
    expect(Object.keys(ours)).toEqual(Object.keys(theirs));
    expect({ ours: ours.pcrs, theirs: theirs.pcrs }).toEqual({ ours: [11, 12], theirs: [11] });
    expect(ours.pkfp).toBe(theirs.pkfp);
    const pcr11 = Buffer.from(image.manifest.pcr11.sha256, 'hex');
    const policy = policyDigest(tpmCryptography, 'sha256', pcrStep([{ hash: 0x0b, indexes: [11] }], [pcr11]));
    expect(theirs.pol).toBe(Buffer.from(policy).toString('hex'));
    expect(theirs.sig).toBe(Buffer.from(key.sign(policy)).toString('base64'));
    const signed = Buffer.from(ours.pol, 'hex');
    expect(verify('sha256', signed, key.publicPem, Buffer.from(ours.sig, 'base64'))).toBe(true);
  });

  /** Each section that is measured as a file of its own, in systemd-measure's words. */
  function sectionOptions(kernelImage: Uint8Array): string[] {
    const sections = readSections(kernelImage);
    return ['linux', 'osrel', 'cmdline', 'initrd', 'uname', 'sbat', 'pcrpkey'].map((name) => {
      const path = join(scratch.path, name);
      writeFileSync(path, sections.get(`.${name}`) ?? new Uint8Array());
      return `--${name}=${path}`;
    });
  }
});

test('sbverify finds loader and kernel image signed for Secure Boot, and one changed bit', () => {
  const [key, certificate] = [join(scratch.path, 'boot.key'), join(scratch.path, 'boot.crt')];
  const request = ['req', '-x509', '-nodes', '-newkey', 'rsa:2048', '-subj', '/CN=boot', '-days', '2'];
  spawnSync('openssl', [...request, '-keyout', key, '-out', certificate]);
  const identity = readSecureBootIdentity(key, certificate);
  for (const path of [image.loaderPath, join(dirname(image.manifestPath), 'parts/hithe.efi')]) {
    const signed = signImage(readFileSync(path), identity);
    const place = join(scratch.path, 'signed.efi');
    const check = (content: Uint8Array) => {
      writeFileSync(place, content);
      return run('sbverify', '--cert', certificate, place);
    };
    expect(check(signed)).toContain('Signature verification OK');
    const middle = signed.length >> 1;
    expect(() => check(signed.with(middle, (signed[middle] ?? 0) ^ 1))).toThrow(/Hash doesn't match image/);
  }
});

test('OpenSSL finds the manifest signed by the release key beside it', () => {
  const folder = dirname(image.manifestPath);
  const arguments_ = ['dgst', '-sha256', '-verify', 'release-key.pem', '-signature', 'manifest.json.sig'];
  const check = (file: string) =>
    spawnSync('openssl', [...arguments_, file], { cwd: folder, encoding: 'utf8' });
  expect(check('manifest.json')).toMatchObject({ status: 0, stdout: 'Verified OK\n' });
  const changed = join(scratch.path, 'manifest.json');
  writeFileSync(
    changed,
    readFileSync(image.manifestPath, 'utf8').replace('"development": true', '"development": false'),
  );
  expect(check(changed).status).toBe(1);
});

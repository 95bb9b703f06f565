import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { signPcrPolicy } from '../../image-builder/pcr-policy.ts';
import { readSections } from '../../image-builder/pe.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { readReleaseKey } from '../../image-builder/release-key.ts';
import { osRelease } from '../../image-builder/root.ts';
import { kernelArguments, unifiedKernelImage } from '../../image-builder/uki.ts';
import { verityArguments } from '../../image-builder/verity.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { smallPe } from './small-pe.ts';

const root = { rootHash: 'ab'.repeat(32), salt: 'cd'.repeat(32), dataBlocks: 1234 };
const initrdScript = readFileSync(join(projectRoot, 'image-builder/initrd/init'), 'utf8');

test('a unified kernel image has the sections of the UAPI specification, each with its part', () => {
  using scratch = new ScratchFolder();
  const releaseKey = readReleaseKey(undefined);
  const place = (name: string, data: string | Uint8Array) => {
    writeFileSync(join(scratch.path, name), data);
    return join(scratch.path, name);
  };
  const image = unifiedKernelImage({
    stub: place('stub', smallPe({ sections: [{ name: '.text', data: new Uint8Array(16).fill(0x90) }] })),
    kernel: place('kernel', 'the kernel'),
    initrd: place('initrd', 'the initial RAM disk'),
    commandLine: 'one two',
    osRelease: 'ID=hithe\n',
    kernelRelease: '6.12.9',
    releaseKey,
  });
  const sections = [...readSections(image)].map(([name, data]) => [name, new TextDecoder().decode(data)]);
  expect(sections.slice(1)).toEqual([
    ['.osrel', 'ID=hithe\n'],
    ['.cmdline', 'one two'],
    ['.uname', '6.12.9'],
    ['.pcrpkey', releaseKey.publicPem],
    ['.initrd', 'the initial RAM disk'],
    ['.linux', 'the kernel'],
    ['.pcrsig', signPcrPolicy(image, releaseKey)],
  ]);
});

test('the command line names the root as the initial RAM disk reads it', () => {
  const words = verityArguments(root).split(' ');
  expect(words).toEqual([`roothash=${root.rootHash}`, `verity.salt=${root.salt}`, 'verity.blocks=1234']);
  for (const word of words) expect(initrdScript).toContain(`    ${word.replace(/=.*/, '')}=*) `);
});

test('the command line restarts after a panic and starts nothing but the init of the root', () => {
  expect(kernelArguments.split(' ')).toEqual(
    expect.arrayContaining(['panic=10', 'oops=panic', 'init_on_alloc=1']),
  );
  expect(kernelArguments).not.toMatch(/(^| )(init=|rdinit=|single|debug)/);
  expect(kernelArguments.length + verityArguments(root).length).toBeLessThan(2048);
});

test('os-release names the product and its version', () => {
  const fields = osRelease('1.2.3', false).trimEnd().split('\n');
  expect(fields).toEqual(
    expect.arrayContaining(['ID=hithe', 'VERSION_ID=1.2.3', 'PRETTY_NAME="Hithe 1.2.3"']),
  );
  expect(osRelease('1.2.3', false)).not.toContain('VARIANT');
});

test('os-release of an image that the development key signed says so', () => {
  const fields = osRelease('1.2.3', true).trimEnd().split('\n');
  expect(fields).toContain('VARIANT_ID=development');
  expect(fields).toContain('PRETTY_NAME="Hithe 1.2.3 (development build)"');
});

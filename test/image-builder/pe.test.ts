import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendSections, authenticodeHash, type PeSection, readSections } from '../../image-builder/pe.ts';
import { cacheRoot } from '../../image-builder/places.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { fileAlignment, sectionAlignment, smallPe } from './small-pe.ts';

const stubCode = { name: '.text', data: new Uint8Array(700).fill(0x90) };
const stub = smallPe({ sections: [stubCode], timestamp: 1234, checksum: 5678 });
const text = (value: string) => new TextEncoder().encode(value);

/** Whatever EFI program the cache holds from Debian: real ones have a string table, padding and odd sizes. */
const debianStubs = globSync('unpacked/kernel-*/usr/lib/systemd/boot/efi/*.{stub,efi}', {
  cwd: cacheRoot,
}).map((name) => readFileSync(join(cacheRoot, name)));

/** The procedure of "Calculating the PE Image Hash" step by step, over headers and sections, not over the whole file. */
function hashBySteps(image: Uint8Array): string {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const optional = view.getUint32(0x3c, true) + 24;
  const headers = view.getUint32(optional + 60, true);
  const hash = createHash('sha256');
  hash.update(image.subarray(0, optional + 64)).update(image.subarray(optional + 68, optional + 144));
  hash.update(image.subarray(optional + 152, headers));
  let hashed = headers;
  const count = view.getUint16(optional - 18, true);
  const table = optional + view.getUint16(optional - 4, true);
  const sections = Array.from({ length: count }, (_, index) => ({
    size: view.getUint32(table + index * 40 + 16, true),
    pointer: view.getUint32(table + index * 40 + 20, true),
  }));
  for (const { size, pointer } of sections
    .filter((section) => section.size > 0)
    .sort((a, b) => a.pointer - b.pointer)) {
    hash.update(image.subarray(pointer, pointer + size));
    hashed += size;
  }
  const certificates = view.getUint32(optional + 148, true);
  const extra = image.length - certificates - hashed;
  if (extra > 0) hash.update(image.subarray(hashed, hashed + extra));
  hash.update(new Uint8Array((8 - ((hashed + Math.max(extra, 0)) % 8)) % 8));
  return hash.digest('hex');
}

const sectionNames = fc.stringMatching(/^\.[a-z]{1,7}$/);
const newSections: fc.Arbitrary<PeSection[]> = fc.uniqueArray(
  fc.record({ name: sectionNames, data: fc.uint8Array({ minLength: 1, maxLength: 3000 }) }),
  { selector: ({ name }) => name, maxLength: 8 },
);

describe('sections appended to an EFI stub', () => {
  test('are read back, and the stub is as it was', () => {
    fc.assert(
      fc.property(newSections, (sections) => {
        fc.pre(!sections.some(({ name }) => name === '.text'));
        const read = readSections(appendSections(stub, sections));
        expect([...read.keys()]).toEqual(['.text', ...sections.map(({ name }) => name)]);
        expect(read.get('.text')).toEqual(stubCode.data);
        for (const { name, data } of sections) expect(read.get(name)).toEqual(data);
      }),
    );
  });

  test('lie aligned, in order and apart, in the file and in memory', () => {
    const image = appendSections(stub, [
      { name: '.one', data: new Uint8Array(sectionAlignment) },
      { name: '.two', data: new Uint8Array(1) },
      { name: '.three', data: new Uint8Array(fileAlignment + 1) },
    ]);
    const view = new DataView(image.buffer);
    const optional = 0x80 + 24;
    const entries = [0, 1, 2, 3].map((index) => {
      const entry = optional + 240 + index * 40;
      const [size = 0, address = 0, rawSize = 0, pointer = 0] = [8, 12, 16, 20].map((at) =>
        view.getUint32(entry + at, true),
      );
      return { size, address, rawSize, pointer, flags: view.getUint32(entry + 36, true) };
    });
    expect(entries.slice(1)).toEqual([
      { size: 0x1000, address: 0x2000, rawSize: 0x1000, pointer: 0x800, flags: 0x4000_0040 },
      { size: 1, address: 0x3000, rawSize: 0x200, pointer: 0x1800, flags: 0x4000_0040 },
      { size: 0x201, address: 0x4000, rawSize: 0x400, pointer: 0x1a00, flags: 0x4000_0040 },
    ]);
    expect(image.length).toBe(0x1e00);
    // SizeOfImage reaches the end of the last section; SizeOfInitializedData grew by what lies in the file.
    expect(view.getUint32(optional + 56, true)).toBe(0x5000);
    expect(view.getUint32(optional + 8, true)).toBe(0x1600);
  });

  test('leave no time of the stub and no stale checksum', () => {
    const view = new DataView(appendSections(stub, []).buffer);
    expect(view.getUint32(0x88, true)).toBe(0);
    expect(view.getUint32(0x98 + 64, true)).toBe(0);
  });

  test('need room in the header: as many as fit, not one more', () => {
    // The section table begins at 0x188: a header of 0x400 octets has room for 15 entries.
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ name: `.s${index}`, data: text('x') }));
    expect(readSections(appendSections(stub, many(14))).size).toBe(15);
    expect(() => appendSections(stub, many(15))).toThrow('no room');
  });

  test.each([
    ['empty', new Uint8Array(64)],
    ['no signature', smallPe({ sections: [] }).fill(0, 0x80, 0x84)],
    [
      'PE32, not PE32+',
      (() => {
        const image = smallPe({ sections: [] });
        image[0x98 + 1] = 1;
        return image;
      })(),
    ],
  ])('are refused by what is no PE32+ file: %s', (_, image) => {
    expect(() => appendSections(image, [])).toThrow(/Not a PE/);
  });
});

describe('the Authenticode hash', () => {
  test('of an image without certificates, beside the steps of the specification', () => {
    fc.assert(
      fc.property(newSections, (sections) => {
        const image = appendSections(stub, sections);
        expect(authenticodeHash(image)).toBe(hashBySteps(image));
      }),
    );
    for (const image of debianStubs) expect(authenticodeHash(image)).toBe(hashBySteps(image));
  });

  test('knows neither the checksum nor the certificates, but every other octet', () => {
    const hash = authenticodeHash(stub);
    expect(authenticodeHash(smallPe({ sections: [stubCode], timestamp: 1234, checksum: 1 }))).toBe(hash);
    expect(authenticodeHash(smallPe({ sections: [stubCode], timestamp: 1235, checksum: 5678 }))).not.toBe(
      hash,
    );
    const signed = new Uint8Array(stub.length + 16).fill(0xaa);
    signed.set(stub);
    const view = new DataView(signed.buffer);
    view.setUint32(0x98 + 144, stub.length, true);
    view.setUint32(0x98 + 148, 16, true);
    expect(authenticodeHash(signed)).toBe(hash);
    signed[0x400] = 0;
    expect(authenticodeHash(signed)).not.toBe(hash);
  });

  test('pads a file that does not end on 8 octets', () => {
    const longer = new Uint8Array(stub.length + 5);
    longer.set(stub);
    const padded = new Uint8Array(stub.length + 8);
    padded.set(stub);
    expect(authenticodeHash(longer)).toBe(authenticodeHash(padded));
    expect(authenticodeHash(longer)).toBe(hashBySteps(longer));
  });

  test.skipIf(!existsSync('/usr/bin/osslsigncode') || !existsSync('/usr/bin/openssl'))(
    'is the one that osslsigncode signs',
    () => {
      using scratch = new ScratchFolder();
      const run = (command: string, ...args: string[]) =>
        execFileSync(command, args, {
          cwd: scratch.path,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        });
      run(
        'openssl',
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        '/CN=test',
        '-days',
        '1',
        '-keyout',
        'key',
        '-out',
        'cert',
      );
      for (const [index, image] of [
        appendSections(stub, [{ name: '.osrel', data: text('x') }]),
        ...debianStubs,
      ].entries()) {
        writeFileSync(join(scratch.path, `in${index}`), image);
        run(
          'osslsigncode',
          'sign',
          '-certs',
          'cert',
          '-key',
          'key',
          '-h',
          'sha256',
          '-in',
          `in${index}`,
          '-out',
          `out${index}`,
        );
        const said = run('osslsigncode', 'verify', '-CAfile', 'cert', '-in', `out${index}`);
        const digest = /^Calculated message digest\s*: ([0-9A-F]{64})\s*$/m.exec(said)?.[1]?.toLowerCase();
        expect(authenticodeHash(readFileSync(join(scratch.path, `out${index}`)))).toBe(digest);
        expect(authenticodeHash(image)).toBe(digest);
      }
    },
  );
});

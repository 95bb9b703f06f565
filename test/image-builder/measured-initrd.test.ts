import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { measuredInitrd } from '../../image-builder/measured-initrd.ts';
import { appendSections } from '../../image-builder/pe.ts';
import { smallPe } from './small-pe.ts';

const kernelImage = (sections: Readonly<Record<string, string>>) =>
  appendSections(
    smallPe({ sections: [{ name: '.text', data: new Uint8Array(16).fill(0x90) }], headerSize: 0x600 }),
    Object.entries(sections).map(([name, content]) => ({ name, data: new TextEncoder().encode(content) })),
  );
const sha256 = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex');

/** As cpio(5) has it, written out: 0x816d is a folder with 0555, 0x8124 a file with 0444. */
const number = (value: number) => value.toString(16).padStart(8, '0');
const none = '00000000';
const folder = `070701${number(1)}0000416d${none}${none}00000001${none}${none}${none.repeat(4)}00000007${none}.extra\0\0\0\0`;
const trailer = `070701${none.repeat(4)}00000001${none.repeat(6)}0000000B${none}TRAILER!!!\0\0\0\0`;
const fileHeader = (size: number, nameSize: number) =>
  `070701${number(2)}00008124${none}${none}00000001${none}${number(size)}${none.repeat(4)}${number(nameSize)}${none}`;

describe('the initial RAM disk that the stub hands to the kernel (systemd-stub(7))', () => {
  test('alone ends at a multiple of four octets', () => {
    expect(measuredInitrd(kernelImage({ '.initrd': 'abcde' })).sha256).toBe(sha256('abcde\0\0\0'));
    expect(measuredInitrd(kernelImage({ '.initrd': 'abcd' })).sha256).toBe(sha256('abcd'));
  });

  test('has an archive for the os-release', () => {
    const image = kernelImage({ '.osrel': 'ID=x\n', '.initrd': 'abcd' });
    const file = `${fileHeader(5, 18)}.extra/os-release\0ID=x\n\0\0\0`;
    expect(measuredInitrd(image).sha256).toBe(sha256(`abcd${folder}${file}${trailer}`));
  });

  test('has policy, key and os-release in this order, wherever they are in the image', () => {
    const parts = { '.pcrsig': '{}', '.pcrpkey': 'PEM', '.osrel': 'ID=x\n', '.initrd': 'abcd' };
    const one = measuredInitrd(kernelImage(parts));
    const other = measuredInitrd(kernelImage(Object.fromEntries(Object.entries(parts).reverse())));
    expect(one).toEqual(other);
    for (const name of Object.keys(parts)) {
      const changed = measuredInitrd(kernelImage({ ...parts, [name]: 'else' }));
      expect([changed.sha256, changed.sha384]).not.toEqual([one.sha256, one.sha384]);
    }
  });
});

import { createHash, createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { measuredSections, predictPcr11, signPcrPolicy } from '../../image-builder/pcr-policy.ts';
import { appendSections } from '../../image-builder/pe.ts';
import { readReleaseKey } from '../../image-builder/release-key.ts';
import { smallPe } from './small-pe.ts';

const text = (value: string) => new TextEncoder().encode(value);
const key = readReleaseKey(undefined);

function kernelImage(...sections: readonly [name: string, content: string][]): Uint8Array {
  const stub = smallPe({
    sections: [{ name: '.text', data: new Uint8Array(16).fill(0x90) }],
    headerSize: 0x600,
  });
  return appendSections(
    stub,
    sections.map(([name, content]) => ({ name, data: text(content) })),
  );
}

const complete: [string, string][] = [
  ['.osrel', 'ID=hithe\n'],
  ['.cmdline', 'one two'],
  ['.uname', '6.12'],
  ['.initrd', 'the initial RAM disk'],
  ['.linux', 'the kernel'],
];

describe('PCR 11 of a unified kernel image (UAPI.5)', () => {
  test.each(['sha256', 'sha384'] as const)(
    '%s: name with a NUL, then content, in the stub’s order',
    (algorithm) => {
      const hash = (...parts: readonly Uint8Array[]) =>
        parts.reduce((digest, part) => digest.update(part), createHash(algorithm)).digest();
      const order = ['.linux', '.osrel', '.cmdline', '.initrd', '.uname'];
      let value: Uint8Array = new Uint8Array(algorithm === 'sha256' ? 32 : 48);
      for (const name of order) {
        const content = complete.find(([known]) => known === name)?.[1] ?? '';
        value = hash(value, hash(text(`${name}\0`)));
        value = hash(value, hash(text(content)));
      }
      const sections = measuredSections(kernelImage(...complete));
      expect(sections.map(({ name }) => name)).toEqual(order);
      expect(predictPcr11(sections, algorithm)).toBe(Buffer.from(value).toString('hex'));
    },
  );

  test('does not depend on the sections’ places in the file, but on each octet of them', () => {
    const pcr = (...sections: [string, string][]) =>
      predictPcr11(measuredSections(kernelImage(...sections)), 'sha256');
    expect(pcr(...complete.toReversed())).toBe(pcr(...complete));
    for (const [index, [name, content]] of complete.entries())
      expect(pcr(...complete.with(index, [name, `${content}!`]))).not.toBe(pcr(...complete));
  });

  test('leaves out the signature over it and what the stub does not measure', () => {
    const other: [string, string][] = [
      ['.pcrsig', '{}'],
      ['.other', 'anything'],
    ];
    expect(measuredSections(kernelImage(...complete, ...other))).toEqual(
      measuredSections(kernelImage(...complete)),
    );
  });
});

describe('the signed PCR policy', () => {
  type Entry = { pcrs: number[]; pkfp: string; pol: string; sig: string };
  const signed = (image: Uint8Array) => JSON.parse(signPcrPolicy(image, key)) as { sha256: [Entry] };
  const [entry] = signed(kernelImage(...complete)).sha256;

  test('is PolicyPCR over PCR 11 as predicted and an untouched PCR 12 (TPM 2.0 part 3 §23.7)', () => {
    const pcr11 = Buffer.from(predictPcr11(measuredSections(kernelImage(...complete)), 'sha256'), 'hex');
    const sha256 = (...parts: readonly Uint8Array[]) =>
      parts.reduce((digest, part) => digest.update(part), createHash('sha256')).digest();
    // Command code 0x17f; one selection of SHA-256 (0x000b) with three octets, bits 11 and 12.
    const fixed = Buffer.from('0000017f' + '00000001' + '000b' + '03' + '001800', 'hex');
    const policy = sha256(new Uint8Array(32), fixed, sha256(pcr11, new Uint8Array(32)));
    expect(entry).toMatchObject({ pcrs: [11, 12], pol: policy.toString('hex') });
  });

  test('verifies with the release key, over the policy digest’s octets', () => {
    const signature = Buffer.from(entry.sig, 'base64');
    expect(verify('sha256', Buffer.from(entry.pol, 'hex'), createPublicKey(key.publicPem), signature)).toBe(
      true,
    );
    expect(entry.pkfp).toBe(createHash('sha256').update(key.publicDer).digest('hex'));
  });

  test('is the same each time for the same image, and another for another', () => {
    expect(signed(kernelImage(...complete)).sha256[0]).toEqual(entry);
    const other = signed(kernelImage(...complete.with(1, ['.cmdline', 'one two rdinit=/bin/sh']))).sha256[0];
    expect(other.pol).not.toBe(entry.pol);
    expect(other.sig).not.toBe(entry.sig);
  });
});

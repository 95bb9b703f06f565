import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseEventLog } from '../../firmware/attestation/event-log.ts';
import { reportEventLog } from '../../firmware/attestation/event-log-report.ts';
import { derElements, derOid } from '../../image-builder/der.ts';
import { authenticodeHash } from '../../image-builder/pe.ts';
import { enrolmentFiles, readSecureBootIdentity, signImage } from '../../image-builder/secure-boot.ts';
import type { SigningIdentity } from '../../image-builder/signed-data.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { sha, sha1Event, u64 } from '../attestation/made-log.ts';
import { smallPe } from './small-pe.ts';

let scratch: ScratchFolder;
let identity: SigningIdentity;
const place = (name: string) => join(scratch.path, name);

function makeIdentity(name: string, algorithm: string, ...options: readonly string[]): [string, string] {
  const [key, certificate] = [place(`${name}.key`), place(`${name}.crt`)];
  const subject = ['-subj', `/O=Example/CN=${name}`, '-days', '2'];
  const args = ['req', '-x509', '-nodes', '-newkey', algorithm, ...options, ...subject];
  execFileSync('openssl', [...args, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  return [key, certificate];
}

beforeAll(() => {
  scratch = new ScratchFolder();
  identity = readSecureBootIdentity(...makeIdentity('own', 'rsa:2048'));
});
afterAll(() => scratch[Symbol.dispose]());

const image = smallPe({ sections: [{ name: '.text', data: new Uint8Array(701).fill(0x90) }] });

describe('an image signed for Secure Boot (Authenticode)', () => {
  test('is measured as before: the signature is no part of the hash', () => {
    const signed = signImage(image, identity);
    expect(authenticodeHash(signed)).toBe(authenticodeHash(image));
    expect(authenticodeHash(signed, 'sha384')).toBe(authenticodeHash(image, 'sha384'));
  });

  test('is the same octets each time, and a second signature replaces the first', () => {
    const signed = signImage(image, identity);
    expect(signImage(image, identity)).toEqual(signed);
    expect(signImage(signed, identity)).toEqual(signed);
  });

  test('OpenSSL verifies the signature over its content, and finds the image’s hash in it', () => {
    const signed = signImage(image, identity);
    const view = new DataView(signed.buffer);
    const table = view.getUint32(0x98 + 144, true);
    expect(view.getUint32(0x98 + 148, true)).toBe(signed.length - table);
    expect([
      view.getUint32(table, true),
      view.getUint16(table + 4, true),
      view.getUint16(table + 6, true),
    ]).toEqual([signed.length - table, 0x0200, 0x0002]);
    // The table's entry is filled up to 8 octets.
    const [contentInfo] = derElements(signed.subarray(table + 8, table + 8 + 4 + view.getUint16(table + 10)));
    const [, signedDataOf] = derElements(contentInfo?.content ?? new Uint8Array());
    const fields = derElements(
      derElements(signedDataOf?.content ?? new Uint8Array())[0]?.content ?? new Uint8Array(),
    );
    const [, inside] = derElements(fields[2]?.content ?? new Uint8Array());
    const content = derElements(inside?.content ?? new Uint8Array())[0]?.content ?? new Uint8Array();
    expect(Buffer.from(content).toString('hex').endsWith(authenticodeHash(image))).toBe(true);
    writeFileSync(place('signature.der'), contentInfo?.whole ?? new Uint8Array());
    // As the firmware does it: over the content's octets without tag and length.
    const args = [
      'smime',
      '-verify',
      '-binary',
      '-inform',
      'DER',
      '-in',
      place('signature.der'),
      '-noverify',
    ];
    const check = (octets: Uint8Array) => {
      writeFileSync(place('content'), octets);
      return spawnSync('openssl', [...args, '-content', place('content'), '-out', '/dev/null']).status;
    };
    expect(check(content)).toBe(0);
    expect(check(content.with(content.length - 1, (content.at(-1) ?? 0) ^ 1))).not.toBe(0);
  });
});

describe('files for a machine in set-up mode (UEFI 2.10 §8.2.6)', () => {
  const time = 1_767_225_600;
  const variables = [
    ['PK', '61dfe48bca93d211aa0d00e098032b8c'],
    ['KEK', '61dfe48bca93d211aa0d00e098032b8c'],
    ['db', 'cbb219d73a3d9645a3bcdad00e67656f'],
  ] as const;

  test('there is one for each variable', () => {
    expect([...enrolmentFiles(identity, time).keys()]).toEqual(variables.map(([name]) => `${name}.auth`));
  });

  test.each(variables)(
    '%s: OpenSSL verifies what the firmware will, and the value is the certificate',
    (name, vendor) => {
      const file = Buffer.from(enrolmentFiles(identity, time).get(`${name}.auth`) ?? []);
      // 2026-01-01 00:00:00, then a WIN_CERTIFICATE_UEFI_GUID that ends where the value begins.
      const efiTime = file.subarray(0, 16);
      expect(efiTime.toString('hex')).toBe('ea070101000000000000000000000000');
      const length = file.readUInt32LE(16);
      expect([file.readUInt16LE(20), file.readUInt16LE(22)]).toEqual([0x0200, 0x0ef1]);
      expect(file.subarray(24, 40).toString('hex')).toBe('9dd2af4adf68ee498aa9347d375665a7');
      const signature = file.subarray(40, 16 + length);
      const value = file.subarray(16 + length);
      const attributes = Buffer.from('27000000', 'hex');
      const signed = [Buffer.from(name, 'utf16le'), Buffer.from(vendor, 'hex'), attributes, efiTime, value];
      writeFileSync(place('content'), Buffer.concat(signed));
      writeFileSync(place('certificate.der'), identity.certificate);
      // The firmware takes SignedData alone, OpenSSL wants it in a ContentInfo.
      const wrapped = [derOid('1.2.840.113549.1.7.2'), tlv(0xa0, signature)];
      writeFileSync(place('signature.der'), tlv(0x30, ...wrapped));
      const verify = [
        'cms',
        '-verify',
        '-binary',
        '-inform',
        'DER',
        '-in',
        place('signature.der'),
        '-noverify',
      ];
      const check = () =>
        spawnSync('openssl', [...verify, '-content', place('content'), '-out', '/dev/null']).status;
      expect(check()).toBe(0);
      writeFileSync(place('content'), Buffer.concat([...signed, Buffer.of(0)]));
      expect(check()).not.toBe(0);
      // The value read as the firmware's event log will have it.
      const data = Buffer.concat([
        Buffer.from(vendor, 'hex'),
        u64(name.length),
        u64(value.length),
        Buffer.from(name, 'utf16le'),
        value,
      ]);
      const log = sha1Event({ pcr: 7, type: 0x8000_0001, data });
      expect(parseEventLog(log).error).toBeNull();
      expect(reportEventLog(log, sha).events[0]?.text).toBe(`${name}: O=Example, CN=own`);
    },
  );

  function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.of(tag, 0x82, content.length >> 8, content.length & 0xff), content]);
  }
});

describe('the key and certificate that are given', () => {
  test('must be RSA with 2048 bits, belong together and be there', () => {
    const own: [string, string] = [place('own.key'), place('own.crt')];
    const other = makeIdentity('other', 'rsa:2048');
    const cases: readonly (readonly [string, string])[] = [
      makeIdentity('short', 'rsa:1024'),
      makeIdentity('ec', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'),
      [own[0], other[1]],
      [own[0], own[0]],
      [own[1], own[1]],
      ['/nonexistent', own[1]],
    ];
    for (const paths of cases)
      expect(() => readSecureBootIdentity(...paths), paths.join(' ')).toThrow(
        expect.objectContaining({ code: 'usage' }),
      );
    expect(readSecureBootIdentity(own[0], own[1]).certificate.length).toBeGreaterThan(500);
    expect(readFileSync(own[1], 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});

test.each([
  ['1.2.840.113549.1.7.2', '06092a864886f70d010702'],
  ['1.3.6.1.4.1.311.2.1.4', '060a2b060104018237020104'],
  ['2.16.840.1.101.3.4.2.1', '0609608648016503040201'],
])('object identifier %s in DER (X.690 §8.19)', (dotted, hex) => {
  expect(Buffer.from(derOid(dotted)).toString('hex')).toBe(hex);
});

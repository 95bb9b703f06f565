import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { certificateSubject } from '../../firmware/attestation/certificate-subject.ts';
import { readDevicePath } from '../../firmware/attestation/device-path.ts';
import { eventDetail } from '../../firmware/attestation/event-detail.ts';
import { eventLogLines, reportEventLog } from '../../firmware/attestation/event-log-report.ts';
import { limits } from '../../firmware/attestation/limits.ts';
import { concatBytes, fromHex } from '../../firmware/bytes/bytes.ts';
import { decode } from '../../firmware/bytes/decode.ts';
import { Reader } from '../../firmware/bytes/reader.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { agileEvent, ascii, header, recordedLog, sha, sha1Event, u16, u32, u64, utf16 } from './made-log.ts';

const report = (name: string) => reportEventLog(recordedLog(name), sha);
const event = (type: number, data: Uint8Array, pcr = 1) =>
  eventDetail({ index: 0, offset: 0, pcr, type, digests: new Map(), data });
const guid = (text: string) => {
  const [a = '', b = '', c = '', d = '', e = ''] = text.split('-');
  const little = (part: string) => (fromHex(part) ?? new Uint8Array()).slice().reverse();
  return concatBytes(little(a), little(b), little(c), fromHex(d + e) ?? new Uint8Array());
};
const globalVariable = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const securityDatabase = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';
const variable = (vendor: string, name: string, value: Uint8Array) =>
  concatBytes(guid(vendor), u64(name.length), u64(value.length), utf16(name), value);

const types = { noAction: 3, separator: 4, tag: 6, crtmVersion: 8, ipl: 0x0d, postCode2: 0x13 } as const;
const efi = (number: number) => 0x8000_0000 + number;

describe('a recorded boot of this image’s loader and stub', () => {
  const { events } = report('own-ovmf-stub-257.bin');
  const textsOf = (pcr: number) =>
    events.filter((one) => one.pcr === pcr && one.extends).map(({ text }) => text);

  test('PCR 11 names the sections in the stub’s order, each followed by its content', () => {
    const sections = ['.linux', '.osrel', '.cmdline', '.initrd', '.uname', '.sbat', '.pcrpkey'];
    expect(textsOf(11)).toEqual(
      sections.flatMap((name) => [
        `section ${name} of the kernel image`,
        `content of section ${name} of the kernel image`,
      ]),
    );
  });

  test('PCR 4 names what was started, from which partition', () => {
    const disk = 'PciRoot(0x0)/Pci(0x1,0x0)/HD(1,GPT,6f9c2d31-7a54-4e0b-9c1d-4b1a60e50001,0x800,0x30000)';
    expect(textsOf(4)).toEqual([
      '“Calling EFI Application from Boot Option”',
      'separator',
      `${disk}/\\EFI\\BOOT\\BOOTX64.EFI`,
      `${disk}/\\EFI\\Linux\\hithe_1.0+2-1.efi`,
      'VenMedia(55c5d1f8-04cd-46b5-8a20-e56cbb3052d0)',
    ]);
  });

  test('PCR 7 says that Secure Boot is off and has no keys', () => {
    expect(textsOf(7)).toEqual([
      'SecureBoot: off',
      'PK: absent',
      'KEK: absent',
      'db: absent',
      'dbx: absent',
      'separator',
    ]);
  });

  test('PCR 1 has the boot order and its entries', () => {
    expect(textsOf(1).slice(0, 3)).toEqual([
      'BootOrder: Boot0001, Boot0000, Boot0002',
      'Boot0001: UEFI Misc Device, PciRoot(0x0)/Pci(0x1,0x0)',
      expect.stringMatching(/^Boot0000: UiApp, Fv\(.*\)\/FvFile\(.*\)$/),
    ]);
  });

  test('PCR 5 has the partition table, the loader’s settings and the end of the firmware', () => {
    expect(textsOf(5)).toEqual([
      'separator',
      'partition table of disk 6f9c2d31-7a54-4e0b-9c1d-4b1a60e50000: esp, root-a, root-b, state',
      'systemd-boot: loader.conf “loader.conf”',
      '“Exit Boot Services Invocation”',
      '“Exit Boot Services Returned with Success”',
    ]);
  });

  test('tells which data was measured and which only describes', () => {
    const measured = (index: number) => events[index]?.dataIsMeasured;
    const indexOf = (text: string) => events.findIndex((one) => one.text === text);
    expect(measured(indexOf('SecureBoot: off'))).toBe(true);
    expect(measured(indexOf('section .linux of the kernel image'))).toBe(true);
    expect(measured(indexOf('content of section .linux of the kernel image'))).toBe(false);
    expect(events.find(({ detail }) => detail.kind === 'image')?.dataIsMeasured).toBe(false);
    expect(events[0]).toMatchObject({ type: 'EV_NO_ACTION', extends: false, dataIsMeasured: false });
  });
});

describe('recorded boots of other machines', () => {
  const variables = (name: string) =>
    new Map(
      report(name).events.flatMap(({ detail }) =>
        detail.kind === 'variable' ? [[detail.name, detail.value]] : [],
      ),
    );

  test('certificates are named, revoked images counted', () => {
    const found = variables('gt-arch-linux-workstation.bin');
    expect(found.get('PK')).toMatchObject({
      kind: 'signatures',
      certificates: [{ subject: 'CN=Joe Richey (PK)' }],
    });
    expect(found.get('KEK')).toMatchObject({
      certificates: [
        { subject: 'CN=Joe Richey (KEK)' },
        {
          owner: 'Microsoft',
          subject:
            'C=US, ST=Washington, L=Redmond, O=Microsoft Corporation, CN=Microsoft Corporation KEK CA 2011',
        },
      ],
    });
    expect(found.get('dbx')).toEqual({ kind: 'signatures', certificates: [], hashes: 77 });
    expect(found.get('SecureBoot')).toEqual({ kind: 'absent' });
  });

  test('what let the loader start is named: by the database’s entry, and by shim’s own certificate', () => {
    const authorities = report('gt-debian-10.bin').events.flatMap(({ detail }) =>
      detail.kind === 'variable' && detail.value.kind === 'authority'
        ? [`${detail.name}: ${detail.value.subject}`]
        : [],
    );
    expect(authorities).toEqual([
      'db: C=US, ST=Washington, L=Redmond, O=Microsoft Corporation, CN=Microsoft Corporation UEFI CA 2011',
      'Shim: CN=Debian Secure Boot CA',
    ]);
  });

  test('GRUB’s commands are text', () => {
    const texts = report('gt-rhel8-uefi.bin')
      .events.filter(({ pcr, type }) => pcr === 8 && type === 'EV_IPL')
      .map(({ text }) => text);
    expect(texts).toHaveLength(50);
    expect(texts.every((text) => text.startsWith('“'))).toBe(true);
  });

  test.each([
    'gt-arch-linux-workstation.bin',
    'gt-cos-85-amd-sev.bin',
    'gt-debian-10.bin',
    'gt-rhel8-uefi.bin',
    'gt-ubuntu-1804-amd-sev.bin',
    'own-ovmf-uki.bin',
    'own-ovmf-stub-257.bin',
  ])('nothing in %s is malformed, and what it shows is printable', (name) => {
    const whole = report(name);
    expect(whole.events.filter(({ detail }) => detail.kind === 'malformed')).toEqual([]);
    expect([...eventLogLines(whole)].join('')).toMatch(/^\P{C}*$/u);
  });
});

describe('data by its event’s type', () => {
  test('separators (§10.4.1)', () => {
    expect(event(types.separator, u32(0))).toEqual({ kind: 'separator', meaning: 'end-of-firmware' });
    expect(event(types.separator, u32(0xffffffff))).toEqual({
      kind: 'separator',
      meaning: 'end-of-firmware',
    });
    expect(event(types.separator, u32(1))).toEqual({ kind: 'separator', meaning: 'error' });
    expect(event(types.separator, u32(2)).kind).toBe('malformed');
    expect(event(types.separator, new Uint8Array(5)).kind).toBe('malformed');
  });

  test('switches of Secure Boot', () => {
    for (const [octet, on] of [
      [0, false],
      [1, true],
    ] as const) {
      const data = variable(globalVariable, 'SecureBoot', Uint8Array.of(octet));
      expect(event(efi(1), data)).toMatchObject({ name: 'SecureBoot', value: { kind: 'switch', on } });
    }
  });

  test('a boot entry (UEFI 2.10 §3.1.3), active or not', () => {
    const path = concatBytes(
      Uint8Array.of(4, 4),
      u16(4 + 10),
      utf16('\\a.b\0'),
      Uint8Array.of(0x7f, 0xff),
      u16(4),
    );
    const option = (attributes: number) =>
      concatBytes(u32(attributes), u16(path.length), utf16('Linux\0'), path, ascii('optional data'));
    expect(event(efi(2), variable(globalVariable, 'Boot000A', option(1)))).toMatchObject({
      value: { kind: 'boot-entry', description: 'Linux', active: true, path: '\\a.b' },
    });
    expect(event(efi(0x0c), variable(globalVariable, 'Boot000A', option(0)))).toMatchObject({
      value: { kind: 'boot-entry', active: false },
    });
  });

  test('SHA-256 hashes and certificates in one database (UEFI 2.10 §32.4.1)', () => {
    const list = (type: string, size: number, ...entries: readonly Uint8Array[]) =>
      concatBytes(guid(type), u32(28 + entries.length * size), u32(0), u32(size), ...entries);
    const hashes = list(
      'c1c41626-504c-4092-aca9-41f936934328',
      48,
      new Uint8Array(48).fill(1),
      new Uint8Array(48).fill(2),
    );
    const certificates = list('a5c059a1-94e4-4aa7-87b5-ab155c2bf072', 20, new Uint8Array(20));
    expect(event(efi(1), variable(securityDatabase, 'db', concatBytes(hashes, certificates)))).toMatchObject({
      vendor: 'image security database',
      value: { hashes: 2, certificates: [{ subject: 'a certificate without a name' }] },
    });
    const many = list('c1c41626-504c-4092-aca9-41f936934328', 16, new Uint8Array(16 * limits.signatures));
    const atLimit = concatBytes(many.slice(0, 16), u32(28 + 16 * limits.signatures), many.slice(20));
    expect(event(efi(1), variable(securityDatabase, 'dbx', atLimit))).toMatchObject({
      value: { hashes: limits.signatures },
    });
    const over = concatBytes(atLimit, list('c1c41626-504c-4092-aca9-41f936934328', 16, new Uint8Array(16)));
    expect(event(efi(1), variable(securityDatabase, 'dbx', over)).kind).toBe('malformed');
  });

  test('firmware blobs with and without a name, tables, versions, tags', () => {
    const blob = concatBytes(u64(0xff000000), u64(0x10000));
    expect(event(efi(8), blob)).toEqual({
      kind: 'firmware-blob',
      name: '',
      address: '0xff000000',
      length: '0x10000',
    });
    const named = concatBytes(Uint8Array.of(5), ascii('POST\0'), blob);
    for (const type of [efi(0x0a), types.postCode2])
      expect(event(type, named)).toMatchObject({ kind: 'firmware-blob', name: 'POST', length: '0x10000' });
    const table = concatBytes(u64(1), guid('eb9d2d31-2d88-11d3-9a16-0090273fc14d'), u64(0));
    expect(event(efi(9), table)).toEqual({ kind: 'tables', tables: ['SMBIOS tables'] });
    expect(event(efi(0x0b), concatBytes(Uint8Array.of(0), table))).toMatchObject({ kind: 'tables' });
    expect(event(types.crtmVersion, utf16('v1.2\0'))).toEqual({ kind: 'text', text: 'v1.2' });
    expect(event(types.crtmVersion, guid(globalVariable))).toEqual({ kind: 'text', text: globalVariable });
    const tagged = concatBytes(u32(0x8f3b22ec), u32(13), ascii('Linux initrd\0'));
    expect(event(types.tag, tagged)).toEqual({ kind: 'tagged', tag: 'Linux: initrd', text: 'Linux initrd' });
  });

  test('a command line that systemd measured into PCR 12 is text, in UCS-2 and in ASCII', () => {
    for (const data of [utf16('root=x init=/bin/sh\0'), ascii('root=x init=/bin/sh\0')])
      expect(event(types.ipl, data, 12)).toEqual({ kind: 'text', text: 'root=x init=/bin/sh' });
  });

  test('a section’s name is one in PCR 11 alone', () => {
    expect(event(types.ipl, utf16('.linux\0'), 11)).toEqual({ kind: 'section', name: '.linux' });
    expect(event(types.ipl, utf16('.linux\0'), 12)).toEqual({ kind: 'text', text: '.linux' });
  });

  test('what could steer a terminal is shown as what it is', () => {
    expect(event(types.ipl, ascii('a\r\nb\tc'))).toEqual({ kind: 'text', text: 'a\\x0d\\x0ab\\x09c' });
    const name = variable(globalVariable, '\x1b[2J\u202e', Uint8Array.of(1, 2, 3));
    expect(event(efi(1), name)).toMatchObject({
      name: '\\x1b[2J\\u202e',
      value: { kind: 'octets', hex: '010203' },
    });
  });

  test('long text and octets are cut at the limit', () => {
    const long = (length: number) => event(types.ipl, new Uint8Array(length).fill(0x41));
    expect(long(limits.shownLength)).toEqual({ kind: 'text', text: 'A'.repeat(limits.shownLength) });
    expect(long(limits.shownLength + 1)).toEqual({
      kind: 'text',
      text: `${'A'.repeat(limits.shownLength)}…`,
    });
    expect(event(types.ipl, new Uint8Array(limits.shownLength + 1).fill(0x80))).toEqual({
      kind: 'octets',
      hex: `${'80'.repeat(limits.shownLength)}…`,
    });
  });

  test.each([
    [
      'a variable with a name of 2^63 characters',
      efi(1),
      concatBytes(guid(globalVariable), u32(0), u32(0x80000000), u64(0)),
    ],
    [
      'a partition table with 2^40 partitions',
      efi(6),
      concatBytes(new Uint8Array(84), u32(128), u32(0), u64(2 ** 40)),
    ],
    [
      'partitions of 8 octets',
      efi(6),
      concatBytes(new Uint8Array(84), u32(8), u32(0), u64(1), new Uint8Array(8)),
    ],
    ['an image with a path that is longer than the event', efi(3), concatBytes(new Uint8Array(24), u64(1))],
    ['2^32 tables', efi(9), u64(2 ** 32)],
    [
      'a signature of no octets',
      efi(1),
      variable(securityDatabase, 'db', concatBytes(guid(globalVariable), u32(28), u32(0), u32(0))),
    ],
  ])('%s is malformed', (_, type, data) => {
    expect(event(type, data)).toMatchObject({
      kind: 'malformed',
      problem: expect.stringContaining('events[0].event'),
    });
  });

  test('any octets under any type have a detail', () => {
    const numbers = [0, 1, 3, 4, 5, 6, 7, 8, 0x0d, 0x13, ...[1, 2, 3, 6, 8, 9, 0x0a, 0x0b, 0xe0].map(efi)];
    fc.assert(
      fc.property(fc.constantFrom(...numbers), fc.uint8Array({ maxLength: 200 }), (type, data) => {
        const octets = concatBytes(header('sha256'), agileEvent({ pcr: 11, type, data }, 'sha256'));
        const { error, events } = reportEventLog(octets, sha);
        expect(error?.path ?? 'events[1].startupLocality').toBe('events[1].startupLocality');
        expect(events.every(({ text }) => /^\P{C}*$/u.test(text))).toBe(true);
      }),
    );
  });
});

describe('device paths (UEFI 2.10 §10.6)', () => {
  const node = (type: number, subtype: number, ...body: readonly Uint8Array[]) => {
    const content = concatBytes(...body);
    return concatBytes(Uint8Array.of(type, subtype), u16(4 + content.length), content);
  };
  const end = node(0x7f, 0xff);
  const text = (...parts: readonly Uint8Array[]) => {
    const result = decode(() => readDevicePath(new Reader(concatBytes(...parts))));
    return result.ok ? result.value : result.error.problem;
  };

  test.each([
    [
      'PciRoot(0x0)/Pci(0x1f,0x2)/Sata(0x1,0xffff,0x0)',
      concatBytes(
        node(2, 1, u32(0x0a0341d0), u32(0)),
        node(1, 1, Uint8Array.of(2, 0x1f)),
        node(3, 18, u16(1), u16(0xffff), u16(0)),
      ),
    ],
    ['NVMe(0x1,01-02-03-04-05-06-07-08)', node(3, 23, u32(1), Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1))],
    ['USB(0x3,0x0)', node(3, 5, Uint8Array.of(3, 0))],
    [
      'MAC(525400123456)/IPv4(192.0.2.1)/Uri(http://a/b)',
      concatBytes(
        node(3, 11, fromHex('525400123456') ?? new Uint8Array(), new Uint8Array(27)),
        node(3, 12, new Uint8Array(4), Uint8Array.of(192, 0, 2, 1), new Uint8Array(7)),
        node(3, 24, ascii('http://a/b')),
      ),
    ],
    [
      'HD(2,MBR,0x12345678,0x800,0x1000)',
      node(4, 1, u32(2), u64(0x800), u64(0x1000), u32(0x12345678), new Uint8Array(12), Uint8Array.of(1, 1)),
    ],
    ['BBS(0x2,DISK)', node(5, 1, u16(2), u16(0), ascii('DISK\0'))],
    ['Acpi(PNP0604,0x0)', node(2, 1, u32(0x060441d0), u32(0))],
    ['Path(3,99,0102)', node(3, 99, Uint8Array.of(1, 2))],
    [
      'eMMC(0x0),SD(0x1)',
      concatBytes(node(3, 29, Uint8Array.of(0)), node(0x7f, 1), node(3, 26, Uint8Array.of(1))),
    ],
  ])('%s', (expected, path) => {
    expect(text(path, end)).toBe(expected);
  });

  test('what follows the end is no part of it', () => {
    expect(text(end, ascii('anything'))).toBe('');
  });

  test('a node shorter than its header, or longer than the path, is none', () => {
    expect(text(Uint8Array.of(4, 4, 3, 0))).toContain('a node of 3 octets');
    expect(text(Uint8Array.of(4, 4, 9, 0))).toContain('needs 5 octets');
  });

  test('is bounded', () => {
    const nodes = (count: number) =>
      text(...Array.from({ length: count }, () => node(3, 5, Uint8Array.of(1, 1))));
    expect(nodes(limits.devicePathNodes).split('/')).toHaveLength(limits.devicePathNodes);
    expect(nodes(limits.devicePathNodes + 1)).toContain(`more than ${limits.devicePathNodes}`);
  });
});

describe('a certificate’s subject (RFC 5280 §4.1.2.6)', () => {
  const certificate = (subject: string) => {
    using scratch = new ScratchFolder();
    const path = join(scratch.path, 'certificate.der');
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      join(scratch.path, 'key'),
    ];
    const args = ['req', '-x509', '-utf8', ...key, '-subj', subject, '-outform', 'DER', '-out', path];
    execFileSync('openssl', args, { stdio: 'ignore' });
    return new Uint8Array(readFileSync(path));
  };

  test('is read as OpenSSL wrote it, beyond ASCII too', () => {
    expect(certificateSubject(certificate('/C=SE/O=Färöarna AB/CN=Brygga 橋'))).toBe(
      'C=SE, O=Färöarna AB, CN=Brygga 橋',
    );
  });

  test('is none where there is no certificate', () => {
    expect(certificateSubject(new Uint8Array())).toBeUndefined();
    expect(certificateSubject(certificate('/CN=a').subarray(0, 60))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
        expect(certificateSubject(concatBytes(Uint8Array.of(0x30, 0x60, 0x30, 0x50), octets)) ?? '').toMatch(
          /^\P{C}*$/u,
        );
      }),
    );
  });
});

test('a log of TPM 1.2 form reports its one bank', () => {
  const { format, algorithms, pcrs } = reportEventLog(sha1Event({ pcr: 4, type: 5, data: ascii('a') }), sha);
  expect({ format, algorithms, banks: Object.keys(pcrs) }).toEqual({
    format: 'sha1',
    algorithms: ['sha1'],
    banks: ['sha1'],
  });
});

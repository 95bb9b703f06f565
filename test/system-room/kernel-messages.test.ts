import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { followKernelMessages, parseKernelMessages } from '../../firmware/system/kernel-messages.ts';

/** Records of Linux 6.12, as read(2) gives them one by one. */
const records = [
  '6,0,0,-;Linux version 6.12.48+deb13-amd64 (debian-kernel@lists.debian.org)',
  '4,339,5140900,-;igb 0000:01:00.0: PHY reset is blocked due to SOL/IDER session.\n SUBSYSTEM=pci\n DEVICE=+pci:0000:01:00.0',
  '3,340,5150950,c;ata1.00: failed command: READ FPDMA QUEUED',
  '12,341,5200000,-;hithe: a program wrote this',
  '0,342,6000001,-,caller=T1;Kernel panic; not syncing',
];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hithe-kmsg-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('dev-kmsg records', () => {
  test('are parsed', () => {
    expect(parseKernelMessages(records.map((record) => `${record}\n`).join(''))).toEqual([
      { severity: 6, facility: 0, sequence: 0, microseconds: 0, text: records[0]?.slice(8) },
      {
        severity: 4,
        facility: 0,
        sequence: 339,
        microseconds: 5140900,
        text: 'igb 0000:01:00.0: PHY reset is blocked due to SOL/IDER session.',
      },
      {
        severity: 3,
        facility: 0,
        sequence: 340,
        microseconds: 5150950,
        text: 'ata1.00: failed command: READ FPDMA QUEUED',
      },
      { severity: 4, facility: 1, sequence: 341, microseconds: 5200000, text: 'hithe: a program wrote this' },
      { severity: 0, facility: 0, sequence: 342, microseconds: 6000001, text: 'Kernel panic; not syncing' },
    ]);
  });

  test('other text is none', () => {
    fc.assert(fc.property(fc.string(), (text) => parseKernelMessages(text).length <= text.length));
    expect(parseKernelMessages('')).toEqual([]);
    expect(parseKernelMessages(' SUBSYSTEM=pci\nx,1,2,-;y\n')).toEqual([]);
  });
});

describe('following', () => {
  const follow = (path: string) => {
    const logged: string[] = [];
    const stop = followKernelMessages(
      (level, source, message) => logged.push(`${level} ${source} ${message}`),
      {
        path,
        positionPath: join(directory, 'position'),
        intervalMs: 5,
      },
    );
    return { logged, stop };
  };

  test("the kernel's own warnings and errors are logged, later ones too, and none twice after a new start", async () => {
    const path = join(directory, 'kmsg');
    writeFileSync(
      path,
      records
        .slice(0, 3)
        .map((record) => `${record}\n`)
        .join(''),
    );
    const first = follow(path);
    const warnings = [
      'warning kernel [5.140900] igb 0000:01:00.0: PHY reset is blocked due to SOL/IDER session.',
      'error kernel [5.150950] ata1.00: failed command: READ FPDMA QUEUED',
    ];
    expect(first.logged).toEqual(warnings);
    appendFileSync(
      path,
      records
        .slice(3)
        .map((record) => `${record}\n`)
        .join(''),
    );
    const panic = 'error kernel [6.000001] Kernel panic; not syncing';
    await vi.waitFor(() => expect(first.logged).toEqual([...warnings, panic]));
    first.stop();
    const second = follow(path);
    expect(second.logged).toEqual([]);
    second.stop();
    expect(readFileSync(join(directory, 'position'), 'utf8')).toBe('342');
  });

  test('a device that is not there is a warning', () => {
    const { logged, stop } = follow('/nonexistent/kmsg');
    expect(logged).toEqual(['warning kernel kernel messages cannot be read: /nonexistent/kmsg (ENOENT)']);
    stop();
  });

  test.skipIf(!isReadable('/dev/kmsg'))("the running kernel's ring is read as dmesg reads it", async () => {
    const theirs = execFileSync('dmesg', ['--level=emerg,alert,crit,err,warn', '--facility=kern', '--raw'], {
      encoding: 'utf8',
    });
    const { logged, stop } = follow('/dev/kmsg');
    await vi.waitFor(() => expect(logged.length > 0).toBe(theirs.trim().length > 0));
    stop();
    // The oldest alone: the kernel may say more between the two readings, and writes what is not text in other ways.
    const [oldest = ''] = logged;
    expect(theirs).toContain(oldest.replace(/^\w+ kernel \[[\d.]+\] /, '').split('\\')[0]);
  });
});

function isReadable(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}

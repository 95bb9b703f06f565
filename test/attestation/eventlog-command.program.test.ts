import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/attestation/limits.ts';
import { concatBytes } from '../../firmware/bytes/bytes.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { agileEvent, expectedPcrs, header, recordedLog } from './made-log.ts';

function hithe(...args: readonly string[]) {
  const options = { cwd: projectRoot, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, ['firmware/main.ts', 'eventlog', ...args], options);
}
const vector = (name: string) => join('test/vectors/eventlogs', name);

describe('hithe eventlog', () => {
  test('--json prints events and PCRs of every bank', () => {
    const { status, stdout } = hithe(vector('gt-rhel8-uefi.bin'), '--json');
    const { events, pcrs, error } = JSON.parse(stdout);
    expect({ status, error }).toEqual({ status: 0, error: null });
    expect(events).toHaveLength(83);
    expect(pcrs).toMatchObject(expectedPcrs['gt-rhel8-uefi.bin'] ?? {});
  });

  test('a log of TPM 1.2 form has its PCRs under sha1', () => {
    const { status, stdout } = hithe(vector('gt-debian-10.bin'), '--json');
    expect(status).toBe(0);
    expect(Object.keys(JSON.parse(stdout).pcrs)).toEqual(['sha1']);
  });

  test('without --json it prints a table', () => {
    const { status, stdout } = hithe(vector('own-ovmf-stub-257.bin'));
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}4 {4}7 {2}VARIABLE_DRIVER_CONFIG +SecureBoot: off$/m);
    expect(stdout).toContain(` 11  ${expectedPcrs['own-ovmf-stub-257.bin']?.['sha256']?.['11']}\n`);
  });

  test('a cut log ends with status 1 and the reason, and what could be read is printed', () => {
    using scratch = new ScratchFolder();
    const path = join(scratch.path, 'cut.bin');
    writeFileSync(path, recordedLog('own-ovmf-uki.bin').subarray(0, 3000));
    const table = hithe(path);
    expect(table.status).toBe(1);
    expect(table.stdout).toContain('SecureBoot');
    expect(table.stderr).toMatch(/not a whole event log: events\[\d+\]\.\S+ at offset \d+: needs \d+ octets/);
    const { status, stdout } = hithe(path, '--json');
    const { events, pcrs, error } = JSON.parse(stdout);
    expect(status).toBe(1);
    expect(events.length).toBeGreaterThan(5);
    expect(pcrs.sha256['0']).toMatch(/^[0-9a-f]{64}$/);
    expect(error).toMatchObject({ path: expect.any(String), offset: expect.any(Number) });
  });

  test('of a file that goes on for ever no more than a log may have is read', () => {
    expect(hithe('/dev/zero')).toMatchObject({ status: 1, stderr: expect.stringContaining('log at offset') });
  });

  test('the largest log takes no more memory than a small box has', () => {
    using scratch = new ScratchFolder();
    const path = join(scratch.path, 'large.bin');
    const event = agileEvent({ pcr: 0, type: 0x8000_0001, data: new Uint8Array(300) }, 'sha1', 'sha256');
    const events = Array.from({ length: limits.events - 1 }, () => event);
    writeFileSync(path, concatBytes(header('sha1', 'sha256'), ...events));
    const script = `${process.execPath} --max-old-space-size=64 firmware/main.ts eventlog ${path} --json | wc -l`;
    const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: projectRoot, encoding: 'utf8' });
    expect([stderr, Number(stdout)]).toEqual(['', limits.events + 2]);
  });

  test('a reader that has seen enough ends it without a word', () => {
    const script = `${process.execPath} firmware/main.ts eventlog ${vector('gt-rhel8-uefi.bin')} --json | head -c 1`;
    const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: projectRoot, encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['{', '']);
  });

  test('a file that is not there is named; two files are wrong use', () => {
    expect(hithe('/nonexistent')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('/nonexistent'),
    });
    expect(hithe('a', 'b').status).toBe(2);
  });
});

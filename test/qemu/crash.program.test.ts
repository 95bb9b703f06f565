import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ScratchFolder, sweepScratch } from '../../qemu/scratch.ts';

const root = mkdtempSync(join(tmpdir(), 'hithe-crash-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A killed process whose parent has not asked for its status yet is still listed, as a zombie. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a process that is killed with SIGKILL', () => {
  test('leaves neither its children running nor its folder on disk', async () => {
    const owner = spawn(process.execPath, [join(import.meta.dirname, 'owner.fixture.ts'), root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve) =>
      owner.stdout.setEncoding('utf8').once('data', resolve),
    );
    const { folder, pid } = JSON.parse(line) as { folder: string; pid: number };
    expect(runs(pid)).toBe(true);
    expect(existsSync(join(folder, 'disk'))).toBe(true);

    owner.kill('SIGKILL');

    await vi.waitFor(() => expect(runs(pid)).toBe(false), { timeout: 10_000 });
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), { timeout: 10_000 });
  });
});

describe('the sweep at the next start', () => {
  test('removes folders whose owner is gone, also when its process id came round again', () => {
    const gone = join(root, '999999999-1-abc');
    const reused = join(root, `${process.pid}-1-abc`);
    for (const folder of [gone, reused]) mkdirSync(join(folder, 'inner'), { recursive: true });
    sweepScratch(root);
    expect(existsSync(gone)).toBe(false);
    expect(existsSync(reused)).toBe(false);
  });

  test('keeps folders of living owners and what it does not know', () => {
    using own = new ScratchFolder(root);
    const foreign = join(root, 'somebody-elses');
    mkdirSync(foreign);
    sweepScratch(root);
    expect(existsSync(own.path)).toBe(true);
    expect(existsSync(foreign)).toBe(true);
  });
});

test('a scratch folder goes on disposal', () => {
  const scratch = new ScratchFolder(root);
  scratch[Symbol.dispose]();
  expect(existsSync(scratch.path)).toBe(false);
});

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ModuleTree } from '../../image-builder/kernel-modules.ts';
import { Tools } from '../../image-builder/tools.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';

const release = '6.12.9-amd64';
/** Tools that are not there: what asks for one fails. */
const noTools = new Tools('/nonexistent');

const tables = {
  'modules.dep': [
    'kernel/drivers/net/igb.ko.xz: kernel/drivers/i2c/algos/i2c-algo-bit.ko.xz kernel/drivers/dca/dca.ko.xz',
    'kernel/drivers/i2c/algos/i2c-algo-bit.ko.xz:',
    'kernel/drivers/dca/dca.ko.xz:',
    'kernel/net/esp4.ko: kernel/net/xfrm_algo.ko',
    'kernel/net/xfrm_algo.ko:',
    'kernel/crypto/echainiv.ko:',
    'kernel/fs/loop-a.ko: kernel/fs/loop-b.ko',
    'kernel/fs/loop-b.ko: kernel/fs/loop-a.ko',
  ],
  'modules.softdep': [
    '# Soft dependencies extracted from modules themselves.',
    'softdep esp4 pre: echainiv post: crypto_gcm',
    'softdep not-there pre: igb',
  ],
  'modules.builtin': ['kernel/crypto/gcm.ko', 'kernel/drivers/tpm/tpm-tis.ko'],
};

let scratch: ScratchFolder;
beforeEach(() => {
  scratch = new ScratchFolder();
  for (const [name, lines] of Object.entries(tables)) write(name, `${lines.join('\n')}\n`);
});
afterEach(() => scratch[Symbol.dispose]());

function write(name: string, text: string): void {
  const path = join(scratch.path, 'usr/lib/modules', release, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
const tree = () => new ModuleTree(scratch.path, noTools);

test('the release is the folder of the kernel package', () => {
  expect(tree().release).toBe(release);
  expect(() => new ModuleTree(join(scratch.path, 'usr'), noTools)).toThrow();
});

describe('a closure', () => {
  test('has what modules need, each once, in a fixed order, by the names that the kernel gives', () => {
    expect(tree().closure(['igb'])).toEqual(['dca', 'i2c_algo_bit', 'igb']);
    expect(tree().closure(['igb', 'dca', 'igb'])).toEqual(['dca', 'i2c_algo_bit', 'igb']);
  });

  test('has soft dependencies that there are', () => {
    expect(tree().closure(['esp4'])).toEqual(['echainiv', 'esp4', 'xfrm_algo']);
  });

  test('takes - for _, and what is built in for done', () => {
    expect(tree().closure(['i2c-algo-bit', 'tpm_tis', 'tpm-tis', 'gcm'])).toEqual(['i2c_algo_bit']);
  });

  test('ends where modules need each other', () => {
    expect(tree().closure(['loop-a'])).toEqual(['loop_a', 'loop_b']);
  });

  test('names every module that the kernel does not have', () => {
    expect(() => tree().closure(['igb', 'igbb', 'ixgbe'])).toThrow(
      expect.objectContaining({ code: 'content', message: expect.stringContaining('igbb, ixgbe') }),
    );
  });
});

test('depmod runs where the package brought no tables', () => {
  expect(existsSync(join(scratch.path, 'usr/lib/modules', release, 'modules.dep'))).toBe(true);
  mkdirSync(join(scratch.path, 'bare/usr/lib/modules', release), { recursive: true });
  expect(() => new ModuleTree(join(scratch.path, 'bare'), noTools)).toThrow('depmod');
});

test('modules are installed where they lay, with their needs and no others', () => {
  for (const line of tables['modules.dep']) write(line.split(':')[0] ?? '', line);
  for (const name of ['modules.order', 'modules.builtin.modinfo']) write(name, name);
  // Unpacked modules alone, so that xz has nothing to do; depmod then writes the target's tables.
  const root = join(scratch.path, 'root');
  const ran: string[] = [];
  const tools = new (class extends Tools {
    override run(name: string, args: readonly string[]): string {
      ran.push(`${name} ${args.join(' ')}`);
      return '';
    }
  })('/nonexistent');
  expect(tree().install(['esp4'], root, tools)).toEqual(['echainiv', 'esp4', 'xfrm_algo']);
  const installed = (path: string) => join(root, 'usr/lib/modules', release, path);
  expect(readFileSync(installed('kernel/net/esp4.ko'), 'utf8')).toContain('xfrm_algo');
  expect(existsSync(installed('kernel/net/xfrm_algo.ko'))).toBe(true);
  expect(existsSync(installed('kernel/drivers/net/igb.ko.xz'))).toBe(false);
  expect(existsSync(installed('modules.builtin'))).toBe(true);
  expect(ran).toEqual([`depmod -b ${root}/usr ${release}`]);
});

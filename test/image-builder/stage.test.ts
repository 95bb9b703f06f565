import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileSha256, hashOf, stage, treeHash } from '../../image-builder/stage.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';

let scratch: ScratchFolder;
let said: string[];
beforeEach(() => {
  scratch = new ScratchFolder();
  said = [];
});
afterEach(() => scratch[Symbol.dispose]());

const artefact = () => join(scratch.path, 'out/artefact');
const make = (inputs: string, build: (temporary: string) => Promise<void> | void) =>
  stage(artefact(), inputs, (message) => said.push(message), 'Making', build);
const write = (text: string) => (temporary: string) => writeFileSync(temporary, text);
const left = () => readdirSync(join(scratch.path, 'out')).sort();

describe('a stage', () => {
  test('makes its artefact and says so', async () => {
    expect(await make('one', write('first'))).toBe(artefact());
    expect(readFileSync(artefact(), 'utf8')).toBe('first');
    expect(said).toEqual(['Making']);
    expect(left()).toEqual(['artefact', 'artefact.inputs']);
  });

  test('does nothing for the same inputs', async () => {
    await make('one', write('first'));
    await make('one', () => expect.unreachable());
    expect(said).toHaveLength(1);
  });

  test('makes it again for other inputs, a folder as a whole', async () => {
    const folder = (name: string) => (temporary: string) => {
      mkdirSync(temporary);
      writeFileSync(join(temporary, name), '');
    };
    await make('one', folder('old'));
    await make('two', folder('new'));
    expect(readdirSync(artefact())).toEqual(['new']);
    await make('one', folder('old'));
    expect(said).toHaveLength(3);
  });

  test('makes it again when the artefact or its stamp is gone', async () => {
    await make('one', write('first'));
    rmSync(artefact());
    await make('one', write('second'));
    rmSync(`${artefact()}.inputs`);
    await make('one', write('third'));
    expect(readFileSync(artefact(), 'utf8')).toBe('third');
  });

  test('builds beside the place: nobody sees half an artefact', async () => {
    await make('one', write('first'));
    await make('two', async (temporary) => {
      writeFileSync(temporary, 'sec');
      await Promise.resolve();
      expect(readFileSync(artefact(), 'utf8')).toBe('first');
      writeFileSync(temporary, 'second');
    });
    expect(readFileSync(artefact(), 'utf8')).toBe('second');
  });

  test('that fails leaves nothing, and the next one builds', async () => {
    const failing = (temporary: string) => {
      for (const ending of ['', '.tree', '.esp']) mkdirSync(temporary + ending);
      throw new Error('broken');
    };
    await expect(make('one', failing)).rejects.toThrow('broken');
    expect(left()).toEqual([]);
    await make('one', write('first'));
    expect(readFileSync(artefact(), 'utf8')).toBe('first');
  });

  test('that fails over an older artefact does not pass the old one off as new', async () => {
    await make('one', write('first'));
    await expect(make('two', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await make('one', write('again'));
    expect(readFileSync(artefact(), 'utf8')).toBe('again');
  });

  test('that says it built but left nothing fails', async () => {
    await expect(make('one', () => undefined)).rejects.toThrow('ENOENT');
    expect(left()).toEqual([]);
  });

  test('removes what a killed build left, not what a running one makes', async () => {
    mkdirSync(join(scratch.path, 'out'), { recursive: true });
    const { pid: dead } = spawnSync('/bin/true');
    const running = process.ppid;
    for (const name of [`tmp-${dead}`, `tmp-${dead}.tree`, `tmp-${running}`])
      mkdirSync(`${artefact()}.${name}`);
    await make('one', write('first'));
    expect(left()).toEqual(['artefact', 'artefact.inputs', `artefact.tmp-${running}`]);
  });
});

describe('hashes', () => {
  test('parts do not run into one another', () => {
    const hashes = [
      hashOf('ab', 'c'),
      hashOf('a', 'bc'),
      hashOf('abc'),
      hashOf('abc', ''),
      hashOf('1:a'),
      hashOf(),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashOf('a', new Uint8Array([0x62]))).toBe(hashOf('a', 'b'));
  });

  test('a file (FIPS 180-2, appendix B.1)', async () => {
    writeFileSync(join(scratch.path, 'abc'), 'abc');
    expect(await fileSha256(join(scratch.path, 'abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  test('a tree changes with names, contents, modes and links, and with nothing else', () => {
    const root = join(scratch.path, 'tree');
    mkdirSync(join(root, 'sub'), { recursive: true });
    writeFileSync(join(root, 'sub/file'), 'text');
    symlinkSync('nowhere', join(root, 'link'));
    const hashes = [treeHash(root)];
    const change = (step: () => void) => {
      step();
      hashes.push(treeHash(root));
    };
    change(() => writeFileSync(join(root, 'sub/file'), 'texts'));
    change(() => chmodSync(join(root, 'sub/file'), 0o755));
    change(() => renameSync(join(root, 'sub/file'), join(root, 'sub/other')));
    change(() => {
      rmSync(join(root, 'link'));
      symlinkSync('elsewhere', join(root, 'link'));
    });
    expect(new Set(hashes).size).toBe(hashes.length);
    writeFileSync(join(root, 'sub/other'), 'texts');
    expect(treeHash(root)).toBe(hashes.at(-1));
  });
});

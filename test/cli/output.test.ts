import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { complain, print, printJson, say } from '../../firmware/cli/output.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { runHere } from './run-here.ts';

const said = async (act: () => void | Promise<void>) => {
  const { stdout, stderr } = await runHere(async () => {
    await act();
    return 0;
  }, []);
  return stdout + stderr;
};

describe('output', () => {
  test.each([
    ['\u001b[2Jcleared\u0007', '\\u001b[2Jcleared\\u0007'],
    ['\u009b31mred', '\\u009b31mred'],
    ['evil\rgood', 'evil\\u000dgood'],
    ['\u202egnp.exe\u2066', '\\u202egnp.exe\\u2066'],
    ['a\tb\nc ä ß 漢 🙂 é', 'a\tb\nc ä ß 漢 🙂 é'],
  ])('%j does nothing to a terminal', async (text, shown) => {
    for (const write of [say, complain, print]) expect(await said(() => write(text))).toBe(shown);
  });

  test('in JSON stays the same value', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ stringUnit: 'binary' }), async (value) => {
        const text = await said(() => printJson(value));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text).not.toMatch(/(?![\t\n])\p{Cc}|\p{Bidi_Control}/u);
      }),
    );
  });

  test('of every command goes through it', () => {
    const folder = join(projectRoot, 'firmware/cli');
    const others = readdirSync(folder).filter((file) => file !== 'output.ts');
    expect(others.length).toBeGreaterThan(30);
    const writing = others.filter((file) =>
      /process\.std(out|err)\b|console\.\w/.test(readFileSync(join(folder, file), 'utf8')),
    );
    expect(writing).toEqual([]);
  });
});

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../firmware/cli/commands.ts';
import { completion, wordsOf } from '../../firmware/cli/completion.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { runHere } from './run-here.ts';

let script = '';
beforeAll(async () => {
  script = (await runHere(completion, ['bash'])).stdout;
});

/** What bash itself would offer behind these words, the last of which is still being typed. */
function offered(...words: string[]): string[] {
  const typed = words.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(hithe ${typed}); COMP_CWORD=${words.length}; _hithe; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-u', '-c', `${script}\n${ask}`], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line !== '');
}

describe('in bash', () => {
  test('every command is offered', () => {
    expect(offered('').sort()).toEqual([...Object.keys(commands), 'help'].sort());
    expect(offered('po')).toEqual(['policy']);
  });

  test.each<[string[], string[]]>([
    [
      ['tunnel', ''],
      ['list', 'renew'],
    ],
    [
      ['identity', ''],
      ['re-enrol', 'show'],
    ],
    [
      ['hip', ''],
      ['decode', 'probe', 'respond'],
    ],
    [
      ['settings', ''],
      ['check', 'schema'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh'],
    ],
    [
      ['policy', ''],
      ['enforce', 'explain', 'learn', 'list', 'stage'],
    ],
    [
      ['devices', ''],
      ['accept', 'forget', 'label', 'list'],
    ],
    [
      ['attest', ''],
      ['activate', 'appraise', 'challenge', 'collect', 'nonce'],
    ],
    [
      ['config', ''],
      [
        ...['apply', 'confirm', 'diff', 'discard', 'export', 'get', 'history', 'import', 'revert'],
        ...['schema', 'set'],
      ],
    ],
    [['flows', ''], []],
    [['config', 're'], ['revert']],
    [['hip', 'probe', '--t'], ['--timeout']],
    [['hip', 'decode', '--t'], []],
    [
      ['config', 'apply', '--a'],
      ['--anyway', '--author', '--automatic'],
    ],
    [
      ['policy', 'explain', '--proto', ''],
      ['tcp', 'udp', 'icmp', 'other'],
    ],
    [['flows', '--verdict', 'd'], ['deny']],
    [['nothing', '-'], []],
  ])('behind %j', (words, expected) => {
    expect(offered(...words)).toEqual(expected);
  });
});

describe('what the commands read', () => {
  const files = readdirSync(join(projectRoot, 'firmware/cli')).filter((name) => name.endsWith('.ts'));
  /** `--socket` and `--secrets` are for tests and other boxes on one machine; nobody types them. */
  const read = files.flatMap((file) => {
    const text = readFileSync(join(projectRoot, 'firmware/cli', file), 'utf8');
    const named = text.includes('const text = { type:') ? /[ {]([a-z]+): (?:text|flag)\b/g : /$^/g;
    const written = /[ {]'?([a-z-]+)'?: \{ type: '(?:string|boolean)'/g;
    return [written, named].flatMap((syntax) => [...text.matchAll(syntax)].map(([, name]) => `--${name}`));
  });

  test('every option is offered somewhere, and none that no command reads', async () => {
    const words = [...(await wordsOf(commands)).values()].flatMap(({ options }) => options);
    const known = new Set([...read, '--help']);
    for (const place of ['--socket', '--secrets']) known.delete(place);
    expect(known.size).toBeGreaterThan(30);
    expect([...new Set(words)].sort()).toEqual([...known].sort());
  });
});

test('another shell is named as what cannot be', async () => {
  expect(await runHere(completion, ['fish'])).toMatchObject({ status: 2 });
});

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commands } from '../firmware/cli/commands.ts';
import { projectRoot } from '../image-builder/places.ts';
import { namedCommands, namedPaths, namedVerbs, pathExists } from './documentation.ts';

const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
const readDocument = (name: string) => readFileSync(join(projectRoot, name), 'utf8');
const all = documents.map(readDocument).join('\n');
const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> };

function runTask(task: string, args: readonly string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['toolchain/start.mjs', task, ...args], {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('close', (status) => done({ status, output }));
  });
}

describe.each(documents)('%s', (name) => {
  test('every path that it names exists', () => {
    expect(namedPaths(readDocument(name)).filter((path) => !pathExists(projectRoot, path))).toEqual([]);
  });

  test('every npm task that it names exists', () => {
    const tasks = namedCommands(readDocument(name)).map(({ task }) => task);
    expect(tasks.filter((task) => !Object.hasOwn(scripts, task))).toEqual([]);
  });

  test('every verb of hithe that it names exists', () => {
    const missing = namedVerbs(readDocument(name)).filter(([verb = '', word]) => {
      const usage = Object.hasOwn(commands, verb) ? commands[verb]?.usage : undefined;
      return usage === undefined || (word !== undefined && !usage.includes(`${verb} ${word}`));
    });
    expect(missing).toEqual([]);
  });
});

describe.each(Object.keys(scripts))('npm run %s', (task) => {
  test('tells how it is used, with every option and name that the documents give it', async () => {
    const { status, output } = await runTask(task, ['--help']);
    expect(status).toBe(0);
    expect(output).toMatch(/^Usage: \S/);
    const words = namedCommands(all)
      .filter((command) => command.task === task && task !== 'hithe')
      .flatMap(({ args }) => args)
      .filter((word) => /^(--)?[a-z]/.test(word));
    for (const word of words) expect(output).toContain(word);
  });
});

test('every script starts at the toolchain, so that a fresh clone can run it', () => {
  for (const [task, command] of Object.entries(scripts))
    expect(command).toBe(`node toolchain/start.mjs ${task}`);
  expect(existsSync(join(projectRoot, 'toolchain/start.mjs'))).toBe(true);
});

test('the documents name the main things', () => {
  expect(namedPaths(readDocument('README.md')).length).toBeGreaterThan(3);
  expect(namedPaths(readDocument('ARCHITECTURE.md')).length).toBeGreaterThan(15);
  expect(namedCommands(readDocument('README.md')).map(({ task }) => task)).toEqual(
    expect.arrayContaining(['demo', 'test', 'check', 'image', 'bench', 'hithe']),
  );
  expect(namedVerbs(readDocument('README.md')).length).toBeGreaterThan(3);
});

describe('what counts as named', () => {
  test('paths: links, pictures, and backticks that look like one', () => {
    const text = [
      '![a picture](docs/picture.png) and [a page](MANUAL.md#part), [out](https://example.org/a)',
      '`firmware/hip/`, `limits.ts`, `test/**/*.json`, `.npmrc`, `README.md`, `hip`',
      '`build/image/a.img`, `/etc/hosts`, `~/.cache`, `192.168.1.1/24`, `hip://a/b`, `@hono/node-server`',
      '`settings/NAME.json`, `<name>/file.ts`, `zstd -dc build/x`, `#webui-client`, `node:fs/promises`, `--json`',
      '```sh\ncat `fenced/path.ts`\n```',
    ].join('\n');
    expect(namedPaths(text)).toEqual([
      'docs/picture.png',
      'MANUAL.md',
      'firmware/hip/',
      'limits.ts',
      'test/**/*.json',
      '.npmrc',
      'README.md',
    ]);
  });

  test('a path exists from the checkout, as a room, as a test folder, or as a pattern with a match', () => {
    for (const path of ['firmware/hip/', 'hip', 'webui/server', 'golden/', 'firmware/*/limits.ts'])
      expect([path, pathExists(projectRoot, path)]).toEqual([path, true]);
    for (const path of ['firmware/hop/', 'webui/serve', 'firmware/*/borders.ts', 'README.txt'])
      expect([path, pathExists(projectRoot, path)]).toEqual([path, false]);
  });

  test('commands: tasks with what follows --', () => {
    const text =
      '`npm run demo -- --once --json`, `npm test`\n```\nnpm run image # builds\n```\n| `npm run bench -- boot` |';
    expect(namedCommands(text)).toEqual([
      { task: 'demo', args: ['--once', '--json'] },
      { task: 'test', args: [] },
      { task: 'image', args: [] },
      { task: 'bench', args: ['boot'] },
    ]);
  });

  test('verbs: on the box and through npm', () => {
    expect(
      namedVerbs('`hithe tunnel list --json`, `hithe`, `npm run hithe -- settings check FILE`, hithe sings'),
    ).toEqual([
      ['tunnel', 'list'],
      ['settings', 'check'],
    ]);
  });
});

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { config } from '../../firmware/cli/config.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

const execFileAsync = promisify(execFile);
let box: TestBox;
let folder: string;
beforeAll(async () => {
  box = await startTestBox();
  folder = mkdtempSync(join(tmpdir(), 'hithe-config-'));
});
afterAll(async () => {
  await box.close();
  rmSync(folder, { recursive: true });
});

const run = (...args: readonly string[]) => runHere(config, [...args, '--socket', box.socket]);
const file = (text: string) => {
  const path = join(folder, 'settings.json');
  writeFileSync(path, text);
  return path;
};

describe('hithe config', () => {
  test('get prints a setting as a shell can use it, or as JSON', async () => {
    expect(await run('get', 'hostname')).toEqual({ status: 0, stdout: 'hithe\n', stderr: '' });
    expect((await run('get', 'network.lan', '--json')).stdout).toContain('"dhcpServer": true');
    expect(await run('get', 'no.such')).toMatchObject({ status: 1, stderr: 'hithe: there is no no\n' });
    expect(await run('get', 'a..b')).toMatchObject({ status: 2 });
  });

  test('set, diff, apply, confirm, history and export: a change from thought to file', async () => {
    expect((await run('set', 'hostname', 'one')).stdout).toBe(
      'hostname: "hithe" → "one"\n  network: network of one\n',
    );
    await run('set', 'network.lan.dhcpServer', 'false');
    expect((await run('diff')).stdout).toContain('network.lan.dhcpServer: true → false');
    const applied = await run('apply', '--seconds', '300', '--author', 'Ann');
    expect(applied.stdout).toMatch(
      /^hostname: "hithe" → "one"\n(.*\n)*Revision 1 is in force on trial; it is taken back in 300 s/,
    );
    expect((await run('get', 'hostname')).stdout).toBe('one\n');
    expect(await run('apply', file('{"version":1}'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('by Ann is on trial'),
    });
    expect(await run('confirm')).toMatchObject({ status: 0, stdout: 'Revision 1 is confirmed.\n' });
    expect((await run('history')).stdout).toMatch(/REVISION .*\n1 .*confirmed .*Ann/);
    expect((await run('history', '1')).stdout).toContain('hostname: not set → "one"');
    const exported = join(folder, 'exported.json');
    expect((await run('export', exported)).status).toBe(0);
    expect(JSON.parse(readFileSync(exported, 'utf8'))).toEqual({
      ...{ version: 1, hostname: 'one' },
      network: { lan: { dhcpServer: false } },
    });
    expect(statSync(exported).mode & 0o777).toBe(0o600);
  });

  test('import, discard, revert', async () => {
    expect((await run('import', file('{"version":1,"hostname":"two"}'))).status).toBe(0);
    expect((await run('get', 'hostname', '--draft')).stdout).toBe('two\n');
    await run('discard');
    expect(await run('diff')).toMatchObject({ status: 1 });
    expect((await run('apply', file('{"version":1,"hostname":"two"}'))).status).toBe(0);
    expect((await run('revert')).stdout).toMatch(/is taken back/);
    expect(await run('revert')).toMatchObject({ status: 1, stderr: 'hithe: Nothing is on trial.\n' });
  });

  test('import --uci puts another system’s network over the draft’s, and says what it leaves', async () => {
    const uci = file(
      "config interface 'lan'\n option proto 'static'\n option ipaddr '10.7.0.1/16'\nconfig device\nconfig interface 'wan'\n option device 'eth1.7'\n option proto 'dhcp'\n",
    );
    const imported = await run('import', uci, '--uci');
    expect(imported).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('device (no name): is not taken'),
    });
    expect((await run('get', 'network.lan.address', '--draft')).stdout).toBe('10.7.0.1/16\n');
    expect((await run('get', 'network.underlay.uplinks.port1.vlan', '--draft')).stdout).toBe('7\n');
    expect(await run('import', file('nonsense'), '--uci')).toMatchObject({ status: 1 });
    await run('discard');
  });

  test('what is no settings document is refused with the reason', async () => {
    for (const [text, reason] of [
      ['nonsense', 'is not valid JSON'],
      ['{"version":1,"overlay":{"peers":[{}]}}', 'overlay.peers[0].name'],
      [`{"a":"${'x'.repeat(10_000_000)}"}`, 'such a document has at most 8388608'],
    ] as const) {
      const { status, stderr } = await run('apply', file(text));
      expect([status, stderr]).toEqual([1, expect.stringContaining(reason)]);
    }
    expect(await run('apply', join(folder, 'missing'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('ENOENT'),
    });
  });

  test('set takes a value from a file or standard input, where nobody sees it; import reads standard input, too', async () => {
    const main = join(import.meta.dirname, '../../firmware/cli/config.ts');
    const program = `import(${JSON.stringify(main)}).then(({ config }) => config(process.argv.slice(1)))`;
    const piped = async (input: string, ...args: readonly string[]) => {
      const running = execFileAsync(process.execPath, ['-e', program, '--', ...args, '--socket', box.socket]);
      running.child.stdin?.end(input);
      return (await running).stdout;
    };
    expect((await run('set', 'hostname', '--from', file('two\n'))).stdout).toContain('→ "two"');
    expect(await piped('three\n', 'set', 'hostname', '--from', '-')).toContain('→ "three"');
    expect(await piped('{"version":1,"hostname":"four"}', 'import', '-')).toContain('→ "four"');
    expect(await run('set', 'hostname', '--from', join(folder, 'missing'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('ENOENT'),
    });
    await run('discard');
  });

  test('schema is a JSON Schema; a wrong use says what it takes', async () => {
    expect(JSON.parse((await run('schema')).stdout)).toMatchObject({ title: 'Hithe settings layer' });
    for (const args of [
      [],
      ['nonsense'],
      ['set', 'hostname'],
      ['set', 'hostname', 'a', '--from', 'b'],
      ['set', 'hostname', '--remove', '--from', 'b'],
      ['apply', 'a', 'b'],
      ['apply', '--seconds', '4'],
    ])
      expect((await run(...args)).status).toBe(2);
  });

  test('where nothing runs, says so', async () => {
    expect(await runHere(config, ['get', '--socket', join(folder, 'none')])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('No Hithe is running here'),
    });
  });
});

describe('hithe config, used wrongly,', () => {
  test.each([
    [['apply', '--from', 'x'], 'config apply takes no --from'],
    [['apply', 'a', 'b'], 'config apply takes 1 at most'],
    [['confirm', '7'], 'config confirm takes no argument'],
    [['confirm', '--seconds', '5'], 'config confirm takes no --seconds'],
    [['discard', 'all'], 'config discard takes no argument'],
    [['diff', '--uci'], 'config diff takes no --uci'],
    [['get', '--saved', '--draft'], 'config get takes --saved or --draft'],
    [['set', 'hostname', 'a', '--author', 'x'], 'config set takes no --author'],
    [['schema', 'zz'], 'config schema takes no argument'],
  ])('%j does nothing and says so', async (words, problem) => {
    expect(await run(...words)).toMatchObject({ status: 2, stdout: '', stderr: problem });
  });

  test('takes digits for text where the box wants text, and says what it said of the value as it stands', async () => {
    await run('discard');
    expect(await run('set', 'hostname', '1234')).toMatchObject({ status: 0 });
    expect((await run('get', 'hostname', '--draft')).stdout).toBe('1234\n');
    const modem = '{"device":"ttyUSB2","apn":"internet"}';
    await run('set', 'network.underlay.uplinks.port1.modem', modem);
    const pin = file('4711\n');
    expect(await run('set', 'network.underlay.uplinks.port1.modem.pin', '--from', pin)).toMatchObject({
      status: 0,
    });
    expect((await run('get', 'network.underlay.uplinks.port1.modem.pin', '--draft')).stdout).toBe(
      '(hidden)\n',
    );
    expect((await run('set', 'network.lan.dhcpServer', '7')).stderr).toContain('boolean');
    await run('discard');
  });

  test('exports over nothing that is there, and to nobody else', async () => {
    const there = file('old');
    const refused = await run('export', there);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('EEXIST') });
    expect(readFileSync(there, 'utf8')).toBe('old');
    const made = join(folder, 'new.json');
    expect((await run('export', made)).status).toBe(0);
    expect(statSync(made).mode & 0o777).toBe(0o600);
    const nowhere = await run('export', join(folder, 'no/where.json'), '--json');
    expect([nowhere.status, JSON.parse(nowhere.stdout)]).toEqual([
      1,
      { error: expect.stringContaining('ENOENT') },
    ]);
    expect((await run('export', '-')).stdout).toBe((await run('export')).stdout);
  });

  test.each([
    ['diff', '['.repeat(200_000)],
    ['apply', '{'],
    ['import', 'no JSON'],
  ])('%s says what keeps a file from being read, with --json as JSON', async (verb, text) => {
    const { status, stdout, stderr } = await run(verb, file(text), '--json');
    expect([status, stderr, JSON.parse(stdout)]).toEqual([
      1,
      '',
      { error: expect.stringContaining('settings.json') },
    ]);
  });
});

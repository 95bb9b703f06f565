import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { support } from '../../firmware/cli/support.ts';
import { makeSupportBundle, type SupportPorts } from '../../firmware/support/bundle.ts';
import { contents } from '../../firmware/support/contents.ts';
import { limits } from '../../firmware/support/limits.ts';
import { callLocalApi } from '../../firmware/system/local-api.ts';
import { openSupportPorts } from '../../firmware/system/support-system.ts';
import { runHere } from '../cli/run-here.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { unpackBundle } from './unpack-bundle.ts';

let box: TestBox;
let ports: SupportPorts;
beforeEach(async () => {
  box = await startTestBox({ page: [] });
  ports = openSupportPorts({ secretsFolder: join(box.folder, 'secrets'), socketPath: box.socket });
});
afterEach(() => box.close());

const espKey = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';

describe('the secrets of a box', () => {
  const pem = String(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
  );
  const passwordHash = Buffer.from('the hash of a password of forty octets..').toString('base64');
  const header = 'Bearer receiver-token-4f1c';
  const apiToken = 'hithe_0123456789abcdefghijklmnopqrstuv';

  async function plant(): Promise<readonly string[]> {
    const secrets = join(box.folder, 'secrets');
    writeFileSync(join(secrets, 'host-identity.pem'), pem);
    const user = { name: 'admin', password: { salt: 'c2FsdHNhbHQ', hash: passwordHash } };
    writeFileSync(join(secrets, 'users.json'), JSON.stringify({ version: 1, users: [user] }));
    const receiver = {
      name: 'collector',
      type: 'otlp',
      url: 'https://192.0.2.9/v1/logs',
      headers: { authorization: header },
    };
    const drafted = await callLocalApi({
      method: 'POST',
      path: '/api/v1/config/draft',
      body: { path: 'flows.export', value: [receiver] },
      socketPath: box.socket,
    });
    expect(drafted).toMatchObject({ ok: true, status: 200 });
    const code = box.ui.claim.code() ?? '';
    const tls = readdirSync(secrets).filter((name) => !name.startsWith('users') && !name.startsWith('host-'));
    const tlsKeys = tls.flatMap((name) => {
      const [, lines = ''] =
        /PRIVATE KEY-----([\s\S]*?)-----END/.exec(readFileSync(join(secrets, name), 'utf8')) ?? [];
      return lines.split('\n').filter((line) => line.length > 8);
    });
    expect(tlsKeys.length).toBeGreaterThan(1);
    // Each stands in the log too, as if somebody had made that mistake.
    // Of an API token the box keeps only a hash: it is known by its shape alone.
    const kept = [code, header, passwordHash, ...pem.trim().split('\n').slice(1, -1), ...tlsKeys];
    const written = [apiToken, ...kept, ...kept.map((secret) => Buffer.from(secret).toString('base64'))];
    for (const secret of written)
      box.log.lines.push({ time: '', level: 'error', source: 'test', message: `it was ${secret}.` });
    return [...written.map((text) => text.replaceAll('=', '')), 'receiver-token-4f1c', 'c2FsdHNhbHQ'];
  }

  test('are in no entry, whatever form they have, while all else is there', async () => {
    const planted = await plant();
    const keys = `src 192.0.2.1 dst 192.0.2.2\n\tauth-trunc hmac(sha256) 0x${espKey} 128\n\tenc cbc(aes) 0x${espKey}\n`;
    const bundle = await makeSupportBundle({
      ...ports,
      // A kernel that prints keys although it is told not to.
      run: async (program, args) =>
        args.includes('xfrm') ? { ok: true, value: keys } : ports.run(program, args),
    });
    const entries = unpackBundle(bundle.octets);
    for (const secret of [...planted, espKey])
      for (const [name, text] of entries) expect(text, `${name} holds ${secret}`).not.toContain(secret);
    expect(entries.get('box/log.json')).toContain('it was [secret]');
    expect(entries.get('box/settings.json')).toContain('collector');
    expect(entries.get('network/xfrm-states.txt')).toContain('hmac(sha256) [secret] 128');
  });

  test('a file that cannot be changed and holds one is left out', async () => {
    await plant();
    const bundle = await makeSupportBundle({
      ...ports,
      readFile: async (path) => ({
        ok: true,
        value: Buffer.from(path.includes('bios') ? `\0${apiToken} ${header}` : ''),
      }),
    });
    expect(bundle.missing['boot/firmware-event-log']).toBe('a secret stands in it');
    expect(unpackBundle(bundle.octets).has('boot/firmware-event-log')).toBe(false);
  });
});

test('the kernel is asked for states without keys', () => {
  const asked = Object.values(contents).flatMap((source) => (source.kind === 'command' ? [source.args] : []));
  const states = asked.filter((args) => args.includes('state'));
  expect(states).toEqual([['-statistics', 'xfrm', 'state', 'list', 'nokeys']]);
});

test('what the box answers is in it, and what it does not have is named', async () => {
  const entries = unpackBundle((await makeSupportBundle(ports)).octets);
  const manifest = JSON.parse(entries.get('manifest.json') ?? '') as { entries: string[]; missing: object };
  expect(JSON.parse(entries.get('box/status.json') ?? '')).toMatchObject({ hostname: 'gate-hamburg' });
  expect(entries.get('kernel/memory.txt')).toMatch(/^MemTotal:/);
  expect([...manifest.entries, 'manifest.json'].sort()).toEqual([...entries.keys()].sort());
  expect([...manifest.entries, ...Object.keys(manifest.missing)].sort()).toEqual(
    Object.keys(contents).sort(),
  );
});

test('entries and the whole are bounded: the newest is kept', async () => {
  const text = `first${'x'.repeat(limits.entryOctets)}last`;
  const many = await makeSupportBundle({ ...ports, run: async () => ({ ok: true, value: text }) });
  const entries = unpackBundle(many.octets);
  const routes = entries.get('network/routes-ipv4.txt');
  expect(routes).toHaveLength(limits.entryOctets);
  expect(routes).toMatch(/last$/);
  const total = [...entries].reduce(
    (sum, [name, entry]) => sum + (name === 'manifest.json' ? 0 : entry.length),
    0,
  );
  expect(total).toBeLessThanOrEqual(limits.bundleOctets);
});

describe('hithe support', () => {
  const places = () => ['--socket', box.socket, '--secrets', join(box.folder, 'secrets')];

  test('writes a file for its owner alone, and never over another', async () => {
    const out = join(box.folder, 'support.tar.gz');
    const { status, stdout } = await runHere(support, ['--out', out, '--json', ...places()]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file: out, octets: statSync(out).size });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(unpackBundle(readFileSync(out)).has('box/status.json')).toBe(true);
    expect(await runHere(support, ['--out', out, ...places()])).toMatchObject({ status: 1 });
  });

  test('where nothing runs it is made of what there is', async () => {
    await box.close();
    mkdirSync(box.folder, { recursive: true });
    const out = join(box.folder, 'support.tar.gz');
    const { status, stderr } = await runHere(support, ['--out', out, ...places()]);
    expect(status).toBe(0);
    expect(stderr).toContain('Without box/status.json: No Hithe is running here');
    expect(unpackBundle(readFileSync(out)).has('kernel/version.txt')).toBe(true);
  });

  test('takes nothing but options', async () => {
    expect(await runHere(support, ['now'])).toMatchObject({ status: 2 });
  });
});

import { spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../firmware/bytes/secret.ts';
import { makeEntry, messageLength, parseEntry, sourceLength } from '../../firmware/system/log-entry.ts';
import { openLogRing, readLog } from '../../firmware/system/log-ring.ts';
import { logEntry } from '../../firmware/webui/api/status-schema.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hithe-log-'));
  path = join(directory, 'hithe', 'log.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const now = () => new Date('2026-01-02T03:04:05.678Z');
const messages = (entries: readonly { readonly message: string }[]) => entries.map(({ message }) => message);

describe('entries', () => {
  test('are what the status shows', () => {
    const ring = openLogRing(path, { now });
    ring.log('warning', 'netd', 'no carrier on port1');
    const { entries, newest } = ring.read(0, 10);
    expect(newest).toBe(1);
    expect(entries).toEqual([
      { time: '2026-01-02T03:04:05.678Z', level: 'warning', source: 'netd', message: 'no carrier on port1' },
    ]);
    expect(logEntry.parse(entries[0])).toEqual(entries[0]);
  });

  test('the newest after a number, oldest first', () => {
    const ring = openLogRing(path);
    for (let count = 1; count <= 10; count++) ring.log('info', 'test', `${count}`);
    expect(messages(ring.read(0, 3).entries)).toEqual(['8', '9', '10']);
    expect(messages(ring.read(8, 10).entries)).toEqual(['9', '10']);
    expect(ring.read(10, 10)).toEqual({ entries: [], newest: 10 });
    expect(ring.read(0, 0).entries).toEqual([]);
  });

  test('a secret in a message is not in it', () => {
    const secret = new Secret(new TextEncoder().encode('hunter2'));
    const ring = openLogRing(path);
    ring.log('info', 'test', `key ${secret} ${JSON.stringify({ secret })} ${inspect(secret)}`);
    const written = readFileSync(path, 'utf8');
    expect(written).toContain('key [secret]');
    expect(written).not.toMatch(/hunter2|104,\s*117/);
  });
});

describe('texts', () => {
  const entry = (message: string, source = 'test') => makeEntry(1, now(), { level: 'info', source, message });

  test.each([
    ['\u001b[2Jgone', '\\x1b[2Jgone'],
    ['two\nlines\r', 'two\\x0alines\\x0d'],
    ['\u0000\u007f\u009b', '\\x00\\x7f\\x9b'],
    ['\u202eevil\u2066', '\\u{202e}evil\\u{2066}'],
    ['\u2028\u200b', '\\u{2028}\\u{200b}'],
    ['half \ud800.', 'half \\u{d800}.'],
    ['Zürich 🏔 ünverändert', 'Zürich 🏔 ünverändert'],
  ])('%j is shown as it is, not acted on', (message, shown) => {
    expect(entry(message).message).toBe(shown);
  });

  test('are bounded at their edges', () => {
    expect(entry('x'.repeat(messageLength)).message).toBe('x'.repeat(messageLength));
    expect(entry('x'.repeat(messageLength + 1)).message).toBe(`${'x'.repeat(messageLength - 1)}…`);
    expect(entry('', 's'.repeat(sourceLength)).source).toHaveLength(sourceLength);
    expect(entry('', 's'.repeat(sourceLength + 1)).source).toHaveLength(sourceLength);
    expect(entry('\u001b'.repeat(messageLength)).message).toHaveLength(messageLength);
  });

  test('whatever they are, an entry is one line that is read back, without controls', () => {
    const text = fc.string({ unit: 'binary', maxLength: 2 * messageLength });
    fc.assert(
      fc.property(text, text, (message, source) => {
        const made = entry(message, source);
        const line = JSON.stringify(made);
        expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(made.message.length).toBeLessThanOrEqual(messageLength);
        expect(made.source.length).toBeLessThanOrEqual(sourceLength);
        expect(parseEntry(line)).toEqual(made);
      }),
    );
  });

  test('any line is parsed or passed over', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => parseEntry(line) === undefined));
  });
});

describe('the files', () => {
  test('stay within twice the size, and the newest entries are in them', () => {
    const fileSize = 4096;
    const ring = openLogRing(path, { fileSize });
    for (let count = 1; count <= 500; count++) {
      ring.log('info', 'test', `entry ${count}`);
      const sizes = readdirSync(join(directory, 'hithe')).map(
        (name) => statSync(join(directory, 'hithe', name)).size,
      );
      expect(sizes.length).toBeLessThanOrEqual(2);
      for (const size of sizes) expect(size).toBeLessThanOrEqual(fileSize);
    }
    const kept = readLog(path, 1000);
    expect(kept.at(-1)).toMatchObject({ number: 500, message: 'entry 500' });
    expect(kept.map(({ number }) => number)).toEqual(
      Array.from({ length: kept.length }, (_, index) => 501 - kept.length + index),
    );
  });

  test('are readable for root alone', () => {
    openLogRing(path).log('info', 'test', 'x');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('the entries in memory are bounded', () => {
    const ring = openLogRing(path, { entries: 5 });
    for (let count = 1; count <= 20; count++) ring.log('info', 'test', `${count}`);
    expect(messages(ring.read(0, 100).entries)).toEqual(['16', '17', '18', '19', '20']);
    expect(ring.read(0, 100).newest).toBe(20);
  });

  test('what was logged outlives a runtime that is killed, and numbers go on', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'log-ring.fixture.ts'), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let last = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      if (last === 50) child.kill('SIGKILL');
    }
    await ended;
    const ring = openLogRing(path);
    const { newest } = ring.read(0, 1);
    expect(newest).toBeGreaterThanOrEqual(last);
    expect(messages(ring.read(last - 1, 1000).entries)[0]).toBe(`entry ${last}`);
    ring.log('info', 'test', 'after');
    expect(readLog(path, 1)).toMatchObject([{ number: newest + 1, message: 'after' }]);
  });

  test('a line that was cut off does not spoil the next one', () => {
    openLogRing(path).log('info', 'test', 'whole');
    appendFileSync(path, '{"number":2,"time":"2026');
    openLogRing(path).log('info', 'test', 'next');
    expect(messages(readLog(path, 10))).toEqual(['whole', 'next']);
  });

  test('a place that cannot be written leaves the log in memory', () => {
    writeFileSync(join(directory, 'file'), '');
    const ring = openLogRing(join(directory, 'file', 'log.jsonl'));
    ring.log('error', 'test', 'still here');
    expect(messages(ring.read(0, 1).entries)).toEqual(['still here']);
  });
});

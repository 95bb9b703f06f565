import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { limits } from '../../../firmware/webui/limits.ts';
import { startTestBox, type TestBox } from '../test-box.ts';
import { smallPage } from '../test-site.ts';

let box: TestBox;
/** Of the owner's session, as header lines. */
let signedIn = '';
beforeAll(async () => {
  box = await startTestBox({ page: smallPage });
  const owner = await box.claim();
  const answer = await exchange(post('/api/v1/session', JSON.stringify(owner)));
  const [, cookie] = /^set-cookie: ([^;]+)/m.exec(answer) ?? [];
  const [, csrfToken] = /"csrfToken":"([^"]+)"/.exec(answer) ?? [];
  signedIn = `Cookie: ${cookie}\r\nX-Csrf-Token: ${csrfToken}\r\n`;
  expect(await exchange(get('/api/v1/session', signedIn))).toMatch(/^HTTP\/1\.1 200 /);
});
afterAll(() => box.close());

const host = 'Host: 127.0.0.1\r\n';
const get = (path: string, headers = '') =>
  `GET ${path} HTTP/1.1\r\n${host}Connection: close\r\n${headers}\r\n`;
const post = (path: string, body: string | Buffer, headers = '') =>
  `POST ${path} HTTP/1.1\r\n${host}Connection: close\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n${headers}\r\n${body.toString('latin1')}`;

function open(to = box): Socket {
  return connectTls({ host: '127.0.0.1', port: to.httpsPort, rejectUnauthorized: false });
}

/** Sends these octets and gives what came until the other end closed. */
function exchange(text: string, socket = open()): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.write(text, 'latin1');
  });
}

const answersIn = (text: string) => text.match(/HTTP\/1\.1 \d\d\d(?= )/g) ?? [];
const isWell = async () => expect(await exchange(get('/api/v1/box'))).toMatch(/^HTTP\/1\.1 200 /);

describe('a path written otherwise leads to nothing that needs a session', () => {
  test.each([
    ...['/api/v1/%63onfig', '/%61pi/v1/config', '/api/v1/config/', '/api/v1//config', '//api/v1/config'],
    ...['/api/v1/./config', '/api/v1/x/../config', '/api/v1/x/%2e%2e/config', '/api/v1/x/..%2fconfig'],
    ...['/api/v1/config%00', '/api/v1/config%20', '/api/v1/config;x=1', '/api/v1/config%3fsecrets=hidden'],
    ...[
      '/API/v1/config',
      '/api/v1/Config',
      '/api\\v1\\config',
      '/api/v1/config#x',
      '/api/v1/config?secrets=hidden',
    ],
    ...['/api/v1/%c0%ae%c0%ae/config', '/api/v1/%u0063onfig', '/api/v1/config%', '/api/v1/%25%36%33onfig'],
  ])('%s', async (path) => {
    const answer = await exchange(get(path));
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).not.toContain('"inForce"');
  });
});

describe('where a request is for', () => {
  const evil = ['evil.example', '127.0.0.1.evil.example', 'hithe.local.evil.example', 'evilhithe.local'];
  const odd = [
    '127.0.0.1@evil.example',
    'evil.example#127.0.0.1',
    '[::1',
    '127.0.0.1:999999',
    ' ',
    `${'a'.repeat(300)}.local`,
  ];
  test.each([...evil, ...odd, '127.0.0.1, evil.example', '127.0.0.1/evil.example'])(
    'Host: %s',
    async (name) => {
      expect(await exchange(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 4(00|21) /,
      );
    },
  );

  test('a target with another host than the Host field is not of this box (RFC 9112 § 3.2.2)', async () => {
    const absolute = `GET https://evil.example/ HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    expect(await exchange(absolute)).toMatch(/^HTTP\/1\.1 4(00|21) /);
  });

  test.each([
    'OPTIONS * HTTP/1.1',
    'GET / HTTP/1.1 x',
    'PRI * HTTP/2.0',
    'GET /\u0000 HTTP/1.1',
    'GET \\ HTTP/1.1',
  ])('the line %j', async (line) => {
    const answer = await exchange(`${line}\r\n${host}Connection: close\r\n\r\n`);
    expect(answer).toMatch(/^$|^HTTP\/1\.1 4\d\d /);
    await isWell();
  });
});

describe('requests in requests', () => {
  const hidden = get('/api/v1/box');
  const json = 'Content-Type: application/json\r\n';
  test.each([
    ['a length and chunks', `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`],
    ['chunks and a length', `Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`],
    ['a coding that is none', `Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n${hidden}`],
    ['a coding behind chunks', `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`],
    [
      'two codings',
      `Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${hidden}`,
    ],
    ['a space before the colon', `Content-Length : ${hidden.length}\r\n\r\n${hidden}`],
    ['a length with a sign', `Content-Length: +0\r\n\r\n${hidden}`],
    ['a length in hexadecimal', `Content-Length: 0x0\r\n\r\n${hidden}`],
    ['a negative length', `Content-Length: -1\r\n\r\n${hidden}`],
    ['lengths in a list', `Content-Length: 0, ${hidden.length}\r\n\r\n${hidden}`],
    ['a length over 64 bits', `Content-Length: 18446744073709551616\r\n\r\n${hidden}`],
    ['a folded line', `X: a\r\n Content-Length: 0\r\n\r\n${hidden}`],
    ['a line without an end', `X: a\nContent-Length: 0\r\n\r\n${hidden}`],
    ['a null octet', `X: a\u0000b\r\n\r\n${hidden}`],
    ['a name that is none', `X(: a\r\n\r\n${hidden}`],
    ['a chunk with a sign', `Transfer-Encoding: chunked\r\n\r\n-1\r\n${hidden}`],
    ['a chunk beyond 64 bits', `Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n${hidden}`],
    [
      'a chunk that is longer than it says',
      `Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n${hidden}`,
    ],
  ])('%s', async (_what, rest) => {
    const answer = await exchange(`POST /api/v1/session HTTP/1.1\r\n${host}${json}${rest}`);
    // What was hidden is no request of its own.
    expect(
      answersIn(answer).every((line) => /4\d\d$/.test(line)),
      answer.slice(0, 200),
    ).toBe(true);
    expect(answer).not.toContain('"fingerprint"');
    await isWell();
  });

  test('those sent at once are answered in order, each by its own session', async () => {
    const asked = `GET /api/v1/box HTTP/1.1\r\n${host}\r\n`;
    const withSession = `GET /api/v1/session HTTP/1.1\r\n${host}${signedIn}\r\n`;
    const answer = await exchange(asked + withSession + asked + get('/api/v1/session'));
    expect(answersIn(answer)).toEqual([200, 200, 200, 401].map((status) => `HTTP/1.1 ${status}`));
  });

  test('five hundred at once do no harm', async () => {
    const answer = await exchange(`GET /api/v1/box HTTP/1.1\r\n${host}\r\n`.repeat(500) + get('/api/v1/box'));
    expect(answersIn(answer).length).toBeLessThanOrEqual(501);
    await isWell();
  });
});

describe('bodies', () => {
  const plan = (body: string | Buffer, headers = '') =>
    exchange(post('/api/v1/config/plan', body, signedIn + headers));

  test('of ten megabytes are refused by what they say they are, before they came', async () => {
    const head = post('/api/v1/config/plan', '', signedIn).replace(
      'Content-Length: 0',
      `Content-Length: ${10 * 1024 * 1024}`,
    );
    expect(await exchange(head)).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('of ten megabytes that do not say so are cut off', async () => {
    const head = post('/api/v1/config/plan', '', signedIn).replace(
      'Content-Length: 0',
      'Transfer-Encoding: chunked',
    );
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    expect(await exchange(head + chunk.repeat(160))).toMatch(/^$|^HTTP\/1\.1 413 /);
    await isWell();
  });

  test.each([
    ['as deep as they are long', `{"document":${'['.repeat(4_000_000)}`],
    ['deep and whole', `{"document":{"version":1,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`],
    ['of two million members', `{"document":{"version":1,"x":[${'0,'.repeat(2_000_000)}0]}}`],
    ['with a member of objects’ own', '{"document":{"__proto__":{"version":1},"constructor":1}}'],
    ['that are no UTF-8', '{"document":{"hostname":"\u00ff\u00fe"}}'],
    ['that are half a surrogate', '{"document":{"version":1,"hostname":"\\ud800"}}'],
  ])('of settings %s', async (_what, body) => {
    const answer = await plan(body);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('application/problem+json');
    await isWell();
  });

  test.each([
    ['levels', `{"document":${'['.repeat(4_000_000)}${']'.repeat(4_000_000)}}`],
    ['values', `{"document":[${'0,'.repeat(4_000_000)}0]}`],
  ])('of too many %s are not parsed: that would take the memory of a small box', async (what, body) => {
    const parsed = vi.spyOn(JSON, 'parse');
    const answer = await plan(body);
    expect(parsed.mock.calls.filter(([text]) => text.length >= body.length)).toEqual([]);
    parsed.mockRestore();
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(what);
    await isWell();
  });

  test('that are compressed are not opened: a small one cannot become a large one', async () => {
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024, 0x20));
    expect(await plan(bomb, 'Content-Encoding: gzip\r\n')).toMatch(/^HTTP\/1\.1 4(00|15) /);
  });

  test('that are asked leave to be sent are refused before they are (RFC 9110 § 10.1.1)', async () => {
    const head = post('/api/v1/session', '', 'Expect: 100-continue\r\n').replace(
      'Content-Length: 0',
      `Content-Length: ${limits.bodyBytes + 1}`,
    );
    expect(answersIn(await exchange(head)).at(-1)).toMatch(/ 413$/);
  });
});

describe('headers', () => {
  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])(
    '%s changes no method',
    async (name) => {
      expect(await exchange(get('/api/v1/session', `${signedIn}${name}: DELETE\r\n`))).toMatch(
        /^HTTP\/1\.1 200 /,
      );
      expect(await exchange(get('/api/v1/session', signedIn))).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  test.each([
    'X-Forwarded-Host: 127.0.0.1',
    'X-Forwarded-For: 127.0.0.1',
    'Forwarded: for=127.0.0.1',
    'X-Real-IP: ::1',
    'X-Original-URL: /api/v1/box',
  ])('%s is believed by nobody', async (line) => {
    expect(await exchange(get('/api/v1/config', `${line}\r\n`))).toMatch(/^HTTP\/1\.1 401 /);
    const elsewhere = `GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n${line}\r\n\r\n`;
    expect(await exchange(elsewhere)).toMatch(/^HTTP\/1\.1 421 /);
  });

  test('a range of many parts is answered with no more than the file', async () => {
    const parts = Array.from({ length: 500 }, () => '0-').join(',');
    const answer = await exchange(get('/', `Accept-Encoding: identity\r\nRange: bytes=${parts}\r\n`));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.length).toBeLessThan(2000);
  });

  test('a session’s cookie among others, twice, or cut is no session', async () => {
    const [, id = ''] = /__Host-hithe-session=([^\r;]+)/.exec(signedIn) ?? [];
    for (const cookie of [
      id.slice(1),
      `${id}x`,
      id.toUpperCase() === id ? id.toLowerCase() : id.toUpperCase(),
      '',
      `"${id}`,
    ])
      expect(await exchange(get('/api/v1/session', `Cookie: __Host-hithe-session=${cookie}\r\n`))).toMatch(
        /^HTTP\/1\.1 401 /,
      );
  });

  test('what comes behind more headers than are read does not count', async () => {
    const many = Array.from({ length: limits.headerCount }, (_, index) => `X-${index}: 1\r\n`).join('');
    expect(await exchange(get('/api/v1/session', many + signedIn))).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test('nothing is upgraded', async () => {
    const upgrade = `GET /api/v1/box HTTP/1.1\r\n${host}Connection: Upgrade, close\r\nUpgrade: websocket\r\n`;
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
    expect(await exchange(upgrade + key)).not.toMatch(/^HTTP\/1\.1 101/);
    await isWell();
  });
});

describe('clients that take their time', () => {
  const quick = { handshakeMs: 300, headersMs: 400, requestMs: 700, idleMs: 500 };
  let slow: TestBox;
  beforeAll(async () => {
    slow = await startTestBox({ page: smallPage, bounds: quick });
  });
  afterAll(() => slow.close());

  test.each([
    ['headers', `GET / HTTP/1.1\r\n${host}X: `, 'x'],
    ['ever new headers', `GET / HTTP/1.1\r\n${host}`, 'X: y\r\n'],
    [
      'its body',
      `POST /api/v1/session HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n`,
      ' ',
    ],
    [
      'chunks',
      `POST /api/v1/session HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      '1\r\n \r\n',
    ],
  ])('who sends %s octet by octet is put out, though never silent', async (_what, head, drop) => {
    const socket = open(slow);
    const drip = setInterval(() => socket.writable && socket.write(drop), 20);
    const answer = await exchange(head, socket);
    clearInterval(drip);
    expect(answer).toMatch(/^$|^HTTP\/1\.1 4\d\d /);
  });

  test('who asks for much and reads nothing is put out, and its place is another’s', async () => {
    const alone = await startTestBox({
      page: smallPage,
      bounds: { ...quick, connectionsPerAddress: 1 },
    });
    const socket = open(alone);
    socket.on('error', () => {});
    socket.pause();
    await new Promise((resolve) => socket.on('secureConnect', resolve));
    socket.write(`GET /api/v1/openapi.json HTTP/1.1\r\n${host}\r\n`.repeat(100));
    await expect.poll(() => exchange(get('/'), open(alone)), { timeout: 10_000 }).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
    await alone.close();
  });
});

describe('what is no request', () => {
  const problemIn = (answer: string) => {
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    for (const header of ['content-security-policy', 'x-content-type-options', 'cache-control'])
      expect(head.toLowerCase()).toContain(`\r\n${header}: `);
    expect(head.toLowerCase()).toContain('\r\ncontent-type: application/problem+json');
    return JSON.parse(body) as { status: number; code: string };
  };

  test.each([
    ['is no HTTP', 'hello\r\n\r\n', 400, 'bad-request'],
    ['has too large a header', get('/', `X: ${'x'.repeat(limits.headerBytes)}\r\n`), 431, 'header-too-large'],
    ['names no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'bad-request'],
  ])('and %s is answered with a problem, and the headers of every answer', async (_, text, status, code) => {
    expect(problemIn(await exchange(text))).toMatchObject({ status, code });
  });

  test('and comes behind one whose answer is under way is not answered into that', async () => {
    const socket = open();
    const whole = exchange(`GET /api/v1/events HTTP/1.1\r\n${host}${signedIn}\r\n`, socket);
    await new Promise((begun) => socket.once('data', begun));
    socket.write('garbage\r\n\r\n');
    const answer = await whole;
    expect(answersIn(answer)).toEqual(['HTTP/1.1 200']);
  });

  test('and was left in the middle is no error of the box, whose log has no word of it', async () => {
    const errors = () => box.log.lines.filter(({ message }) => message.includes('failed'));
    const before = errors().length;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = open();
        const gone = exchange(post('/api/v1/session', '{"name":"x","password":"y"}').slice(0, -5), socket);
        await new Promise((resolve) => setTimeout(resolve, 50));
        socket.destroy();
        await gone;
      }),
    );
    await isWell();
    expect(errors().length).toBe(before);
  });
});

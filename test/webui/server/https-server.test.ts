import { lstatSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { callLocalApi } from '../../../firmware/system/local-api.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { pagePaths } from '../../../firmware/webui/server/page-files.ts';
import { eventually } from '../eventually.ts';
import { startTestBox, type TestBox } from '../test-box.ts';
import { smallPage, testPassword } from '../test-site.ts';

let box: TestBox;
beforeEach(async () => {
  box = await startTestBox({ page: smallPage });
});
afterEach(() => box.close());

function secure(
  options: {
    host?: string;
    maxVersion?: 'TLSv1.1' | 'TLSv1.2';
    ciphers?: string;
    localAddress?: string;
  } = {},
) {
  // Self-signed: a browser asks its person, this test compares the fingerprint.
  return connectTls({ host: '127.0.0.1', port: box.httpsPort, rejectUnauthorized: false, ...options });
}

/** Sends these octets and gives what came until the other end closed. */
function exchange(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}

const get = (path: string, headers = '') =>
  exchange(secure(), `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${headers}\r\n`);

function opened(socket: Socket): Promise<'open' | 'closed'> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve('closed'));
    socket.on('secureConnect', () => resolve('open'));
  });
}

describe('HTTPS', () => {
  test('serves the page and the API with the certificate that the console tells of', async () => {
    const socket = secure();
    await opened(socket);
    expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(box.ui.fingerprint);
    expect(socket.getProtocol()).toBe('TLSv1.3');
    socket.destroy();
    expect(await get('/')).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*<title>x<\/title>$/);
    expect(await get('/api/v1/status')).toContain('"hostname":"gate-hamburg"');
  });

  test('speaks TLS 1.2 with forward secrecy and authenticated encryption', async () => {
    const socket = secure({ maxVersion: 'TLSv1.2' });
    expect(await opened(socket)).toBe('open');
    expect(socket.getCipher().name).toMatch(/^ECDHE-ECDSA-.*(GCM|CHACHA20)/);
    socket.destroy();
  });

  test.each([
    { maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' },
    { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' },
  ] as const)('refuses %j', async (options) => {
    expect(await opened(secure(options))).toBe('closed');
  });

  test('claims over the wire, and only with the right code', async () => {
    const post = (code: string) => {
      const body = JSON.stringify({ code, password: testPassword });
      const head = `POST /api/v1/claim HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n`;
      return exchange(secure(), `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    };
    expect(await post('0000-0000')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await post(box.ui.claim.code() ?? '')).toContain('{"claimed":true,"pageCloses":false,');
    expect(await get('/api/v1/status')).toMatch(/^HTTP\/1\.1 401 /);
    expect(await get('/api/v1/box')).toContain('"claimed":true');
  });

  test.each(['hithe.local', 'gate-hamburg.local', '127.0.0.1'])(
    'plain HTTP to %s leads to HTTPS, whatever page is meant',
    async (host) => {
      for (const path of [...pagePaths, '/x?y', '/policy?rule=a%20b', '/api'])
        expect(
          await exchange(
            connectTcp({ host: '127.0.0.1', port: box.httpPort }),
            `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
          ),
        ).toMatch(
          new RegExp(
            `^HTTP/1\\.1 307 [^]*location: https://${host}:${box.httpsPort}${path.replace('?', '\\?')}\r\n`,
          ),
        );
    },
  );
});

describe('hostile requests', () => {
  test('headers larger than the limit, and more of them', async () => {
    expect(await get('/', `X: ${'x'.repeat(limits.headerBytes)}\r\n`)).toMatch(/^HTTP\/1\.1 4(00|31) /);
    expect(await get('/', `X: ${'x'.repeat(limits.headerBytes - 200)}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await get(`/${'x'.repeat(limits.headerBytes)}`)).toMatch(/^HTTP\/1\.1 4(00|14|31) /);
  });

  test.each([
    '/../../../etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/\\..\\etc',
    '//etc/passwd',
    '/%00',
  ])('the path %s leads nowhere', async (path) => {
    const answer = await get(path);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).toContain('application/problem+json');
    expect(answer).not.toContain('root:');
  });

  test('another site’s name', async () => {
    const answer = await exchange(
      secure(),
      'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 421 /);
  });

  test.each([
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'],
    [
      'an absolute address elsewhere',
      'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    ],
    [
      'two lengths',
      'POST /api/v1/claim HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}',
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no HTTP', '\x16\x03\x01 nonsense\r\n\r\n'],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: secret\r\nConnection: close\r\n\r\n'],
  ])('%s', async (_what, text) => {
    const answer = await exchange(secure(), text);
    expect(answer).toMatch(/^$|^HTTP\/1\.1 4\d\d /);
    expect(answer).not.toContain('secret');
    expect(await get('/')).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('a body without end is cut off', async () => {
    const head =
      'POST /api/v1/claim HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    const socket = secure();
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
    const pour = setInterval(() => socket.writable && socket.write(chunk.repeat(16)), 1);
    const answer = await exchange(socket, head);
    clearInterval(pour);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  describe('who reads only once all is sent hears why it is refused', () => {
    const mebibyte = Buffer.alloc(1024 * 1024, ' ');
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), mebibyte, Buffer.from('\r\n')]);
    const head = 'POST /api/v1/claim HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
    const length = `Content-Length: ${20 * mebibyte.length}\r\n`;

    test.each([
      ['a length', 413, `${head}${length}\r\n`, mebibyte, ''],
      ['a length, and wants no more answers', 413, `${head}${length}Connection: close\r\n\r\n`, mebibyte, ''],
      ['chunks', 413, `${head}Transfer-Encoding: chunked\r\n\r\n`, chunk, '0\r\n\r\n'],
      ['another site’s name', 421, `${head.replace('127.0.0.1', 'evil.example')}${length}\r\n`, mebibyte, ''],
    ])('%s', async (_what, status, start, part, end) => {
      const socket = secure().pause();
      const sent = (octets: string | Buffer) =>
        new Promise<void>((resolve, reject) =>
          socket.write(octets, (error) => (error ? reject(error) : resolve())),
        );
      await sent(start);
      for (let mebibytes = 0; mebibytes < 20; mebibytes++) await sent(part);
      // On a path with a while between both ends, too.
      await delay(600);
      await sent(end);
      const answer = await exchange(socket.resume(), '');
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toMatch(/\}$/);
    });
  });

  test('plain HTTP on the port of HTTPS', async () => {
    const answer = await exchange(
      connectTcp({ host: '127.0.0.1', port: box.httpsPort }),
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    );
    expect(answer).not.toContain('<title>');
    expect(await get('/')).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('one address gets no more connections than its share, and gets them back', async () => {
    const held = Array.from({ length: limits.connectionsPerAddress }, () => secure());
    expect(await Promise.all(held.map(opened))).toEqual(held.map(() => 'open'));
    expect(await opened(secure())).toBe('closed');
    const closing = held.map((socket) => new Promise((resolve) => socket.on('close', resolve)));
    for (const socket of held) socket.destroy();
    await Promise.all(closing);
    await expect.poll(() => get('/')).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('all addresses together', () => {
  const from = (number: number) => secure({ localAddress: `127.0.0.${number}` });
  const isClosed = (socket: Socket) => new Promise<true>((tell) => socket.once('close', () => tell(true)));
  const events = 'GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  beforeEach(async () => {
    await box.close();
    box = await startTestBox({ page: smallPage, bounds: { connections: 3, connectionsPerAddress: 2 } });
  });

  test('get no more connections than there are: the oldest that does nothing makes room', async () => {
    const held = [from(1), from(2), from(3)];
    expect(await Promise.all(held.map(opened))).toEqual(['open', 'open', 'open']);
    const gone = held.map(isClosed);
    const late = [from(4), from(5)];
    expect(await Promise.all(late.map(opened))).toEqual(['open', 'open']);
    await Promise.all(gone.slice(0, 2));
    expect(held.map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
    for (const socket of [...held, ...late]) socket.destroy();
  });

  test('where all are at work the next one is closed, and the console keeps its own', async () => {
    const busy = [from(1), from(2), from(3)];
    for (const socket of busy) {
      socket.write(events);
      await new Promise((begun) => socket.once('data', begun));
    }
    expect(await opened(from(4))).toBe('closed');
    const answer = await callLocalApi({ path: '/api/v1/status', socketPath: box.socket });
    expect(answer).toMatchObject({ ok: true, status: 200 });
    expect(busy.some(({ destroyed }) => destroyed)).toBe(false);
    busy[0]?.destroy();
    await eventually(() => opened(from(4))).toBe('open');
    for (const socket of busy) socket.destroy();
  });
});

test('one connection carries one stream of events, however many are asked for on it', async () => {
  const socket = secure();
  let answers = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    answers += part;
  });
  const events = 'GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  socket.write(events.repeat(2 * limits.eventStreams));
  await eventually(() => Promise.resolve(answers)).toContain('event: status');
  const others = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const other = secure();
      other.write(events);
      const head = await new Promise<string>((tell) => other.once('data', (part) => tell(String(part))));
      other.destroy();
      return head.slice(0, 12);
    }),
  );
  expect(new Set(others)).toEqual(new Set(['HTTP/1.1 200']));
  socket.destroy();
});

describe('slow clients', () => {
  const quick = { handshakeMs: 300, headersMs: 400, requestMs: 600, idleMs: 1000 };

  test('whose request is not whole in time are told so', async () => {
    await box.close();
    box = await startTestBox({ page: smallPage, bounds: { ...quick, idleMs: 10_000 } });
    const begun = 'POST /api/v1/claim HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
    for (const text of [begun, `${begun}Content-Length: 9\r\n\r\n{`]) {
      const answer = await exchange(secure(), text);
      expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
      expect(answer).toContain('"code":"too-slow"');
    }
  });

  test.each([
    ['never begins its handshake', () => connectTcp({ host: '127.0.0.1', port: box.httpsPort }), ''],
    ['never ends its headers', secure, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: '],
    [
      'never sends its body',
      secure,
      'POST /api/v1/claim HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ],
    ['says nothing after its handshake', secure, ''],
  ])('who %s is put out', async (_what, open, text) => {
    await box.close();
    box = await startTestBox({ page: smallPage, bounds: quick });
    const answer = await exchange(open(), text);
    expect(answer).toMatch(/^$|^HTTP\/1\.1 4\d\d /);
  });
});

describe('addresses', () => {
  const at = (...addresses: string[]) => [{ role: 'lan' as const, kernelName: 'lo', addresses }];
  const answers = async (host: string) => (await opened(secure({ host }))) === 'open';

  test('the page follows them, and what stays is not interrupted', async () => {
    const stays = secure();
    await opened(stays);
    await box.ui.setInterfaces(at('127.0.0.1/8', '127.0.0.2/8'));
    expect(box.ui.addresses()).toEqual(['127.0.0.1', '127.0.0.2']);
    expect([await answers('127.0.0.1'), await answers('127.0.0.2')]).toEqual([true, true]);
    await box.ui.setInterfaces(at('127.0.0.1/8'));
    expect([await answers('127.0.0.1'), await answers('127.0.0.2')]).toEqual([true, false]);
    const still = await exchange(stays, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    expect(still).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('the wildcard address is never one of them', async () => {
    await box.ui.setInterfaces(at('0.0.0.0', '::', '::0%lo', '00.0.0.0'));
    expect(box.ui.addresses()).toEqual([]);
    expect(await answers('127.0.0.1')).toBe(false);
  });

  test('one that the machine does not have does no harm to the others', async () => {
    await box.ui.setInterfaces(at('192.0.2.1/24', '127.0.0.1/8'));
    expect(box.ui.addresses()).toEqual(['127.0.0.1']);
    expect(await answers('127.0.0.1')).toBe(true);
  });

  test('a one-port box leaves the underlay once it is claimed, after it has answered', async () => {
    await box.ui.setInterfaces([{ role: 'underlay', kernelName: 'lo', addresses: ['127.0.0.1/8'] }]);
    const body = JSON.stringify({ code: box.ui.claim.code(), password: testPassword });
    const head = `POST /api/v1/claim HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n`;
    const answer = await exchange(secure(), `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    expect(answer).toContain('{"claimed":true,"pageCloses":true,');
    await expect.poll(() => answers('127.0.0.1')).toBe(false);
  });
});

describe('the socket of the command line', () => {
  test('is for its owner alone and answers the same API', async () => {
    expect(lstatSync(box.socket).mode & 0o777).toBe(0o600);
    const answer = await callLocalApi({ path: '/api/v1/status', socketPath: box.socket });
    expect(answer).toMatchObject({ ok: true, status: 200, body: { hostname: 'gate-hamburg' } });
    const wrong = await callLocalApi({
      method: 'POST',
      path: '/api/v1/claim',
      body: { code: 'x', password: testPassword },
      socketPath: box.socket,
    });
    expect(wrong).toMatchObject({ ok: true, status: 403, body: { code: 'wrong-claim-code' } });
  });

  test('replaces what a process that died has left', async () => {
    const left = join(box.folder, 'left.sock');
    writeFileSync(left, '');
    const next = await startTestBox({ page: smallPage, localSocket: left });
    expect(await callLocalApi({ path: '/api/v1/log', socketPath: left })).toMatchObject({
      ok: true,
      status: 200,
    });
    await next.close();
  });

  test('where nothing runs the command line says so', async () => {
    const answer = await callLocalApi({ path: '/', socketPath: join(box.folder, 'none.sock') });
    expect(answer).toMatchObject({ ok: false, reason: expect.stringContaining('No Hithe is running here') });
  });

  test('a request that is no request does not end the server', async () => {
    await new Promise<void>((resolve) => {
      const bad = httpRequest({ socketPath: box.socket, path: '/', headers: { host: 'a b' } });
      bad.on('response', (response) => response.resume().on('end', resolve)).on('error', () => resolve());
      bad.end();
    });
    expect(await callLocalApi({ path: '/api/v1/status', socketPath: box.socket })).toMatchObject({
      ok: true,
    });
  });
});

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FlowExport, type FlowExportPorts } from '../../firmware/boot/flow-export.ts';
import { limits } from '../../firmware/flows/export/limits.ts';
import type { FlowExportSettings } from '../../firmware/store/flow-export-schema.ts';
import { FlowStore } from '../../firmware/store/flow-store.ts';
import { certificateKeys } from '../../firmware/system/certificate-keys.ts';
import { logTransport, readRetryAfter } from '../../firmware/system/log-transport.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';
import { makeCertificate } from '../../firmware/webui/tls-certificate.ts';
import { parseSyslog } from '../flows/export/syslog-reader.ts';
import { madeFlow } from '../flows/made-flows.ts';

let folder: string;
let store: FlowStore;
let exporting: FlowExport;
let logged: string[];
/** Waits that were asked for, each ended by the test where it is not a look for new records. */
let waits: number[];
const closers: (() => unknown)[] = [];

const openStore = () =>
  FlowStore.open(
    folder,
    { days: 30, mebibytes: 64 },
    { files: storeFiles, now: Date.now, pause: async () => undefined, warn: () => undefined },
  );
const ports = (): FlowExportPorts => ({
  transport: logTransport({ timeoutMs: 3_000 }),
  since: (cursor, limit) => store.since(cursor, limit),
  newest: () => store.newest(),
  readCursor: (name) => store.readCursor(name),
  writeCursor: (name, cursor) => store.writeCursor(name, cursor),
  keepCursors: (names) => store.keepCursors(names),
  source: () => ({ host: 'gate', hit: null, version: '1' }),
  timestamp: (milliseconds) => new Date(milliseconds).toISOString(),
  // A hundred times as fast as real time.
  wait: async (milliseconds, signal) => {
    waits.push(milliseconds);
    await sleep(milliseconds / 100, undefined, { signal }).catch(() => undefined);
  },
  log: (_, message) => logged.push(message),
});

beforeEach(async () => {
  [folder, logged, waits] = [mkdtempSync(join(tmpdir(), 'hithe-export-')), [], []];
  store = await openStore();
  exporting = new FlowExport(ports());
});
afterEach(async () => {
  await exporting.close();
  store.close();
  for (const close of closers.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});

let recorded = 0;
/** Records so many flows, each to a port of its own, and gives those. */
function record(count: number): readonly number[] {
  const numbers = Array.from({ length: count }, () => {
    recorded += 1;
    return 1 + (recorded % 60_000);
  });
  const added = store.add(numbers.map((port) => madeFlow({ port })));
  expect(added.ok).toBe(true);
  return numbers;
}

/** A receiver's port, closed after the test. */
async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** An OTLP receiver that keeps what it took with 200. */
async function otlpReceiver(answer: Answer = (_, response) => response.end('{}')) {
  const taken: number[] = [];
  const state = { answer, requests: 0 };
  const server = createHttpServer(async (request, response) => {
    state.requests += 1;
    let body = '';
    for await (const chunk of request) body += chunk;
    response.on('finish', () => {
      if (response.statusCode === 200) taken.push(...portsOf(body));
    });
    state.answer(request, response, body);
  });
  const port = await listening(server);
  const settings: FlowExportSettings = {
    name: 'collector',
    type: 'otlp',
    url: `http://127.0.0.1:${port}/v1/logs`,
  };
  return { taken, state, settings };
}

function portsOf(body: string): readonly number[] {
  const [{ scopeLogs }] = JSON.parse(body).resourceLogs;
  return scopeLogs[0].logRecords.flatMap(
    ({ attributes }: { attributes: { key: string; value: { intValue: string } }[] }) =>
      attributes.filter(({ key }) => key === 'destination.port').map(({ value }) => Number(value.intValue)),
  );
}

/** A receiver's own certificate and key. */
async function certificate(): Promise<{ readonly key: string; readonly cert: string }> {
  const key = await certificateKeys.generate();
  const cert = await makeCertificate({
    ...{ key, commonName: 'siem', dnsNames: [], addresses: ['127.0.0.1'], serial: new Uint8Array([1]) },
    ...{ notBefore: Date.now() - 86_400_000, notAfter: Date.now() + 86_400_000 },
  });
  return { key: key.privateKeyPem, cert };
}

/** Splits a stream into its messages by the lengths before them (RFC 6587 § 3.4.1). */
function messagesOf(stream: Buffer): readonly string[] {
  const messages: string[] = [];
  let rest = stream;
  while (rest.length > 0) {
    const space = rest.indexOf(' ');
    const length = Number(rest.subarray(0, space).toString('latin1'));
    messages.push(rest.subarray(space + 1, space + 1 + length).toString('utf8'));
    rest = rest.subarray(space + 1 + length);
  }
  return messages;
}

const portOf = (message: string) => Number(parseSyslog(message)?.params['destination.port']);

const until = (done: () => boolean) => expect.poll(done, { timeout: 15_000, interval: 10 }).toBe(true);
const status = () => exporting.status()[0];

describe('OTLP over HTTP', () => {
  test('takes what is recorded from now on, in order, in batches', async () => {
    record(3);
    const receiver = await otlpReceiver();
    await exporting.apply([receiver.settings]);
    await until(() => store.readCursor('collector').ok && status()?.cursor === 3);
    const sent = record(2 * limits.batch + 1);
    await until(() => receiver.taken.length === sent.length);
    expect(receiver.taken).toEqual(sent);
    expect(receiver.state.requests).toBe(3);
    await until(() => status()?.taken === sent.length);
    expect(status()).toMatchObject({ refused: 0, missed: 0, problem: null });
  });

  test('sends the headers of the settings', async () => {
    const seen: unknown[] = [];
    const receiver = await otlpReceiver((request, response) => {
      seen.push(request.headers.authorization, request.headers['content-type'], request.url);
      response.end('{}');
    });
    await exporting.apply([
      {
        ...receiver.settings,
        type: 'otlp',
        headers: { authorization: 'Bearer s3cret' },
      } as FlowExportSettings,
    ]);
    await until(() => status()?.cursor === 0 && store.readCursor('collector').ok);
    record(1);
    await until(() => receiver.taken.length === 1);
    expect(seen).toEqual(['Bearer s3cret', 'application/json', '/v1/logs']);
    expect(logged.join()).not.toContain('s3cret');
  });

  test('a receiver that answers 503 is asked again when it says, with the same; nothing is lost', async () => {
    const receiver = await otlpReceiver((_, response) => {
      response.writeHead(503, { 'retry-after': '7' }).end();
    });
    await exporting.apply([receiver.settings]);
    await until(() => status()?.cursor === 0);
    const sent = record(5);
    await until(() => receiver.state.requests >= 2);
    expect(waits).toContain(7_000);
    expect(status()).toMatchObject({ cursor: 0, taken: 0, problem: 'it answered with status 503' });
    receiver.state.answer = (_, response) => response.end();
    await until(() => receiver.taken.length >= sent.length);
    expect(receiver.taken).toEqual(sent);
    await until(() => status()?.problem === null);
    expect(logged).toEqual([
      'The receiver collector does not take records, and is asked again: it answered with status 503',
      'The receiver collector takes records again',
    ]);
  });

  test('what it refuses is counted and not sent again, and what comes after is sent', async () => {
    const receiver = await otlpReceiver((_, response) => response.writeHead(400).end());
    await exporting.apply([receiver.settings]);
    record(2);
    await until(() => status()?.refused === 2 || status()?.cursor === 2);
    receiver.state.answer = (_, response) => response.end('{"partialSuccess":{"rejectedLogRecords":1}}');
    const sent = record(3);
    await until(() => receiver.taken.length === 3);
    expect(receiver.taken).toEqual(sent);
    await until(() => status()?.taken === 2);
  });

  test('one that is down, or hangs, is asked again', async () => {
    const receiver = await otlpReceiver(() => undefined);
    const closed = await otlpReceiver();
    await exporting.apply([
      receiver.settings,
      { ...closed.settings, name: 'down', url: 'http://127.0.0.1:1/' } as FlowExportSettings,
    ]);
    record(1);
    await until(() => exporting.status().every(({ problem }) => problem !== null));
    expect(exporting.status().map(({ problem }) => problem)).toEqual([
      'it is too slow',
      expect.stringContaining('ECONNREFUSED'),
    ]);
  });
});

describe('a restart', () => {
  test('in between: everything arrives, in order, and at least once', async () => {
    const receiver = await otlpReceiver();
    await exporting.apply([receiver.settings]);
    await until(() => store.readCursor('collector').ok && status()?.cursor === 0);
    const first = record(10);
    await until(() => receiver.taken.length === 10);
    receiver.state.answer = (_, response) => response.writeHead(503).end();
    const second = record(10);
    await until(() => status()?.problem !== null);
    // The runtime ends with records that nobody took.
    await exporting.close();
    store.close();
    store = await openStore();
    exporting = new FlowExport(ports());
    receiver.state.answer = (_, response) => response.end();
    const third = record(10);
    await exporting.apply([receiver.settings]);
    await until(() => receiver.taken.length >= 30);
    expect(receiver.taken).toEqual([...first, ...second, ...third]);
  });

  test('with a receiver that took them but whose answer was cut off: they come once more', async () => {
    let cut = true;
    const receiver = await otlpReceiver((request, response, body) => {
      if (cut) {
        receiver.taken.push(...portsOf(body));
        request.socket.destroy();
      } else response.end();
      cut = false;
    });
    await exporting.apply([receiver.settings]);
    await until(() => status()?.cursor === 0);
    const sent = record(4);
    await until(() => receiver.taken.length >= 8);
    expect(receiver.taken).toEqual([...sent, ...sent]);
  });

  test('what was deleted before it could be sent is counted', async () => {
    const receiver = await otlpReceiver();
    await exporting.apply([receiver.settings]);
    await until(() => store.readCursor('collector').ok && status()?.cursor === 0);
    await exporting.close();
    record(2000);
    store.setBounds({ days: 1, mebibytes: 64 });
    while (store.prune().ok) {
      const size = store.size();
      if (size.ok && size.value.records === 0) break;
    }
    const sent = record(3);
    exporting = new FlowExport(ports());
    await exporting.apply([receiver.settings]);
    await until(() => receiver.taken.length === 3);
    expect(receiver.taken).toEqual(sent);
    await until(() => status()?.missed === 2000);
  });
});

describe('syslog', () => {
  const syslog = (transport: 'udp' | 'tcp' | 'tls', port: number, ca?: string): FlowExportSettings => ({
    ...{ name: 'siem', type: 'syslog', host: '127.0.0.1', port, transport, facility: 16 },
    ...(ca === undefined ? {} : { ca }),
  });

  /** Keeps the messages of connections that ended in order. */
  const collect = (taken: string[]) => (socket: Socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => taken.push(...messagesOf(Buffer.concat(chunks))));
    socket.on('error', () => undefined);
  };

  test('over TCP, in order, each message with its length (RFC 6587)', async () => {
    const taken: string[] = [];
    const port = await listening(createServer(collect(taken)));
    await exporting.apply([syslog('tcp', port)]);
    await until(() => status()?.cursor === 0 && store.readCursor('siem').ok);
    const sent = record(limits.batch + 5);
    await until(() => taken.length >= sent.length);
    expect(taken.map(portOf)).toEqual(sent);
    expect(parseSyslog(taken[0] ?? '')).toMatchObject({
      host: 'gate',
      facility: 16,
      severity: 6,
      id: 'FLOW',
    });
  });

  test('a receiver that breaks off gets them again', async () => {
    const taken: string[] = [];
    let broken = 2;
    const keep = collect(taken);
    const port = await listening(
      createServer((socket) => {
        if (broken === 0) return keep(socket);
        broken -= 1;
        socket.on('error', () => undefined);
        socket.once('data', () => socket.resetAndDestroy());
      }),
    );
    await exporting.apply([syslog('tcp', port)]);
    await until(() => status()?.cursor === 0 && store.readCursor('siem').ok);
    const sent = record(20);
    await until(() => taken.length >= sent.length);
    expect(taken.map(portOf)).toEqual(sent);
    expect(logged[0]).toContain('does not take records');
  });

  test('over TLS, to a receiver whose certificate the settings name, and to no other (RFC 5425)', async () => {
    const [own, other] = [await certificate(), await certificate()];
    const taken: string[] = [];
    const port = await listening(createTlsServer(own, collect(taken)));
    await exporting.apply([syslog('tls', port, other.cert)]);
    await until(() => status()?.cursor === 0 && store.readCursor('siem').ok);
    const sent = record(7);
    await until(() => status()?.problem !== null);
    expect(taken).toEqual([]);
    await exporting.apply([syslog('tls', port, own.cert)]);
    await until(() => taken.length >= 7);
    expect(taken.map(portOf)).toEqual(sent);
  });

  test('over UDP, a datagram each (RFC 5426)', async () => {
    const taken: string[] = [];
    const socket = createSocket('udp4', (message) => taken.push(message.toString('utf8')));
    closers.push(() => socket.close());
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    await exporting.apply([syslog('udp', socket.address().port)]);
    await until(() => status()?.cursor === 0 && store.readCursor('siem').ok);
    const sent = record(9);
    await until(() => taken.length === 9);
    expect(taken.map(portOf)).toEqual(sent);
  });
});

describe('alarms', () => {
  test('go to every receiver, as many as may wait', async () => {
    const receiver = await otlpReceiver((_, response) => response.writeHead(503).end());
    const bodies: string[] = [];
    await exporting.apply([receiver.settings]);
    await until(() => status()?.cursor === 0);
    for (let number = 0; number <= limits.waitingAlarms; number += 1)
      exporting.tell({
        ...{ kind: 'alarm', time: number, observed: number, severity: 'warning', text: `alarm ${number}` },
        attributes: [],
      });
    receiver.state.answer = (_, response, body) => {
      bodies.push(body);
      response.end();
    };
    await until(() => bodies.length > 0 && status()?.taken === limits.waitingAlarms);
    expect(bodies.join()).toContain(`"alarm ${limits.waitingAlarms}"`);
    expect(bodies.join()).not.toContain('"alarm 0"');
  });
});

test('RFC 9110 § 10.2.3: Retry-After is seconds or a date', () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 30);
  expect(readRetryAfter('120', now)).toBe(120_000);
  expect(readRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT', now)).toBe(7_000);
  expect(readRetryAfter('Sun, 06 Nov 1994 08:49:00 GMT', now)).toBe(0);
  for (const text of [undefined, 'soon', '']) expect(readRetryAfter(text, now)).toBeNull();
});

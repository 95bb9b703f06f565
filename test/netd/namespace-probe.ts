// Runs in a network namespace and does as it is told on standard input: a JSON request a line, a JSON answer a line.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import koffi from 'koffi';
import type { ProbeRequest, TcpAnswer, UdpAnswer } from './namespace.ts';

/** Long enough for a local answer; that nothing came is what is to be seen. */
const silenceMs = 700;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const sendto = libc.func(
  'long sendto(int fd, const uint8_t *data, long size, int flags, const uint8_t *to, int length)',
);
const recv = libc.func('long recv(int fd, _Out_ uint8_t *data, long size, int flags)');
const [AF_INET, SOCK_RAW, MSG_DONTWAIT] = [2, 3, 0x40];
const rawSockets = new Map<number, number>();

function listenTcp(port: number): Promise<string> {
  return new Promise((resolve) => {
    createServer((client) => {
      client.on('error', () => {}).on('data', (octets) => client.write(`echo ${octets}`));
      client.write('here');
    }).listen(port, '::', () => resolve('listening'));
  });
}

function listenUdp(port: number): Promise<string> {
  return new Promise((resolve) => {
    const server = createSocket({ type: 'udp6' });
    server.on('message', (message, from) => server.send(message, from.port, from.address));
    server.bind(port, '::', () => resolve('listening'));
  });
}

function connectTcp(host: string, port: number): Promise<TcpAnswer> {
  return new Promise((resolve) => {
    const client = connect({ host, port });
    const finish = (answer: TcpAnswer) => {
      client.destroy();
      resolve(answer);
    };
    client.setTimeout(silenceMs, () => finish('silent'));
    client.on('connect', () => finish('open'));
    client.on('error', (error: NodeJS.ErrnoException) =>
      finish(error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable'),
    );
  });
}

function askUdp(host: string, port: number, from = 0, size = 4): Promise<UdpAnswer> {
  return new Promise((resolve) => {
    const client = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    let timer: NodeJS.Timeout;
    const finish = (answer: UdpAnswer) => {
      clearTimeout(timer);
      client.close();
      resolve(answer);
    };
    client.on('error', () => finish('refused'));
    client.on('message', () => finish('answered'));
    client.bind(from, () => {
      client.connect(port, host, () => {
        timer = setTimeout(() => finish('silent'), silenceMs);
        client.send(new Uint8Array(size));
      });
    });
  });
}

function sendRaw(host: string, protocol: number): string {
  const address = Uint8Array.from([AF_INET, 0, 0, 0, ...host.split('.').map(Number), 0, 0, 0, 0, 0, 0, 0, 0]);
  const descriptor = socket(AF_INET, SOCK_RAW, protocol) as number;
  return String(sendto(descriptor, new Uint8Array(40), 40, 0, address, address.length));
}

async function serve(request: ProbeRequest): Promise<unknown> {
  switch (request.do) {
    case 'all':
      return await Promise.all(request.requests.map(serve));
    case 'listen-tcp':
      return await listenTcp(request.port);
    case 'listen-udp':
      return await listenUdp(request.port);
    case 'listen-raw':
      rawSockets.set(request.protocol, socket(AF_INET, SOCK_RAW, request.protocol) as number);
      return 'listening';
    case 'heard-raw': {
      const room = new Uint8Array(2048);
      return (recv(rawSockets.get(request.protocol) ?? -1, room, room.length, MSG_DONTWAIT) as number) > 0;
    }
    case 'connect-tcp':
      return await connectTcp(request.host, request.port);
    case 'ask-udp':
      return await askUdp(request.host, request.port, request.from, request.size);
    case 'send-raw':
      return sendRaw(request.host, request.protocol);
  }
}

const requests = createInterface(process.stdin);
for await (const line of requests) {
  process.stdout.write(`${JSON.stringify(await serve(JSON.parse(line) as ProbeRequest))}\n`);
}
process.exit(0);

// Runs in a network namespace: sends one UDP datagram to a multicast group and ends.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export type Say = {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly octets: string;
};

const { from, to, port, octets } = JSON.parse(await text(process.stdin)) as Say;
const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
socket.bind(port, from);
await once(socket, 'listening');
await new Promise<void>((resolve, reject) =>
  socket.send(Buffer.from(octets, 'hex'), port, to, (error) => (error === null ? resolve() : reject(error))),
);
socket.close();
process.stdout.write('{}');

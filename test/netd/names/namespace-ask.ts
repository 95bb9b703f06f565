// Runs in a network namespace: asks for a name by multicast DNS and ends with the first answer, or none.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export type AskName = {
  readonly family: 4 | 6;
  /** On which it is asked, and the port that it is asked from: 5353, or 0 as a plain resolver does. */
  readonly link: string;
  readonly port: number;
  /** The address that it is asked from, and the question, in hexadecimal. */
  readonly from: string;
  readonly octets: string;
  /** Where it is sent to; the group unless given. */
  readonly to?: string;
  readonly patienceMs: number;
};
export type Heard = { readonly octets: string; readonly from: string } | null;

const { family, link, port, from, octets, to, patienceMs } = JSON.parse(await text(process.stdin)) as AskName;
const group = family === 4 ? '224.0.0.251' : `ff02::fb%${link}`;
const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', reuseAddr: true });
socket.bind(port);
await once(socket, 'listening');
socket.addMembership(family === 4 ? group : 'ff02::fb', family === 4 ? from : `::%${link}`);
socket.setMulticastInterface(family === 4 ? from : `::%${link}`);
socket.setMulticastLoopback(false);
const heard = new Promise<Heard>((resolve) => {
  const timer = setTimeout(() => resolve(null), patienceMs);
  socket.on('message', (message, { address }) => {
    // The highest bit of its third octet says that it answers.
    if (((message[2] ?? 0) & 0x80) === 0) return;
    clearTimeout(timer);
    resolve({ octets: message.toString('hex'), from: address });
  });
});
socket.send(Buffer.from(octets, 'hex'), 5353, to ?? group);
process.stdout.write(JSON.stringify(await heard));
socket.close();

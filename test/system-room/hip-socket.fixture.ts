// Runs in a network namespace: the HIP socket, told what to do on standard input and saying what it hears.
import { createInterface } from 'node:readline';
import { fromHex, toHex } from '../../firmware/bytes/bytes.ts';
import type { Locator } from '../../firmware/hip/locator.ts';
import { openDiagnosticHipSocket } from '../../firmware/system/hip-socket.ts';
import { AF_INET, AF_INET6, SOCK_RAW, SystemSocket } from '../../firmware/system/system-socket.ts';

export type SocketRequest =
  | { do: 'raw'; wanted: boolean }
  | { do: 'send'; packet: string; to: Locator }
  /** Octets as they are, as protocol 139. */
  | { do: 'send-plain'; octets: string; to: string }
  | { do: 'dropped' };
export type SocketAnswer =
  | { event: 'ready'; port: number }
  | { event: 'done' }
  | { event: 'dropped'; notHip: number; badChecksum: number }
  | { event: 'packet'; packet: string; from: Locator }
  | { event: 'failed'; to: Locator; reason: string };

const say = (answer: SocketAnswer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const octetsOf = (text: string) => fromHex(text) ?? new Uint8Array();

const { socket, port } = await openDiagnosticHipSocket(10500);
socket.onPacket((packet, from) => say({ event: 'packet', packet: toHex(packet), from }));
socket.onSendFailure((to, reason) => say({ event: 'failed', to, reason }));
say({ event: 'ready', port });

for await (const line of createInterface(process.stdin)) {
  const request = JSON.parse(line) as SocketRequest;
  switch (request.do) {
    case 'raw':
      await socket.useRaw(request.wanted);
      say({ event: 'done' });
      break;
    case 'send':
      socket.send(octetsOf(request.packet), request.to);
      break;
    case 'send-plain': {
      const domain = request.to.includes(':') ? AF_INET6 : AF_INET;
      const plain = await SystemSocket.open(domain, SOCK_RAW, 139);
      plain.send(octetsOf(request.octets), request.to);
      plain.close();
      break;
    }
    case 'dropped':
      say({ event: 'dropped', ...socket.dropped() });
      break;
  }
}
await socket.close();

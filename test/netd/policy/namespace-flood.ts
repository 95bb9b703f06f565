// Runs in a network namespace and sends small datagrams as fast as one process can: `{ "to", "ports", "packets" }` a line;
// answers with the nanoseconds a packet took. Veth carries a packet to the far end before the call returns.
import { createInterface } from 'node:readline';
import koffi from 'koffi';

export type FloodRequest = {
  readonly to: string;
  /** Destination ports from the first on, this many in turn. */
  readonly ports: { readonly first: number; readonly count: number };
  readonly packets: number;
};
export type FloodAnswer = { readonly nanoseconds: number };

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const sendto = libc.func(
  'long sendto(int fd, const uint8_t *data, long size, int flags, const uint8_t *to, int length)',
);
const [AF_INET, SOCK_DGRAM] = [2, 2];

const descriptor = socket(AF_INET, SOCK_DGRAM, 0) as number;
const data = new Uint8Array(16);

for await (const line of createInterface(process.stdin)) {
  const { to, ports, packets } = JSON.parse(line) as FloodRequest;
  const address = new Uint8Array([
    AF_INET,
    0,
    0,
    0,
    ...to.split('.').map(Number),
    ...new Array<number>(8).fill(0),
  ]);
  const view = new DataView(address.buffer);
  const started = process.hrtime.bigint();
  for (let index = 0; index < packets; index++) {
    view.setUint16(2, ports.first + (index % ports.count));
    sendto(descriptor, data, data.length, 0, address, address.length);
  }
  const nanoseconds = Number(process.hrtime.bigint() - started) / packets;
  process.stdout.write(`${JSON.stringify({ nanoseconds } satisfies FloodAnswer)}\n`);
}

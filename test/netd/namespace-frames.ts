// Runs in a network namespace: puts frames of anybody's making on a link, as a hostile device does. `{ "link", "frames" }`
// a line, frames in base64; answers with how many the link has taken.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import koffi from 'koffi';

export type FramesRequest = { readonly link: string; readonly frames: readonly string[] };
export type FramesAnswer = { readonly sent: number };

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const sendto = libc.func(
  'long sendto(int fd, const uint8_t *data, long size, int flags, const uint8_t *to, int length)',
);
// packet(7): without a protocol nothing is received.
const [AF_PACKET, SOCK_RAW] = [17, 3];
const descriptor = socket(AF_PACKET, SOCK_RAW, 0) as number;

for await (const line of createInterface(process.stdin)) {
  const { link, frames } = JSON.parse(line) as FramesRequest;
  // struct sockaddr_ll: family, protocol, index, and what is only received.
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setInt32(4, indexOf(link), true);
  const sizes = frames.map((text) => {
    const frame = Buffer.from(text, 'base64');
    return sendto(descriptor, frame, frame.length, 0, address, address.length) as number;
  });
  const answer: FramesAnswer = { sent: sizes.filter((size) => size > 0).length };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);

/** /proc/net is of the process's own namespace, which sysfs is not. */
function indexOf(link: string): number {
  const igmp = readFileSync('/proc/net/igmp', 'utf8');
  return Number(new RegExp(`^(\\d+)\\s+${link}\\s`, 'm').exec(igmp)?.[1]);
}

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { AF_INET, AF_INET6, SOCK_DGRAM, SystemSocket } from './system-socket.ts';

/** Numbers of the kernel's interface (asm-generic/socket.h), the same on x86-64 and arm64. */
const SOL_SOCKET = 1;
const SO_BINDTOIFINDEX = 62;

const domainPort = 53;
/** Octets of an answer that are looked at: its header (RFC 1035 § 4.1.1). */
const headerLength = 12;

/** For the root's name servers, a question that every server has an answer to and that tells nothing of who asks. */
function question(id: number): Uint8Array {
  const recursionDesired = 0x01;
  const header = [id >> 8, id & 0xff, recursionDesired, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  const [root, typeNs, classIn] = [[0], [0, 2], [0, 1]];
  return Uint8Array.from([...header, ...root, ...typeNs, ...classIn]);
}

/** Whether it is an answer to that question which says that the server works: SERVFAIL (2) says that it does not. */
function isGoodAnswer(octets: Uint8Array, id: number): boolean {
  if (octets.length < headerLength) return false;
  const view = new DataView(octets.buffer, octets.byteOffset);
  const flags = view.getUint16(2);
  const [isResponse, responseCode] = [flags >= 0x8000, flags & 0xf];
  return view.getUint16(0) === id && isResponse && responseCode !== 2;
}

/** Asks a name server by a link, whatever the routes say. False where no good answer comes in time; never rejects. */
export async function nameServerAnswers(link: string, server: string, timeoutMs: number): Promise<boolean> {
  let socket: SystemSocket | undefined;
  try {
    const index = Number(readFileSync(`/sys/class/net/${link}/ifindex`, 'utf8'));
    const opened = await SystemSocket.open(isIPv4(server) ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    socket = opened;
    opened.setOption(SOL_SOCKET, SO_BINDTOIFINDEX, index);
    const id = randomInt(0x10000);
    const answered = new Promise<boolean>((resolve) => {
      const buffer = new Uint8Array(512);
      const timer = setTimeout(() => resolve(false), timeoutMs);
      opened.watch(() => {
        for (let got = opened.receive(buffer); got !== undefined; got = opened.receive(buffer)) {
          if (got.from !== server || !isGoodAnswer(buffer.subarray(0, got.length), id)) continue;
          clearTimeout(timer);
          resolve(true);
        }
      });
    });
    opened.send(question(id), server, domainPort);
    return await answered;
  } catch {
    // The link went, or nothing leads to the server from it.
    return false;
  } finally {
    socket?.close();
  }
}

import { createSocket } from 'node:dgram';

/** Seconds from 1900, which NTP counts from, to 1970. */
const sinceNtpEpoch = 2_208_988_800;

/** A time server's answer (RFC 5905 § 7.3) to a question that came at a time, in milliseconds since 1970. */
export function timeServerAnswer(question: Uint8Array, time: number): Uint8Array {
  const answer = new Uint8Array(48);
  const view = new DataView(answer.buffer);
  // Version 4, mode server; stratum 2.
  view.setUint16(0, 0x2402);
  answer.set(question.subarray(40, 48), 24);
  const seconds = Math.floor(time / 1000);
  for (const at of [32, 40]) {
    view.setUint32(at, (seconds + sinceNtpEpoch) % 2 ** 32);
    view.setUint32(at + 4, Math.floor(((time - seconds * 1000) / 1000) * 2 ** 32));
  }
  return answer;
}

/** Serves a time that is so many milliseconds ahead of the guest's clock now, and goes on whatever becomes of that. */
export async function runTimeServer([aheadMs = '0']: readonly string[]): Promise<void> {
  const began = Date.now() + Number(aheadMs) - performance.now();
  const socket = createSocket('udp4');
  socket.on('message', (question, { address, port }) =>
    socket.send(timeServerAnswer(question, began + performance.now()), port, address),
  );
  await new Promise<void>((resolve) => socket.bind(123, resolve));
  process.stdout.write('"serving"\n');
}

import { createSocket } from 'node:dgram';
import { getSystemErrorMessage } from 'node:util';
import type { DatagramExchange } from '../netd/system-port.ts';

/** CLOCK_REALTIME of linux/time.h. */
const realTime = 0;

async function loadCalls() {
  // Loaded when a time server has answered for the first time: nothing else waits for it.
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  return {
    settime: libc.func('int clock_settime(int clock, const int64_t *time)'),
    adjust: libc.func('int adjtime(const int64_t *delta, void *before)'),
    reason: () => getSystemErrorMessage(-koffi.errno()),
  };
}

let loaded: ReturnType<typeof loadCalls> | undefined;

/**
 * Corrects the machine's clock by so many milliseconds: at once, or by letting it run faster or slower for a while.
 * Returns what went wrong, or null.
 */
export async function correctClock(how: 'step' | 'slew', milliseconds: number): Promise<string | null> {
  loaded ??= loadCalls();
  const { settime, adjust, reason } = await loaded;
  // struct timespec and struct timeval: seconds, and what is left of one in nanoseconds or microseconds.
  const result =
    how === 'step'
      ? settime(realTime, split(Date.now() + milliseconds, 1_000_000))
      : adjust(split(milliseconds, 1000), null);
  return Number(result) === 0 ? null : reason();
}

/** Whole seconds, and so many parts of a millisecond of what is left, which is never negative. */
function split(milliseconds: number, partsOfOne: number): readonly number[] {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.floor((milliseconds - seconds * 1000) * partsOfOne)];
}

/** Sends a datagram to a host by address or name, and returns the first that comes back from there. Never rejects. */
export function askByUdp(
  host: string,
  port: number,
  question: Uint8Array,
  timeoutMs: number,
): Promise<DatagramExchange | null> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    let sentAt = 0;
    let isOpen = true;
    const settle = (exchange: DatagramExchange | null) => {
      clearTimeout(timer);
      if (isOpen) socket.close();
      isOpen = false;
      resolve(exchange);
    };
    const timer = setTimeout(() => settle(null), timeoutMs);
    socket.on('error', () => settle(null));
    socket.on('message', (octets) => settle({ octets, sentAt, receivedAt: performance.now() }));
    socket.once('connect', () => {
      sentAt = performance.now();
      socket.send(question);
    });
    // A connected socket takes what comes from there alone.
    socket.connect(port, host);
  });
}

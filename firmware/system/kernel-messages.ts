import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { errorCode } from './error-code.ts';
import type { Log } from './log-entry.ts';

/** One record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg). */
export type KernelMessage = {
  /** 0 (emergency) to 7 (debug), as syslog(3) numbers them. */
  readonly severity: number;
  /** 0 is the kernel itself; programs that write to /dev/kmsg get another. */
  readonly facility: number;
  readonly sequence: number;
  /** Since the kernel started. */
  readonly microseconds: number;
  readonly text: string;
};

/** Warning and worse. */
const leastSevere = 4;
const worstWarning = 3;

/** Octets: a record of /dev/kmsg has at most 8192, and a smaller buffer makes the read fail. */
const recordSize = 8192;

/** Records logged at one go: a driver that floods the kernel's ring shall not hold up the runtime. */
const recordsPerPoll = 500;

/**
 * Reads the records in a chunk. Lines that begin with a space carry a record's properties and are passed over, as is
 * whatever is no record.
 */
export function parseKernelMessages(chunk: string): KernelMessage[] {
  const messages: KernelMessage[] = [];
  for (const line of chunk.split('\n')) {
    const match = /^(\d{1,10}),(\d{1,15}),(\d{1,15}),[^;]*;(.*)$/.exec(line);
    if (match === null) continue;
    const priority = Number(match[1]);
    messages.push({
      severity: priority & 7,
      facility: priority >>> 3,
      sequence: Number(match[2]),
      microseconds: Number(match[3]),
      text: match[4] ?? '',
    });
  }
  return messages;
}

export type KernelMessagesOptions = {
  /** Holds the number of the last record that was logged, so that a runtime that starts again does not repeat them. */
  readonly positionPath: string;
  readonly path?: string;
  readonly intervalMs?: number;
};

/**
 * Logs the kernel's warnings and errors, those since the machine started first, then new ones until the returned
 * function is called. It polls without blocking: a blocking read would hold one of Node's few worker threads for ever.
 */
export function followKernelMessages(
  log: Log,
  { positionPath, path = '/dev/kmsg', intervalMs = 1000 }: KernelMessagesOptions,
): () => void {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    log('warning', 'kernel', `kernel messages cannot be read: ${path} (${errorCode(error)})`);
    return () => {};
  }
  let position = readPosition(positionPath);
  const poll = () => {
    const before = position;
    for (const message of readMessages(descriptor)) {
      if (message.sequence <= position) continue;
      position = message.sequence;
      if (message.facility !== 0 || message.severity > leastSevere) continue;
      const level = message.severity <= worstWarning ? 'error' : 'warning';
      log(level, 'kernel', `[${(message.microseconds / 1e6).toFixed(6)}] ${message.text}`);
    }
    if (position !== before) writePosition(positionPath, position);
  };
  poll();
  const timer = setInterval(poll, intervalMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    closeSync(descriptor);
  };
}

function readMessages(descriptor: number): KernelMessage[] {
  const messages: KernelMessage[] = [];
  const buffer = Buffer.alloc(recordSize);
  while (messages.length < recordsPerPoll) {
    try {
      const length = readSync(descriptor, buffer, 0, buffer.length, null);
      if (length === 0) break;
      messages.push(...parseKernelMessages(buffer.toString('utf8', 0, length)));
    } catch (error) {
      // EPIPE: records were overwritten before they were read, and the next read goes on with the oldest left.
      if (errorCode(error) !== 'EPIPE') break;
    }
  }
  return messages;
}

function readPosition(path: string): number {
  try {
    const position = Number(readFileSync(path, 'utf8'));
    return Number.isSafeInteger(position) ? position : -1;
  } catch {
    return -1;
  }
}

function writePosition(path: string, position: number): void {
  try {
    writeFileSync(path, String(position), { mode: 0o600 });
  } catch {
    // Then a runtime that starts again repeats some messages, which is no harm.
  }
}

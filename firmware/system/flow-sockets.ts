import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setImmediate as pause } from 'node:timers/promises';
import {
  type Connection,
  conntrackEndedGroup,
  encodeConntrackDump,
  parseConntrackMessages,
} from '../flows/conntrack-messages.ts';
import { encodeCounterRequest, parseCounterAnswer, unloggedCounters } from '../flows/counter-messages.ts';
import { encodeLogRequest, parseLogDatagram } from '../flows/denied-packets.ts';
import type { FlowKernel, FlowListener, KernelLosses } from '../flows/flow-kernel.ts';
import { AF_NETLINK, netlinkName } from './netlink-name.ts';
import { SOCK_RAW, SystemSocket } from './system-socket.ts';

/** Numbers of the kernel's interface (linux/netlink.h, asm-generic/socket.h), the same on x86-64 and arm64. */
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const EOPNOTSUPP = 95;
/** SK_MEMINFO_VARS numbers, of which the last is SK_MEMINFO_DROPS. */
const meminfo = { count: 9, drops: 8 } as const;

/** Octets that wait to be read: an event takes one to two kilobytes of it, so some ten thousand. */
const receiveBuffer = 16 * 1024 * 1024;
/** Octets of one datagram: a dump's is 32 KiB at most, the log's as large as was asked for. */
const datagramSize = 65_536;
/** Datagrams read between two looks at the clock. */
const batch = 16;
const log = { copied: 128, packets: 64, hundredths: 20 } as const;

/** Counters and times of connections cost a little, so they are there only while flows are recorded. */
const accounting = ['nf_conntrack_acct', 'nf_conntrack_timestamp'].map(
  (name) => `/proc/sys/net/netfilter/${name}`,
);

/**
 * Hears of ended connections and of logged packets, from now on. Only ends are heard, since they carry all that there is
 * to know of a connection, and what is not heard costs the kernel next to nothing. Rejects with `SocketCallError`, or the
 * file system's error, where the kernel cannot tell.
 */
export async function openFlowSockets(): Promise<FlowKernel> {
  const opened: SystemSocket[] = [];
  const kept = async (opening: Promise<SystemSocket>) => {
    const socket = await opening;
    opened.push(socket);
    return socket;
  };
  try {
    const connections = await kept(openSocket(conntrackEndedGroup));
    const packets = await kept(openLog());
    return new FlowSockets({ connections, packets, counters: await kept(openSocket(0)) });
  } catch (error) {
    for (const socket of opened) socket.close();
    throw error;
  }
}

async function openLog(): Promise<SystemSocket> {
  const packets = await openSocket(0);
  try {
    const ask = (connections: boolean) => {
      packets.write(encodeLogRequest(1, { ...log, connections }));
      const answer = packets.read(new Uint8Array(datagramSize));
      const [acknowledged] = answer === undefined ? [] : parseConntrackMessages(answer);
      return acknowledged?.kind === 'end' ? acknowledged.error : undefined;
    };
    let error = ask(true);
    // Then answers that are denied are told as if who sends them had begun.
    if (error === EOPNOTSUPP) error = ask(false);
    if (error !== 0) throw new Error(`the log of denied packets cannot be read (${error ?? 'no answer'})`);
    return packets;
  } catch (error) {
    packets.close();
    throw error;
  }
}

type Sockets = Readonly<Record<'connections' | 'packets' | 'counters', SystemSocket>>;

class FlowSockets implements FlowKernel {
  readonly #sockets: Sockets;
  readonly #buffer = new Uint8Array(datagramSize);
  readonly #sequence = new SequenceGaps();
  readonly #unlogged: UnloggedPackets;

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
    this.#unlogged = new UnloggedPackets(sockets.counters);
    setAccounting('1');
  }

  read(milliseconds: number, listener: FlowListener): void {
    const until = performance.now() + milliseconds;
    drain(this.#sockets.packets, this.#buffer, until, (datagram) => {
      const { packets, sequences } = parseLogDatagram(datagram);
      this.#sequence.note(sequences);
      for (const packet of packets) listener.logged(packet);
    });
    drain(this.#sockets.connections, this.#buffer, until, (datagram) => {
      for (const message of parseConntrackMessages(datagram))
        if (message.kind === 'ended') listener.ended(message.connection);
    });
  }

  async dump(visit: (connection: Connection) => void): Promise<void> {
    const socket = await openSocket(0);
    try {
      socket.write(encodeConntrackDump(1));
      // One of its own: between two datagrams others are read.
      const buffer = new Uint8Array(datagramSize);
      for (;;) {
        const datagram = socket.read(buffer);
        if (datagram === undefined) throw new Error('the list of connections broke off');
        for (const message of parseConntrackMessages(datagram)) {
          if (message.kind === 'lives') visit(message.connection);
          else if (message.kind === 'end') {
            if (message.error !== 0) throw new Error(`connections cannot be listed (${message.error})`);
            return;
          }
        }
        await pause();
      }
    } finally {
      socket.close();
    }
  }

  lost(): KernelLosses {
    return {
      connections: dropsOf(this.#sockets.connections),
      packets: this.#sequence.gaps + this.#unlogged.sinceOpened(),
    };
  }

  close(): void {
    for (const socket of Object.values(this.#sockets)) socket.close();
    setAccounting('0');
  }
}

/** Denied packets that the policy's rate limit kept from being logged. Its counters start over with its tables. */
class UnloggedPackets {
  readonly #socket: SystemSocket;
  readonly #buffer = new Uint8Array(datagramSize);
  #known: readonly number[];
  #total = 0;

  constructor(socket: SystemSocket) {
    this.#socket = socket;
    this.#known = this.#read();
  }

  sinceOpened(): number {
    const now = this.#read();
    for (const [index, count] of now.entries()) {
      const before = this.#known[index] ?? 0;
      this.#total += count < before ? count : count - before;
    }
    this.#known = now;
    return this.#total;
  }

  #read(): readonly number[] {
    return unloggedCounters.map((counter, index) => {
      this.#socket.write(encodeCounterRequest(index, counter));
      // The kernel answers while it is asked; a table that is not there has counted nothing.
      const answer = this.#socket.read(this.#buffer);
      return answer === undefined ? 0 : (parseCounterAnswer(answer) ?? 0);
    });
  }
}

function drain(
  socket: SystemSocket,
  buffer: Uint8Array,
  until: number,
  take: (datagram: Uint8Array) => void,
): void {
  do {
    for (let count = 0; count < batch; count++) {
      const datagram = socket.read(buffer);
      if (datagram === undefined) return;
      take(datagram);
    }
  } while (performance.now() < until);
}

async function openSocket(groups: number): Promise<SystemSocket> {
  const socket = await SystemSocket.open(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  try {
    socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer);
    socket.bindName(netlinkName(groups));
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function setAccounting(value: '0' | '1'): void {
  for (const path of accounting) writeFileSync(path, value);
}

function dropsOf(socket: SystemSocket): number {
  return socket.option(SOL_SOCKET, SO_MEMINFO, meminfo.count)[meminfo.drops] ?? 0;
}

/** Counts what is missing between sequence numbers, which wrap at 32 bits. */
class SequenceGaps {
  gaps = 0;
  #next: number | undefined;

  note(sequences: readonly number[]): void {
    for (const sequence of sequences) {
      if (this.#next !== undefined) this.gaps += (sequence - this.#next) >>> 0;
      this.#next = (sequence + 1) >>> 0;
    }
  }
}

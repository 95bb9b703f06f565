import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a host of the overlay guest is told, a JSON document a line. `name` tells its streams apart. */
export type TrafficRequest =
  /** Answers on {@link trafficPorts} from now on. */
  | { readonly do: 'serve' }
  /** Keeps octets (TCP) or numbered datagrams (UDP) going to a host that serves, and takes its echo. */
  | ({ readonly do: 'stream'; readonly name: string } & StreamOptions)
  /** How a stream is. */
  | { readonly do: 'look'; readonly name: string }
  /** Ends a stream once all of it has come back, or lets go after `patienceMs`. */
  | { readonly do: 'finish'; readonly name: string; readonly patienceMs: number }
  /**
   * Opens connections: a datagram to each of so many ports of each host, so many a second at most.
   */
  | {
      readonly do: 'open-many';
      readonly hosts: readonly string[];
      readonly ports: number;
      readonly perSecond: number;
    }
  /** Sends as fast as TCP takes it. */
  | { readonly do: 'throughput'; readonly host: string; readonly seconds: number };

export type StreamOptions = {
  readonly kind: 'tcp' | 'udp';
  readonly host: string;
  /** One piece of so many octets every so many milliseconds. */
  readonly octets: number;
  readonly everyMs: number;
};

export type StreamReport = {
  /** Octets for TCP, datagrams for UDP. */
  readonly sent: number;
  readonly returned: number;
  /** The longest time without anything coming back, once something had. */
  readonly longestStallMs: number;
  /** Octets that came back other than they were sent; datagrams that came back twice. */
  readonly wrong: number;
  /** Why the stream ended by itself, or null while it goes on. */
  readonly failure: string | null;
};

/** What a request is answered with: megabits a second for `throughput`, how long it took for `open-many`, a report for streams, null for the rest. */
export type TrafficAnswer =
  | StreamReport
  | { readonly megabitsPerSecond: number }
  | { readonly seconds: number }
  | null;

const trafficPorts = { tcpEcho: 5000, udpEcho: 5001, tcpSink: 5002 } as const;

/** Octets that wait for a program that gets no processor: what is counted as lost was lost by the network. */
const receiveBuffer = 4 << 20;

interface Stream {
  report(): StreamReport;
  finish(patienceMs: number): Promise<StreamReport>;
}

/** Watches how long nothing comes back, from the first time that something has. */
class StallClock {
  #last: number | null = null;
  #longest = 0;

  heard(): void {
    this.#longest = this.longest();
    this.#last = performance.now();
  }

  longest(): number {
    return this.#last === null ? 0 : Math.max(this.#longest, performance.now() - this.#last);
  }
}

/** The octet at a place of every TCP stream: its period divides no packet's size. */
const patternAt = (place: number) => (place * 31 + (place >> 8)) % 251;

function pattern(from: number, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => patternAt(from + index)));
}

class TcpStream implements Stream {
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #clock = new StallClock();
  readonly #closed: Promise<void>;
  #sent = 0;
  #returned = 0;
  #wrong = 0;
  #failure: string | null = null;

  constructor({ host, octets, everyMs }: StreamOptions) {
    this.#socket = connect({ host, port: trafficPorts.tcpEcho, noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#clock.heard();
      for (const octet of chunk) if (octet !== patternAt(this.#returned++)) this.#wrong++;
    });
    this.#socket.on('error', (error) => {
      this.#failure = error.message;
    });
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#timer = setInterval(() => {
      // What the network does not take now is not piled up: the pace is a bound.
      if (this.#socket.readyState !== 'open' || this.#socket.writableLength > 1 << 20) return;
      this.#socket.write(pattern(this.#sent, octets));
      this.#sent += octets;
    }, everyMs);
  }

  report(): StreamReport {
    return {
      ...{ sent: this.#sent, returned: this.#returned, wrong: this.#wrong, failure: this.#failure },
      longestStallMs: this.#clock.longest(),
    };
  }

  async finish(patienceMs: number): Promise<StreamReport> {
    clearInterval(this.#timer);
    const stall = this.#clock.longest();
    this.#socket.end();
    const giveUp = setTimeout(() => this.#socket.destroy(), patienceMs);
    await this.#closed;
    clearTimeout(giveUp);
    return { ...this.report(), longestStallMs: stall };
  }
}

class UdpStream implements Stream {
  readonly #socket;
  readonly #timer: NodeJS.Timeout;
  readonly #clock = new StallClock();
  readonly #outstanding = new Set<number>();
  #allBack: (() => void) | null = null;
  #sent = 0;
  #returned = 0;
  #wrong = 0;

  constructor({ host, octets, everyMs }: StreamOptions) {
    const type = host.includes(':') ? 'udp6' : 'udp4';
    this.#socket = createSocket({ type, recvBufferSize: receiveBuffer });
    this.#socket.on('message', (datagram) => {
      this.#clock.heard();
      if (this.#outstanding.delete(datagram.readUInt32BE(0))) this.#returned++;
      else this.#wrong++;
      if (this.#outstanding.size === 0) this.#allBack?.();
    });
    // An unreachable that somebody sends is a loss like any other.
    this.#socket.on('error', () => {});
    this.#timer = setInterval(() => {
      const datagram = Buffer.alloc(octets);
      datagram.writeUInt32BE(this.#sent, 0);
      this.#outstanding.add(this.#sent++);
      this.#socket.send(datagram, trafficPorts.udpEcho, host, () => {});
    }, everyMs);
  }

  report(): StreamReport {
    return {
      ...{ sent: this.#sent, returned: this.#returned, wrong: this.#wrong, failure: null },
      longestStallMs: this.#clock.longest(),
    };
  }

  async finish(patienceMs: number): Promise<StreamReport> {
    clearInterval(this.#timer);
    const stall = this.#clock.longest();
    if (this.#outstanding.size > 0) {
      await new Promise<void>((resolve) => {
        this.#allBack = resolve;
        setTimeout(resolve, patienceMs);
      });
    }
    this.#socket.close();
    return { ...this.report(), longestStallMs: stall };
  }
}

async function serve(): Promise<void> {
  const echo = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  const sink = createServer({ allowHalfOpen: true }, (socket) => {
    let octets = 0;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      octets += chunk.length;
    });
    socket.on('end', () => socket.end(String(octets)));
  });
  const datagrams = createSocket({ type: 'udp6', recvBufferSize: receiveBuffer });
  datagrams.on('message', (datagram, { port, address }) => datagrams.send(datagram, port, address));
  await Promise.all([
    new Promise<void>((resolve) => echo.listen(trafficPorts.tcpEcho, '::', resolve)),
    new Promise<void>((resolve) => sink.listen(trafficPorts.tcpSink, '::', resolve)),
    new Promise<void>((resolve) => datagrams.bind(trafficPorts.udpEcho, '::', resolve)),
  ]);
}

/** Counts what the sink says it got, so that what only fills buffers is no throughput. */
async function measureThroughput(host: string, seconds: number): Promise<number> {
  const socket = connect({ host, port: trafficPorts.tcpSink });
  const answer = new Promise<string>((resolve, reject) => {
    let text = '';
    socket.on('error', reject);
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('end', () => resolve(text));
  });
  const piece = pattern(0, 64 * 1024);
  const start = performance.now();
  const until = start + seconds * 1000;
  await new Promise<void>((resolve) => {
    const fill = () => {
      while (performance.now() < until) if (!socket.write(piece)) return socket.once('drain', fill);
      resolve();
      return socket;
    };
    socket.once('connect', fill);
  });
  socket.end();
  const octets = Number(await answer);
  return (octets * 8) / 1000 / (performance.now() - start);
}

/** Ports from here on: nobody listens there. */
const manyPorts = 2_000;

async function openMany(hosts: readonly string[], ports: number, perSecond: number): Promise<number> {
  const started = performance.now();
  const sockets = hosts.map((host) => ({
    host,
    socket: createSocket(host.includes(':') ? 'udp6' : 'udp4').on('error', () => {}),
  }));
  const total = hosts.length * ports;
  const octets = Buffer.from('many');
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / 1000) * perSecond));
    const waits: Promise<void>[] = [];
    for (; sent < due && waits.length < 64; sent++) {
      const { host, socket } = sockets[sent % sockets.length] ?? {};
      const port = manyPorts + Math.floor(sent / sockets.length);
      waits.push(new Promise((resolve) => socket?.send(octets, port, host, () => resolve())));
    }
    await Promise.all(waits);
    if (sent >= due) await sleep(10);
  }
  for (const { socket } of sockets) socket.close();
  return (performance.now() - started) / 1000;
}

/** Traffic of a host behind a gateway, as its requests on standard input say. */
export async function runTraffic(): Promise<void> {
  const streams = new Map<string, Stream>();
  const named = (name: string) => {
    const stream = streams.get(name);
    if (stream === undefined) throw new Error(`there is no stream ${name}`);
    return stream;
  };
  const answer = async (request: TrafficRequest): Promise<TrafficAnswer> => {
    switch (request.do) {
      case 'serve':
        await serve();
        return null;
      case 'stream':
        streams.set(request.name, request.kind === 'tcp' ? new TcpStream(request) : new UdpStream(request));
        return null;
      case 'look':
        return named(request.name).report();
      case 'finish':
        return await named(request.name).finish(request.patienceMs);
      case 'open-many':
        return { seconds: await openMany(request.hosts, request.ports, request.perSecond) };
      case 'throughput':
        return { megabitsPerSecond: await measureThroughput(request.host, request.seconds) };
    }
  };
  for await (const line of createInterface(process.stdin)) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as TrafficRequest))}\n`);
  }
  process.exit(0);
}

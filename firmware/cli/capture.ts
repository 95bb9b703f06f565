import { performance } from 'node:perf_hooks';
import { limits } from '../capture/limits.ts';
import { parsePacketFilter } from '../capture/packet-filter.ts';
import { type RecordResult, startRecord } from '../diagnosis/record.ts';
import { overlayDevice } from '../netd/desired.ts';
import { createCapture } from '../system/capture-file.ts';
import { localSocketPath } from '../system/local-api.ts';
import { hasLink, openPacketSocket } from '../system/packet-socket.ts';
import type { Status } from '../webui/api/status-schema.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown, refuse } from './ask-box.ts';
import { printJson, say } from './output.ts';

export const captureHelp = `Usage: hithe capture LINK --out FILE [--filter TEXT] [--snaplen N] [--count N] [--size KIB]
                     [--rate N] [--seconds N] [--json]

Writes what passes a link, in and out, into a new capture file (pcap), until a bound is reached or
it is interrupted. LINK is a port of the box, a link of the kernel (br-lan), or tunnel: all
tunnels, as packets are before they are encrypted.

  --filter TEXT   in tcpdump's words: host, net, port, portrange, ether host, src, dst, proto N,
                  tcp, udp, icmp, icmp6, esp, hip, arp, ip, ip6, and, or, not, brackets: tcp port 443
  --snaplen N     octets kept of a frame, ${limits.snapLength.join(' to ')}; 1600 unless given
  --count N       frames, 1 to 1000000; 10000 unless given
  --size KIB      of the file, 1 to 262144; 8192 unless given
  --rate N        frames a second, 1 to 100000; 1000 unless given; what is over is counted
  --seconds N     1 to 86400; 60 unless given

JSON:
  { "link", "file", "ended": "count"|"size"|"time"|"stopped", "written", "filtered",
    "overRate", "dropped", "octets" }
  dropped: came faster than it was read. Times are those at which frames were read.

Exit status: 0 when the file was written, 1 when not, 2 for wrong use, 3 where the box does not
know the port.
`;

export async function capture(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    out: { type: 'string' },
    filter: { type: 'string', default: '' },
    snaplen: { type: 'string', default: '1600' },
    count: { type: 'string', default: '10000' },
    size: { type: 'string', default: '8192' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    socket: { type: 'string', default: localSocketPath },
  });
  const [name, ...more] = positionals;
  const { out } = values;
  if (name === undefined || more.length > 0 || out === undefined)
    throw new UsageError('capture takes one LINK and --out FILE');
  const filter = parsePacketFilter(values.filter);
  if (!filter.ok) throw new UsageError(`--filter: ${filter.problem}`);
  const [from, to] = limits.snapLength;
  const bounds = {
    snapLength: readNumber('--snaplen', values.snaplen, { from, to }),
    count: readNumber('--count', values.count, { from: 1, to: 1_000_000 }),
    size: readNumber('--size', values.size, { from: 1, to: 262_144 }) * 1024,
    rate: readNumber('--rate', values.rate, { from: 1, to: 100_000 }),
    seconds: readNumber('--seconds', values.seconds, { from: 1, to: 86_400 }),
  };
  const link = await linkOf(name, values);
  if (link === null) return notKnown;
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  let begun = false;
  try {
    const record = await startRecord(
      link,
      { ...bounds, filter: filter.value, signal: interrupt.signal },
      {
        openLink: openPacketSocket,
        createFile: () => createCapture(out),
        now: () => performance.timeOrigin + performance.now(),
      },
    );
    begun = true;
    const result = await record.ended;
    if (values.json) printJson({ link, file: out, ...result });
    else say(resultText(out, result));
    return 0;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse(
      values,
      begun
        ? `it ended early: ${reason}; ${out} has what was written before`
        : `nothing was captured: ${reason}`,
    );
  }
}

/** The kernel's name of a link, null where there is none; that is said already. */
async function linkOf(
  name: string,
  values: { readonly json?: boolean | undefined; readonly socket: string },
): Promise<string | null> {
  if (name === 'tunnel') return overlayDevice;
  if (hasLink(name)) return name;
  const status = await askBox<Status>(values, '/api/v1/status');
  if (status === null) return null;
  const found = status.network.interfaces.find((port) => port.name === name);
  if (found !== undefined) return found.kernelName;
  refuse(values, `there is no port or link ${name}`);
  return null;
}

function resultText(
  file: string,
  { ended, written, filtered, overRate, dropped, octets }: RecordResult,
): string {
  const left = `${filtered} not wanted, ${overRate} over the rate, ${dropped} dropped by the kernel`;
  const why = {
    count: 'all frames asked for',
    size: 'the file is full',
    time: 'time is up',
    stopped: 'interrupted',
  };
  return `${file}: ${written} frames, ${octets} octets; ${left}; ${why[ended]}\n`;
}

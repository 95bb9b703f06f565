import { hipUdpPort } from '../hip/framing.ts';
import { formatHipUri } from '../hip/hip-uri.ts';
import { formatHit, type HostIdentityTag, parseHit } from '../hip/host-identity-tag.ts';
import { OpenResponder, type ResponderEvent } from '../netd/overlay/open-responder.ts';
import {
  openDiagnosticPorts,
  ownAddresses,
  signerInFile,
  throwAwaySigner,
} from '../system/diagnostic-system.ts';
import { keyLogFile } from '../system/key-log-file.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { complain, print } from './output.ts';

/** Harder puzzles than an initiator of ours solves are for trying that out. */
const mostDifficult = 24;

const help = `Usage: hithe hip respond [--port N] [--identity FILE] [--peer HIT]... [--difficulty K]
                         [--once] [--raw] [--key-log FILE] [--json]

Answers base exchanges (RFC 7401) and what follows them (UPDATE, CLOSE) until it is stopped,
and tells of every step. Nothing is put into the kernel: no tunnel is made. Anybody is
answered unless --peer says who; it is for trying things out.

  --port N         UDP port; ${hipUdpPort} unless given, 0 for any that is free
  --identity FILE  an ECDSA P-256 key in PEM, made if there is no such file;
                   unless given, one that is forgotten afterwards
  --peer HIT       answer this initiator alone; may stand several times
  --difficulty K   bits of the puzzle in quiet times, 0 to ${mostDifficult}; 0 unless given
  --once           end when the first association has ended
  --raw            IP protocol 139 too; takes root
  --key-log FILE   append the ESP keys for Wireshark's esp_sa table: secrets
  --json           a JSON object a line

Events, each with "time":
  listening    "hit", "port", "uri" for probes, "uris" one for each address
  received     "packet", "peer", "from", "length"
  sent         "packet", "peer", "to", "length"
  dropped      "from"|null, "peer"|null, "reason"
  established  "peer", "locator", "espSuite", "inboundSpi", "outboundSpi", "rekeys",
               "keysFingerprint", the same at both ends
  ended        "peer", "reason"
  suppressed   "count": more events came in a second than are told
  stopped      "datagrams": { "notHip", "badChecksum" } that were no HIP packets

SIGINT and SIGTERM end it: the peers get a CLOSE. Exit status: 0 when it was ended, 1 when
it could not start, 2 for wrong use.
`;

export const respondVerb = { help, run };

type Event =
  | ResponderEvent
  | { event: 'listening'; hit: string; port: number; uri: string; uris: readonly string[] }
  | { event: 'stopped'; datagrams: { notHip: number; badChecksum: number } };

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    raw: { type: 'boolean' },
    once: { type: 'boolean' },
    port: { type: 'string', default: String(hipUdpPort) },
    difficulty: { type: 'string', default: '0' },
    identity: { type: 'string' },
    peer: { type: 'string', multiple: true },
    'key-log': { type: 'string' },
  });
  if (positionals.length > 0) throw new UsageError(`hip respond takes options alone, not ${positionals[0]}`);
  const wantedPort = readNumber('--port', values.port, { from: 0, to: 65_535 });
  const difficulty = readNumber('--difficulty', values.difficulty, { from: 0, to: mostDifficult });
  const peers = values.peer?.map(readHit);
  const tell = (event: Event) => {
    const time = new Date().toISOString();
    void print(values.json ? `${JSON.stringify({ time, ...event })}\n` : eventText(time, event));
  };
  const stopped = Promise.withResolvers<void>();
  try {
    const signer = values.identity === undefined ? throwAwaySigner() : signerInFile(values.identity);
    const keyLog = values['key-log'] === undefined ? undefined : keyLogFile(values['key-log']).append;
    // A file that cannot be written is said before any exchange.
    keyLog?.('');
    const { ports, port } = await openDiagnosticPorts(signer, wantedPort);
    if (values.raw) await ports.socket.useRaw(true);
    const responder = new OpenResponder(ports, {
      ...{ peers, difficulty, keyLog },
      onEvent(event) {
        tell(event);
        if (values.once && event.event === 'ended') stopped.resolve();
      },
    });
    await responder.start();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve());
    const uris = ownAddresses().map((host) => formatHipUri({ host, port, hit: responder.hit }));
    const [uri = formatHipUri({ host: '127.0.0.1', port, hit: responder.hit })] = uris;
    tell({ event: 'listening', hit: formatHit(responder.hit), port, uri, uris });
    await stopped.promise;
    await responder.close();
    tell({ event: 'stopped', datagrams: ports.socket.dropped() });
    await ports.socket.close();
    return 0;
  } catch (error) {
    // What the system refuses: a port, a file, raw sockets.
    complain(`hithe: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function readHit(text: string): HostIdentityTag {
  const hit = parseHit(text);
  if (hit === undefined) throw new UsageError(`--peer takes a HIT (2001:20::/28), not ${text}`);
  return hit;
}

function eventText(time: string, event: Event): string {
  switch (event.event) {
    case 'listening':
      return `${event.uris.length === 0 ? event.uri : event.uris.join('\n')}\n`;
    case 'received':
      return `${time}  ${event.packet} received  from ${event.from}, ${event.peer}, ${event.length} octets\n`;
    case 'sent':
      return `${time}  ${event.packet} sent  to ${event.to}, ${event.peer}, ${event.length} octets\n`;
    case 'dropped':
      return `${time}  dropped  ${[event.from, event.peer, event.reason].filter((part) => part !== null).join(', ')}\n`;
    case 'established': {
      const { peer, espSuite, inboundSpi, outboundSpi, keysFingerprint, rekeys } = event;
      const what = rekeys === 0 ? 'established' : `rekeyed (${rekeys})`;
      return `${time}  ${what}  ${peer}, ${espSuite}, SPI in ${inboundSpi} out ${outboundSpi}, keys ${keysFingerprint}\n`;
    }
    case 'ended':
      return `${time}  ended  ${event.peer}, ${event.reason}\n`;
    case 'suppressed':
      return `${time}  ${event.count} more events\n`;
    case 'stopped':
      return `${time}  stopped; ${event.datagrams.notHip} datagrams were not HIP, ${event.datagrams.badChecksum} had a bad checksum\n`;
  }
}

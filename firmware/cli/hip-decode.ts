import { createReadStream, existsSync } from 'node:fs';
import { type DecodeError, describeDecodeError } from '../bytes/decode.ts';
import { readCapture } from '../capture/capture.ts';
import type { CaptureItem } from '../capture/capture-item.ts';
import { type CapturedPacket, describeFrame } from '../capture/describe-frame.ts';
import { OctetStream } from '../capture/octet-stream.ts';
import { describePacket, formatDescription, packetOctets } from '../hip/describe.ts';
import { hipUdpPort } from '../hip/framing.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { complain, print, printJson } from './output.ts';

const help = `Usage: hithe hip decode FILE|HEX|- [--port N]... [--json]

Says what HIP packets say. FILE holds one packet (HIP alone, a UDP payload with its zero
marker, or an IP datagram; octets or hexadecimal text) or is a capture: pcap or pcapng of
either byte order with Ethernet (VLAN tags too), Linux cooked v1 or v2, BSD loopback or raw
IP. - reads standard input. Captures are read as a stream and may be of any size.

  --port N   another UDP port of HIP and ESP beside ${hipUdpPort}; may stand several times
  --json     one JSON document

JSON for one packet:
  { "ok": true, "framing": "udp"|"raw", "addresses": { "source", "destination" }|null,
    "packet": "I1"…, "sender", "receiver", "controls", "length",
    "checksum": { "value": "0x0000", "verdict" }, "parameters": [ … ] }
  { "ok": false, "error": { "path", "offset", "problem" } }
  verdict is good, bad, zero-as-over-udp, not-zero-over-udp or unknown-without-addresses.
  A parameter is { "type", "name", "critical", "section", "offset", "fields" }; octets are
  hexadecimal, 64-bit numbers decimal text. Offsets count from the HIP packet's first octet,
  in errors from the first octet of what the path names first.

JSON for a capture:
  { "packets": [ … ], "counts": { "frames", "hip", "notDecoded", "esp", "keepalives",
    "fragments", "damaged", "others" }, "error": … where the file is broken }
  Every packet has "kind", "number" (of its frame, from 1) and "time" (ISO 8601 or null), and
  but for damaged ones "framing", "source", "destination", "sourcePort", "destinationPort"
  and "length":
    hip        "ok": true and what one packet has, or "ok": false, "checksum", "error"
    esp        "spi", "sequence"
    keepalive  the octet of ones of RFC 3948
    fragment   "protocol", "fragment": { "identification", "offset", "more" }; not decoded
    damaged    "ok": false, "error": cut off or broken below HIP
  Frames of anything else are counted as others.

Exit status: 0 when it was read to its end, 1 when it could not be, 2 for wrong use.
`;

/** The longest input that is taken for one packet: hexadecimal text of an IP datagram with any white space. */
const longestPacketInput = 1 << 20;

export const decodeVerb = { help, run: decode };

async function decode(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    port: { type: 'string', multiple: true },
  });
  const [input, ...more] = positionals;
  if (input === undefined || more.length > 0)
    throw new UsageError('hip decode takes one file, - or hexadecimal');
  const ports = [
    hipUdpPort,
    ...(values.port ?? []).map((text) => readNumber('--port', text, { from: 1, to: 65_535 })),
  ];
  const json = values.json === true;
  if (input !== '-' && !existsSync(input)) return decodeOne(packetOctets(input), json);
  const source = input === '-' ? process.stdin : createReadStream(input);
  const stream = new OctetStream(source);
  try {
    const capture = await readCapture(stream);
    if (capture !== undefined) return await (json ? jsonOfCapture : textOfCapture)(capture, ports);
    const octets = await stream.peek(longestPacketInput + 1);
    if (octets.length <= longestPacketInput) return await decodeOne(packetOctets(octets), json);
    return refuse({ path: 'input', offset: 0, problem: 'is neither a capture nor one packet' }, json);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    return refuse({ path: input, offset: stream.offset, problem: error.message }, json);
  } finally {
    source.destroy();
  }
}

async function decodeOne(octets: Uint8Array, json: boolean): Promise<number> {
  if (octets.length === 0)
    return refuse({ path: 'input', offset: 0, problem: 'is neither a file nor hexadecimal' }, json);
  const described = describePacket(octets);
  if (!described.ok) return refuse(described.error, json);
  if (json) printJson({ ok: true, ...described.value });
  else await print(formatDescription(described.value));
  return 0;
}

function refuse(error: DecodeError, json: boolean): number {
  if (json) printJson({ ok: false, error });
  else complain(`hithe: not a HIP packet: ${describeDecodeError(error)}\n`);
  return 1;
}

type Counts = Record<
  'frames' | 'hip' | 'notDecoded' | 'esp' | 'keepalives' | 'fragments' | 'damaged' | 'others',
  number
>;

function count(counts: Counts, packet: CapturedPacket | null): void {
  counts.frames++;
  switch (packet?.kind) {
    case undefined:
      counts.others++;
      break;
    case 'hip':
      counts.hip++;
      if (!packet.ok) counts.notDecoded++;
      break;
    case 'esp':
      counts.esp++;
      break;
    case 'keepalive':
      counts.keepalives++;
      break;
    case 'fragment':
      counts.fragments++;
      break;
    case 'damaged':
      counts.damaged++;
      break;
  }
}

type CaptureSummary = { readonly counts: Counts; readonly error: DecodeError | undefined };

/** Hands every HIP or ESP packet on, and returns what there was. */
async function walk(
  capture: AsyncGenerator<CaptureItem>,
  ports: readonly number[],
  onPacket: (packet: CapturedPacket) => Promise<void>,
): Promise<CaptureSummary> {
  const counts: Counts = {
    ...{ frames: 0, hip: 0, notDecoded: 0, esp: 0 },
    ...{ keepalives: 0, fragments: 0, damaged: 0, others: 0 },
  };
  for await (const item of capture) {
    if (item.type === 'broken') return { counts, error: item.error };
    const packet = describeFrame(item.frame, ports);
    count(counts, packet);
    if (packet !== null) await onPacket(packet);
  }
  return { counts, error: undefined };
}

async function jsonOfCapture(
  capture: AsyncGenerator<CaptureItem>,
  ports: readonly number[],
): Promise<number> {
  let separator = '\n';
  await print('{\n  "packets": [');
  const { counts, error } = await walk(capture, ports, async (packet) => {
    await print(`${separator}    ${JSON.stringify(packet)}`);
    separator = ',\n';
  });
  const end = error === undefined ? '' : `,\n  "error": ${JSON.stringify(error)}`;
  await print(`\n  ],\n  "counts": ${JSON.stringify(counts)}${end}\n}\n`);
  return error === undefined ? 0 : 1;
}

async function textOfCapture(
  capture: AsyncGenerator<CaptureItem>,
  ports: readonly number[],
): Promise<number> {
  const { counts, error } = await walk(capture, ports, (packet) => print(packetText(packet)));
  const { frames, hip, notDecoded, esp, keepalives, fragments, damaged, others } = counts;
  await print(
    `${frames} frames: ${hip} HIP${notDecoded > 0 ? ` (${notDecoded} not decoded)` : ''}, ${esp} ESP, ` +
      `${keepalives} keepalives, ${fragments} fragments, ${damaged} damaged, ${others} others\n`,
  );
  if (error === undefined) return 0;
  complain(`hithe: the capture is broken: ${describeDecodeError(error)}\n`);
  return 1;
}

function packetText(packet: CapturedPacket): string {
  const head = `#${packet.number}  ${packet.time ?? 'no time'}`;
  if (packet.kind === 'damaged') return `${head}  damaged: ${describeDecodeError(packet.error)}\n`;
  return `${head}  ${wholePacketText(packet)}`;
}

function wholePacketText(packet: Exclude<CapturedPacket, { kind: 'damaged' }>): string {
  const { source, destination, sourcePort, destinationPort, framing, length } = packet;
  const line = `${end(source, sourcePort)} → ${end(destination, destinationPort)}`;
  switch (packet.kind) {
    case 'hip': {
      if (packet.ok) {
        const { sender, receiver, controls, checksum, parameters } = packet;
        const fields = { packet: packet.packet, sender, receiver, controls, checksum, parameters };
        return `${line}\n${formatDescription({ ...fields, framing, addresses: null, length })}`;
      }
      const checksum = packet.checksum === null ? '' : `, checksum ${packet.checksum.verdict}`;
      return `${line}  not HIP: ${describeDecodeError(packet.error)}${checksum}\n`;
    }
    case 'esp':
      return `${line}  ESP ${packet.spi}, sequence ${packet.sequence}, ${length} octets\n`;
    case 'keepalive':
      return `${line}  NAT keepalive\n`;
    case 'fragment': {
      const { identification, offset, more } = packet.fragment;
      return `${line}  fragment of protocol ${packet.protocol}, ${identification}: ${length} octets at ${offset}${more ? '' : ', the last'}\n`;
    }
  }
}

function end(address: string, port: number | null): string {
  if (port === null) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

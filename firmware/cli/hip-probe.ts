import { parseHipUri } from '../hip/hip-uri.ts';
import { formatHit } from '../hip/host-identity-tag.ts';
import { ownIdentity } from '../hip/own-identity.ts';
import { type ProbeResult, type ProbeStep, probe } from '../netd/overlay/probe.ts';
import { openDiagnosticPorts, signerInFile, throwAwaySigner } from '../system/diagnostic-system.ts';
import { keyLogFile } from '../system/key-log-file.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { complain, print, printJson, say } from './output.ts';

const help = `Usage: hithe hip probe HIP-URI [--count N] [--timeout SECONDS] [--identity FILE] [--raw]
                       [--key-log FILE] [--json]

Runs a base exchange (RFC 7401) with hip://host:port/HIT as initiator, shows its steps and
how long they took, and closes the association. Nothing is put into the kernel. A gateway
answers only HITs that its settings name: let it know the HIT of --identity, or probe
hithe hip respond.

  --count N          exchanges one after the other; 1 unless given, at most 1000
  --timeout SECONDS  of one exchange; 5 unless given
  --identity FILE    an ECDSA P-256 key in PEM, made if there is no such file;
                     unless given, one that is forgotten afterwards
  --raw              IP protocol 139 in place of UDP; takes root
  --key-log FILE     append the ESP keys for Wireshark's esp_sa table: secrets
  --json             one JSON document

JSON:
  { "uri", "hit", "probes": [ { "reached", "reason", "locator", "steps": [ { "atMs", "step",
    "detail" } ], "timings": { "resolveMs", "i1ToR1Ms", "signatureCheckMs", "puzzleMs",
    "diffieHellmanMs", "signMs", "i2ToR2Ms", "exchangeMs", "closeMs" },
    "puzzle": { "difficulty", "hashes" }|null, "offered": { … }, "negotiated": { … },
    "keysFingerprint", "closed" } ], "reached": N }
  Both ends of an association show the same fingerprint of its keys.

Exit status: 0 when every exchange was reached, 1 when one was not, 2 for wrong use.
`;

export const probeVerb = { help, run };

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    raw: { type: 'boolean' },
    count: { type: 'string', default: '1' },
    timeout: { type: 'string', default: '5' },
    identity: { type: 'string' },
    'key-log': { type: 'string' },
  });
  const [text, ...more] = positionals;
  if (text === undefined || more.length > 0) throw new UsageError('hip probe takes one hip://host:port/HIT');
  const uri = parseHipUri(text);
  if (!uri.ok) throw new UsageError(`${text}: ${uri.error}`);
  const count = readNumber('--count', values.count, { from: 1, to: 1000 });
  const timeoutMs = readNumber('--timeout', values.timeout, { from: 1, to: 3600 }) * 1000;
  const json = values.json === true;
  try {
    const signer = values.identity === undefined ? throwAwaySigner() : signerInFile(values.identity);
    const keyLog = values['key-log'] === undefined ? {} : { keyLog: keyLogFile(values['key-log']).append };
    // A file that cannot be written is said before any exchange.
    keyLog.keyLog?.('');
    const results: ProbeResult[] = [];
    let hit = '';
    for (let turn = 0; turn < count; turn++) {
      // A socket of its own, so that a late answer to one probe is not taken for the next one's.
      const { ports } = await openDiagnosticPorts(signer, 0);
      hit = formatHit(ownIdentity(signer.identity, ports.crypto).hit);
      if (turn === 0 && !json) await print(`${text} from ${hit}\n`);
      const { host, port } = uri.value;
      try {
        if (values.raw) await ports.socket.useRaw(true);
        const result = await probe(
          {
            ...{ peer: uri.value.hit, place: { host, port: values.raw ? null : port }, timeoutMs },
            ...(json ? {} : { onStep: printStep }),
            ...keyLog,
          },
          ports,
        );
        results.push(result);
        if (!json) await print(resultText(result));
      } finally {
        await ports.socket.close();
      }
    }
    const reached = results.filter((result) => result.reached).length;
    if (json) printJson({ uri: text, hit, probes: results, reached });
    else if (count > 1) await print(summary(results));
    return reached === count ? 0 : 1;
  } catch (error) {
    // What the system refuses: a file, a port, raw sockets.
    const reason = error instanceof Error ? error.message : String(error);
    if (json) printJson({ uri: text, error: reason });
    else complain(`hithe: ${reason}\n`);
    return 1;
  }
}

function printStep({ atMs, step, detail }: ProbeStep): void {
  say(`${atMs.toFixed(1).padStart(9)} ms  ${step.padEnd(18)} ${detail}\n`);
}

function resultText({ reached, reason, timings, puzzle, closed, keysFingerprint }: ProbeResult): string {
  if (!reached) return `not reached: ${reason}\n`;
  const parts = [
    `I1 to R1 ${shownMs(timings.i1ToR1Ms)}`,
    `signature ${shownMs(timings.signatureCheckMs)}`,
    `puzzle of ${puzzle?.difficulty ?? 0} bits ${shownMs(timings.puzzleMs)}`,
    `Diffie-Hellman ${shownMs(timings.diffieHellmanMs)}`,
    `signing ${shownMs(timings.signMs)}`,
    `I2 to R2 ${shownMs(timings.i2ToR2Ms)}`,
  ];
  return (
    `reached in ${shownMs(timings.exchangeMs)}: ${parts.join(', ')}\n` +
    `keys ${keysFingerprint}, ${closed ? 'closed' : 'the CLOSE was not acknowledged'}\n`
  );
}

function summary(results: readonly ProbeResult[]): string {
  const times = results
    .flatMap(({ reached, timings }) => (reached && timings.exchangeMs !== null ? [timings.exchangeMs] : []))
    .toSorted((left, right) => left - right);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? null;
  return `${times.length} of ${results.length} reached; exchange at best ${shownMs(at(0))}, median ${shownMs(at(0.5))}, at worst ${shownMs(at(1))}\n`;
}

function shownMs(value: number | null): string {
  return value === null ? '–' : `${value.toFixed(1)} ms`;
}

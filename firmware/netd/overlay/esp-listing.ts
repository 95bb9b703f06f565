/** A security association as the kernel counts it. Octets are those inside ESP's header, without its trailer. */
export type EspCounters = {
  readonly spi: number;
  /** The peer's mark. */
  readonly mark: number;
  readonly source: string;
  readonly destination: string;
  /** The sequence number that was sent last. */
  readonly sentSequence: bigint;
  readonly bytes: number;
  readonly packets: number;
  /** Packets older than the replay window, packets that had come before, and packets that failed authentication. */
  readonly tooOld: number;
  readonly replayed: number;
  readonly forged: number;
};

const start = /^src (\S+) dst (\S+)\\/;
const identity = /\\\tproto esp spi 0x([0-9a-f]+)\(\d+\) reqid (\d+)\(/;
const sequence = /oseq-hi 0x([0-9a-f]+), oseq 0x([0-9a-f]+)/;
const current = /\\\tlifetime current:\\\t\s*(\d+)\(bytes\), (\d+)\(packets\)/;
const errors = /replay-window (\d+) replay (\d+) failed (\d+)\\/;

/**
 * Reads `ip -s -o xfrm state list nokeys`: a line per security association whose parts a backslash separates. Lines of
 * other forms, such as what waits for an association, are passed over.
 */
export function parseEspListing(text: string): readonly EspCounters[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): EspCounters | undefined {
  const [, source, destination] = start.exec(line) ?? [];
  const [, spi, mark] = identity.exec(line) ?? [];
  const [, bytes, packets] = current.exec(line) ?? [];
  if (source === undefined || destination === undefined || spi === undefined || bytes === undefined)
    return undefined;
  const [, high = '0', low = '0'] = sequence.exec(line) ?? [];
  const [, tooOld, replayed, forged] = errors.exec(line) ?? [];
  return {
    spi: Number.parseInt(spi, 16),
    mark: Number(mark),
    source,
    destination,
    sentSequence: (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`),
    bytes: Number(bytes),
    packets: Number(packets),
    tooOld: Number(tooOld ?? 0),
    replayed: Number(replayed ?? 0),
    forged: Number(forged ?? 0),
  };
}

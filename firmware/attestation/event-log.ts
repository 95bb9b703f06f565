import { type DecodeError, decode } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { hashById } from '../tpm/constants.ts';
import { eventType } from './event-types.ts';
import { limits } from './limits.ts';

/**
 * A digest algorithm of a log: its TPM_ALG_ID, its name (`sha256`; a number in hexadecimal where there is none) and the
 * octets of a digest, as the log's header says.
 */
export type LogAlgorithm = { readonly id: number; readonly name: string; readonly digestSize: number };

/** One entry of the log as it stands there. Only the digests are what a TPM can vouch for: type and data are hearsay. */
export type BootEvent = {
  /** Counted from 0 over the whole log, the header's event too. */
  readonly index: number;
  /** Octets from the log's start. */
  readonly offset: number;
  readonly pcr: number;
  /** The number behind EV_…; `eventTypeName` names it. */
  readonly type: number;
  /** By algorithm name, in the header's order. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  readonly data: Uint8Array;
};

export type BootLog = {
  /** `sha1` is the form of TPM 1.2 (TCG_PCR_EVENT), which some firmware still writes beside a TPM 2.0. */
  readonly format: 'crypto-agile' | 'sha1';
  readonly algorithms: readonly LogAlgorithm[];
  readonly events: readonly BootEvent[];
  /** The locality from which the TPM was started, which PCR 0 begins with; null where no event tells. */
  readonly startupLocality: number | null;
  /** Why reading ended before the log's end; what came before it stands above. Null for a log that was read whole. */
  readonly error: DecodeError | null;
};

const sha1: LogAlgorithm = { id: 0x0004, name: 'sha1', digestSize: 20 };

/** TCG_EfiSpecIDEvent.signature of the crypto-agile form (PC Client Platform Firmware Profile §10.4.5.1). */
const agileSignature = 'Spec ID Event03\0';
/** TCG_EfiStartupLocalityEvent.signature (§10.4.5.3). */
const localitySignature = 'StartupLocality\0';

type Progress = {
  format: BootLog['format'];
  algorithms: readonly LogAlgorithm[];
  events: BootEvent[];
  startupLocality: number | null;
};

/**
 * Reads a TCG event log: the crypto-agile form, or that of TPM 1.2 with SHA-1 alone (TCG PC Client Platform Firmware
 * Profile §10). Never throws on any octets: an error ends the reading, and what was read before it is handed out with it.
 */
export function parseEventLog(octets: Uint8Array): BootLog {
  const progress: Progress = { format: 'sha1', algorithms: [sha1], events: [], startupLocality: null };
  const read = octets.subarray(0, limits.logSize);
  const result = decode(() => readLog(new Reader(read), read, progress));
  if (octets.length > read.length) {
    const problem = `${octets.length} octets or more, the first ${limits.logSize} are read`;
    return { ...progress, error: { path: 'log', offset: limits.logSize, problem } };
  }
  return { ...progress, error: result.ok ? null : result.error };
}

function readLog(reader: Reader, octets: Uint8Array, progress: Progress): void {
  if (octets.length === 0) reader.fail('the log is empty', 'log');
  const first = readSha1Event(reader, 0);
  const agile = first.type === eventType.noAction && startsWith(first.data, agileSignature);
  if (agile) {
    progress.format = 'crypto-agile';
    progress.algorithms = readSpecId(
      new Reader(first.data, 'events[0].specId', reader.offset - first.data.length),
    );
    // The header's event is in the old form and carries no digests that count.
    progress.events.push({ ...first, digests: new Map() });
  } else {
    take(progress, first, reader);
  }
  while (reader.remaining > 0 && !isUnused(octets.subarray(reader.offset))) {
    const index = progress.events.length;
    if (index >= limits.events) reader.fail(`more than ${limits.events} events`, `events[${index}]`);
    const event = agile ? readAgileEvent(reader, index, progress.algorithms) : readSha1Event(reader, index);
    take(progress, event, reader);
  }
}

/** Adds an event, and notes from which locality the TPM was started: that must stand before PCR 0 is first extended. */
function take(progress: Progress, event: BootEvent, reader: Reader): void {
  if (event.type === eventType.noAction && startsWith(event.data, localitySignature)) {
    const field = `events[${event.index}].startupLocality`;
    const locality = event.data[localitySignature.length];
    if (locality === undefined || event.data.length !== localitySignature.length + 1)
      reader.fail(`${event.data.length} octets, expected 17`, field, event.offset);
    if (locality !== 0 && locality !== 3 && locality !== 4)
      reader.fail(`a TPM is not started from locality ${locality}`, field, event.offset);
    const extended = progress.events.some(({ pcr, type }) => pcr === 0 && type !== eventType.noAction);
    if (progress.startupLocality !== null || extended)
      reader.fail('told a second time, or after PCR 0 was extended', field, event.offset);
    progress.startupLocality = locality;
  }
  progress.events.push(event);
}

/** TCG_PCR_EVENT: PCR, type, SHA-1 digest, data. */
function readSha1Event(reader: Reader, index: number): BootEvent {
  const path = `events[${index}]`;
  const { offset } = reader;
  const pcr = readPcr(reader, path);
  const type = reader.u32le(`${path}.eventType`);
  checkPcr(reader, pcr, type, path, offset);
  const digests = new Map([[sha1.name, reader.bytes(sha1.digestSize, `${path}.digest`)]]);
  return { index, offset, pcr, type, digests, data: readData(reader, path) };
}

/** TCG_PCR_EVENT2: PCR, type, one digest for each algorithm that the header names, data. */
function readAgileEvent(reader: Reader, index: number, algorithms: readonly LogAlgorithm[]): BootEvent {
  const path = `events[${index}]`;
  const { offset } = reader;
  const pcr = readPcr(reader, path);
  const type = reader.u32le(`${path}.eventType`);
  checkPcr(reader, pcr, type, path, offset);
  const countOffset = reader.offset;
  const count = reader.u32le(`${path}.digests.count`);
  if (count !== algorithms.length) {
    const problem = `${count} digests, the header names ${algorithms.length} algorithms`;
    reader.fail(problem, `${path}.digests.count`, countOffset);
  }
  const found = new Map<string, Uint8Array>();
  for (let position = 0; position < count; position++) {
    const field = `${path}.digests[${position}]`;
    const idOffset = reader.offset;
    const id = reader.u16le(`${field}.hashAlg`);
    const algorithm = algorithms.find((known) => known.id === id);
    if (algorithm === undefined) {
      const problem = `algorithm 0x${id.toString(16).padStart(4, '0')}, which the header does not name`;
      reader.fail(problem, `${field}.hashAlg`, idOffset);
    }
    if (found.has(algorithm.name)) reader.fail(`${algorithm.name} twice`, `${field}.hashAlg`, idOffset);
    found.set(algorithm.name, reader.bytes(algorithm.digestSize, `${field}.digest`));
  }
  const digests = new Map(algorithms.map(({ name }) => [name, found.get(name) ?? new Uint8Array()]));
  return { index, offset, pcr, type, digests, data: readData(reader, path) };
}

const readPcr = (reader: Reader, path: string) => reader.u32le(`${path}.pcrIndex`);

/** An event that extends nothing may name any PCR: some firmware writes 0xffffffff there. */
function checkPcr(reader: Reader, pcr: number, type: number, path: string, offset: number): void {
  if (pcr >= limits.pcrs && type !== eventType.noAction)
    reader.fail(`there is no PCR ${pcr}`, `${path}.pcrIndex`, offset);
}

function readData(reader: Reader, path: string): Uint8Array {
  return reader.bytes(reader.u32le(`${path}.eventSize`), `${path}.event`);
}

/** The algorithms of TCG_EfiSpecIDEvent (§10.4.5.1), each once, with the digest size that its name stands for. */
function readSpecId(reader: Reader): LogAlgorithm[] {
  reader.bytes(agileSignature.length, 'signature');
  reader.u32le('platformClass');
  for (const field of ['specVersionMinor', 'specVersionMajor', 'specErrata', 'uintnSize']) reader.u8(field);
  const count = reader.u32le('numberOfAlgorithms');
  if (count === 0 || count > limits.algorithms)
    reader.fail(`${count} algorithms, between 1 and ${limits.algorithms} are read`, 'numberOfAlgorithms');
  const algorithms: LogAlgorithm[] = [];
  for (let position = 0; position < count; position++) {
    const field = `digestSizes[${position}]`;
    const id = reader.u16le(`${field}.algorithmId`);
    const digestSize = reader.u16le(`${field}.digestSize`);
    const known = hashById(id);
    if (known !== undefined && known.digestSize !== digestSize)
      reader.fail(`${known.name} with ${digestSize} octets`, `${field}.digestSize`);
    if (algorithms.some((other) => other.id === id)) reader.fail('named twice', `${field}.algorithmId`);
    algorithms.push({ id, name: known?.name ?? `0x${id.toString(16).padStart(4, '0')}`, digestSize });
  }
  reader.bytes(reader.u8('vendorInfoSize'), 'vendorInfo');
  return algorithms;
}

export function startsWith(data: Uint8Array, text: string): boolean {
  if (data.length < text.length) return false;
  for (let index = 0; index < text.length; index++) if (data[index] !== text.charCodeAt(index)) return false;
  return true;
}

/** The rest of the area that the firmware keeps for the log, as it was before: all zeros, or all ones as in flash. */
function isUnused(rest: Uint8Array): boolean {
  const [first] = rest;
  return (first === 0 || first === 0xff) && rest.every((octet) => octet === first);
}

import { concatBytes, equalBytes, fromHex, toHex } from '../bytes/bytes.ts';
import { hashByName } from '../tpm/constants.ts';
import { bootFindings } from './boot-policy.ts';
import { parseEventLog } from './event-log.ts';
import { eventType } from './event-types.ts';
import { attestedBank, attestedPcrs, runtimePcr } from './measured-pcrs.ts';
import type { ReferenceValues } from './reference-values.ts';
import { type Digest, replayEventLog } from './replay.ts';
import { newestMeasurement, type RuntimeRecord, replayRuntimeLog } from './runtime-log.ts';
import { runtimeFindings } from './state-checks.ts';
import { type Finding, finding } from './verdict.ts';

export const chainLinks = ['firmware', 'loader', 'image', 'bundle', 'settings'] as const;

/**
 * One step of the boot: what a release expects of it and what was measured, SHA-256 in hexadecimal. Of the loader and the
 * bundle these are hashes of the program, of the image PCR 11, of the settings the hash of what is in force, and of the
 * firmware PCR 0. `expected` is null where no release is there, or where the step is the machine's or its owner's own.
 */
export type ChainLink = {
  readonly name: (typeof chainLinks)[number];
  /** The registers that speak of it. */
  readonly pcrs: readonly number[];
  readonly comparison: 'same' | 'different' | 'unknown';
  readonly expected: string | null;
  readonly actual: string | null;
  /** What tells against it, in the order in which it was measured. */
  readonly problems: readonly Pick<Finding, 'problem' | 'pcr' | 'event' | 'expected' | 'actual'>[];
};

type MeasuredMachine = {
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly bootLog: Uint8Array;
  readonly runtimeLog: readonly RuntimeRecord[];
};

const firmwarePcrs = [0, 1, 2, 3, 5, 6, 7];
const imagePcrs = [8, 9, 11, 12, 13, 14];

/** The boot of this machine step by step, for people: nothing here is a proof to anybody else. */
export function describeBootChain(
  { pcrs, bootLog, runtimeLog }: MeasuredMachine,
  reference: ReferenceValues | null,
  digest: Digest,
): ChainLink[] {
  const log = parseEventLog(bootLog);
  const replayed = replayEventLog(log, digest).get(attestedBank);
  const held = (index: number) => pcrs.get(index) ?? new Uint8Array();
  const unexplained = attestedPcrs.flatMap((pcr) => {
    const led =
      pcr === runtimePcr
        ? replayRuntimeLog(runtimeLog, digest)
        : (replayed?.get(pcr) ?? new Uint8Array(hashByName(attestedBank).digestSize));
    if (equalBytes(led, held(pcr))) return [];
    const problem = 'the log does not lead to what the TPM holds';
    return [finding('event-log', problem, { pcr, expected: toHex(led), actual: toHex(held(pcr)) })];
  });
  const found = reference === null ? [] : bootFindings(log.events, reference, digest);
  const against = (wanted: (finding: Finding) => boolean) => [...found, ...unexplained].filter(wanted);

  const isOfImage = ({ pcr, expected }: Finding) =>
    imagePcrs.includes(pcr ?? -1) ||
    (pcr === 4 && (expected === reference?.kernelImage || expected === reference?.kernel));
  const ofLoader = against((one) => one.pcr === 4 && !isOfImage(one));
  const ofImage = against(isOfImage);
  // The first program in PCR 4; its type is the log's own word, which is good enough where nothing is compared.
  const started = log.events.find(({ pcr, type }) => pcr === 4 && type === eventType.bootServicesApplication);
  const loader =
    ofLoader[0]?.actual ?? (reference === null ? hex(started?.digests.get(attestedBank)) : reference.loader);

  const runtimeProblem = unexplained.filter(({ pcr }) => pcr === runtimePcr);
  const ofRuntime =
    reference === null
      ? runtimeProblem
      : runtimeFindings({ evidence: { runtimeLog, pcrs }, reference, ports: { cryptography: { digest } } });
  return [
    link('firmware', firmwarePcrs, null, hex(pcrs.get(0)), against(isIn(firmwarePcrs))),
    link('loader', [4], reference?.loader ?? null, loader, ofLoader),
    link(
      'image',
      [4, ...imagePcrs],
      reference && imageRegister(reference, digest),
      hex(pcrs.get(11)),
      ofImage,
    ),
    link(
      'bundle',
      [runtimePcr],
      reference?.bundle ?? null,
      newestMeasurement(runtimeLog, 'bundle'),
      ofRuntime,
    ),
    link('settings', [runtimePcr], null, newestMeasurement(runtimeLog, 'settings'), runtimeProblem),
  ];
}

function link(
  name: ChainLink['name'],
  pcrs: readonly number[],
  expected: string | null,
  actual: string | null,
  findings: readonly Finding[],
): ChainLink {
  const same = expected === null ? 'unknown' : 'same';
  return {
    ...{ name, pcrs, expected, actual },
    comparison: findings.length > 0 ? 'different' : same,
    problems: findings.map(({ problem, pcr, event, ...values }) => ({ problem, pcr, event, ...values })),
  };
}

function isIn(pcrs: readonly number[]): (finding: Finding) => boolean {
  return ({ pcr }) => pcr !== null && pcrs.includes(pcr);
}

function hex(octets: Uint8Array | undefined): string | null {
  return octets === undefined ? null : toHex(octets);
}

/** PCR 11 as the release's sections make it: of each its name with a NUL, then its content. */
function imageRegister({ sections }: ReferenceValues, digest: Digest): string {
  let value: Uint8Array = new Uint8Array(hashByName(attestedBank).digestSize);
  const extend = (measured: Uint8Array) => {
    value = digest(attestedBank, concatBytes(value, measured));
  };
  for (const { name, sha256 } of sections) {
    extend(
      digest(
        attestedBank,
        Uint8Array.from(`${name}\0`, (character) => character.charCodeAt(0)),
      ),
    );
    extend(fromHex(sha256) ?? new Uint8Array());
  }
  return toHex(value);
}

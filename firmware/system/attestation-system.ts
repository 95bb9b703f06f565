import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readNonce } from '../attestation/appraisal-record.ts';
import { describeBootChain } from '../attestation/boot-chain.ts';
import { answerChallenge, readEndorsements } from '../attestation/endorsement-keys.ts';
import { type EnrolmentChallenge, readChallenge } from '../attestation/enrolment.ts';
import { type Endorsement, type Evidence, writeEvidence } from '../attestation/evidence.ts';
import { collectEvidence } from '../attestation/evidence-collection.ts';
import { readJson } from '../attestation/json-fields.ts';
import { describeMeasuredBoot } from '../attestation/measured-boot.ts';
import { attestedBank } from '../attestation/measured-pcrs.ts';
import { type ReferenceValues, readReferenceValues } from '../attestation/reference-values.ts';
import { type RuntimeRecord, readRuntimeRecord } from '../attestation/runtime-log.ts';
import type { TpmAccess } from '../boot/tpm-status.ts';
import { toHex } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';
import { withOwnAttestationKey } from '../tpm/attestation-key.ts';
import { Tpm } from '../tpm/client.ts';
import type { TpmResult } from '../tpm/error.ts';
import type { Attestation } from '../webui/api/attestation-route.ts';
import { errorCode } from './error-code.ts';
import { tpmCryptography } from './tpm-cryptography.ts';
import { openTpmDevice } from './tpm-device.ts';
import { readReleaseKey } from './verifier.ts';

/** The log of the firmware that started this machine, as Linux hands it on. */
export const bootLogPath = '/sys/kernel/security/tpm0/binary_bios_measurements';

/** One CEL-JSON record a line. */
const runtimeLogName = 'runtime-measurements.jsonl';

/** The log of the runtime's measurements, in a folder that goes with a restart of the machine. */
export function openRuntimeLog(runFolder: string) {
  const path = join(runFolder, runtimeLogName);
  return {
    read: (): RuntimeRecord[] =>
      (readIfThere(path)?.toString('utf8') ?? '').split('\n').flatMap((line) => readRecord(line) ?? []),
    append: (record: RuntimeRecord) => appendFileSync(path, `${JSON.stringify(record)}\n`),
  };
}

/** undefined for a line that is none: the PCR tells that it is missing. */
function readRecord(line: string): RuntimeRecord | undefined {
  try {
    const record = readJson(JSON.parse(line), 'record', readRuntimeRecord);
    return record.ok ? record.value : undefined;
  } catch {
    return undefined;
  }
}

/** The boot's event log; empty where the firmware or the kernel has none. */
const readBootLog = (): Uint8Array => new Uint8Array(readIfThere(bootLogPath) ?? []);

export type Attester = {
  /** Evidence for one challenge; the problem is for a person. */
  collect(nonce: Uint8Array): Promise<Result<Evidence, string>>;
  /** The secret of an enrolment challenge. */
  answer(challenge: EnrolmentChallenge): Promise<Result<Uint8Array, string>>;
};

/** What a box says of itself. Its endorsement keys are read once: some chips take half a minute for that. */
export function openAttester({
  runFolder,
  openTpm = () => openTpmDevice(),
}: {
  readonly runFolder: string;
  readonly openTpm?: () => Promise<TpmAccess>;
}): Attester {
  const log = openRuntimeLog(runFolder);
  let endorsements: readonly Endorsement[] | undefined;
  const wait = async (milliseconds: number) => {
    await sleep(milliseconds);
  };
  const withTpm = async <Value>(
    use: (tpm: Tpm) => Promise<TpmResult<Value>>,
  ): Promise<Result<Value, string>> => {
    const opened = await openTpm();
    if (opened.state !== 'open') return { ok: false, error: `No evidence without a TPM: ${opened.reason}.` };
    try {
      const result = await use(new Tpm({ transmit: opened.transmit, wait }));
      return result.ok ? result : { ok: false, error: result.error.message };
    } finally {
      await opened.close().catch(() => undefined);
    }
  };
  return {
    collect: (nonce) =>
      withTpm(async (tpm) => {
        if (endorsements === undefined) {
          const read = await readEndorsements(tpm);
          if (!read.ok) return read;
          endorsements = read.value;
        }
        const sources = { cryptography: tpmCryptography, bootLog: readBootLog, runtimeLog: log.read, wait };
        return collectEvidence(tpm, nonce, { ...sources, endorsements });
      }),
    answer: (challenge) =>
      withTpm((tpm) =>
        withOwnAttestationKey(tpm, (key) => answerChallenge(tpm, tpmCryptography, key, challenge)),
      ),
  };
}

/** Where the manifest of the release that runs may be laid, with its signature, so that the box can show it beside what was measured. */
const manifestName = 'release-manifest.json';
/** As the loader handed it on from the kernel image. */
const releaseKeyName = 'tpm2-pcr-public-key.pem';

/** What the page's API says of the box itself. */
export function openAttestation({
  runFolder,
  stateFolder,
}: {
  readonly runFolder: string;
  readonly stateFolder: string;
}): Attestation {
  const attester = openAttester({ runFolder });
  return {
    async evidence(nonce) {
      const octets = readNonce(nonce);
      if (octets === undefined) return { ok: false, reason: 'This is no challenge.' };
      const collected = await attester.collect(octets);
      if (!collected.ok) return { ok: false, reason: collected.error };
      return { ok: true, document: writeEvidence(collected.value) };
    },
    async activate(challenge) {
      const asked = readChallenge(challenge);
      if (!asked.ok) return { ok: false, reason: `${asked.error.path} ${asked.error.problem}.` };
      const answer = await attester.answer(asked.value);
      return answer.ok ? { ok: true, secret: toHex(answer.value) } : { ok: false, reason: answer.error };
    },
    async measuredBoot() {
      const collected = await attester.collect(tpmCryptography.random(32));
      if (!collected.ok) return { ok: false, reason: collected.error };
      const reference = readOwnReference(runFolder, stateFolder);
      const pcrs = describeMeasuredBoot(collected.value, reference, tpmCryptography.digest);
      const chain = describeBootChain(collected.value, reference, tpmCryptography.digest);
      const release = reference && { version: reference.version, development: reference.development };
      return { ok: true, boot: { release, selfAppraisal: true, pcrBank: attestedBank, chain, pcrs } };
    },
  };
}

/** null where no manifest was laid on the box, or none that the key of its own kernel image signed. */
function readOwnReference(runFolder: string, stateFolder: string): ReferenceValues | null {
  const [manifest, signature, key] = [
    join(stateFolder, manifestName),
    join(stateFolder, `${manifestName}.sig`),
    join(runFolder, releaseKeyName),
  ].map(readIfThere);
  if (!manifest || !signature || !key) return null;
  try {
    const releaseKey = readReleaseKey(key.toString('utf8'));
    const read = readReferenceValues(
      new Uint8Array(manifest),
      new Uint8Array(signature),
      releaseKey,
      tpmCryptography.digest,
    );
    return read.ok ? read.value : null;
  } catch {
    return null;
  }
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

import {
  newestMeasurement,
  type RuntimeMeasurement,
  type RuntimeRecord,
  runtimeRecord,
} from '../attestation/runtime-log.ts';
import { fromHex } from '../bytes/bytes.ts';
import { Tpm } from '../tpm/client.ts';
import { getPcrBanks } from '../tpm/commands/capability.ts';
import { pcrExtend } from '../tpm/commands/pcr.ts';
import { type HashName, hashById, hashByName } from '../tpm/constants.ts';
import type { TpmCryptography } from '../tpm/crypto-port.ts';
import type { TpmResult } from '../tpm/error.ts';
import type { TpmAccess } from './tpm-status.ts';

export type RuntimeMeasurementPorts = {
  readonly openTpm: () => Promise<TpmAccess>;
  readonly cryptography: Pick<TpmCryptography, 'digest'>;
  readonly wait: (milliseconds: number) => Promise<void>;
  /** The log of this boot: it outlives the runtime, as the PCR does, and goes with a restart of the machine. */
  readonly log: {
    read(): readonly RuntimeRecord[];
    append(record: RuntimeRecord): void;
  };
};

/** Measures what the runtime is and what it works by into a PCR, and keeps the log of it. */
export class RuntimeMeasurements {
  readonly #ports: RuntimeMeasurementPorts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: RuntimeMeasurementPorts) {
    this.#ports = ports;
  }

  /**
   * Extends the PCR with what differs from the newest measurement of its subject; what was measured already stays as it
   * is, so that a runtime that is started again changes nothing. Returns why it could not, or null.
   */
  measure(measurements: readonly RuntimeMeasurement[]): Promise<string | null> {
    const measured = this.#last.then(() => this.#measureInTurn(measurements));
    this.#last = measured.catch(() => undefined);
    return measured;
  }

  async #measureInTurn(measurements: readonly RuntimeMeasurement[]): Promise<string | null> {
    const records = this.#ports.log.read();
    const changed = measurements.filter(
      ({ subject, sha256 }) => newestMeasurement(records, subject) !== sha256,
    );
    if (changed.length === 0) return null;
    const opened = await this.#ports.openTpm();
    if (opened.state === 'absent') return null;
    if (opened.state === 'failed') return opened.reason;
    try {
      const tpm = new Tpm({ transmit: opened.transmit, wait: this.#ports.wait });
      const banks = await namedBanks(tpm);
      if (!banks.ok) return banks.error.message;
      for (const [index, measurement] of changed.entries()) {
        const { digest } = this.#ports.cryptography;
        const record = runtimeRecord(records.length + index, measurement, banks.value, digest);
        const digests = record.digests.map(({ hashAlg, digest: value }) => ({
          hash: hashByName(hashAlg).id,
          digest: fromHex(value) ?? new Uint8Array(),
        }));
        // First the TPM: a log with more in it than was measured could never be explained again.
        const extended = await tpm.execute(pcrExtend(record.pcr, digests));
        if (!extended.ok) return extended.error.message;
        this.#ports.log.append(record);
      }
      return null;
    } finally {
      await opened.close().catch(() => undefined);
    }
  }
}

/** The banks that have PCRs: each is extended, so that none can be filled with something else later. */
async function namedBanks(tpm: Tpm): Promise<TpmResult<HashName[]>> {
  const banks = await tpm.execute(getPcrBanks());
  if (!banks.ok) return banks;
  return {
    ok: true,
    value: banks.value.values.flatMap(({ hash, indexes }) => {
      const name = hashById(hash)?.name;
      return name === undefined || indexes.length === 0 ? [] : [name];
    }),
  };
}

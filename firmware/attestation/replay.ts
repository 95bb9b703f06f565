import { concatBytes } from '../bytes/bytes.ts';
import { type HashName, hashAlgorithms } from '../tpm/constants.ts';
import type { TpmCryptography } from '../tpm/crypto-port.ts';
import type { BootLog } from './event-log.ts';
import { eventType } from './event-types.ts';

export type Digest = TpmCryptography['digest'];

/** PCR values by bank and index: those that the log extends, after all of its events. */
export type ReplayedPcrs = ReadonlyMap<HashName, ReadonlyMap<number, Uint8Array>>;

/**
 * The PCR values that a log leads to, in each of its banks that this client has a hash for. Every event extends its PCR
 * by its digest, but those of type EV_NO_ACTION, which only tell (PC Client Platform Firmware Profile §10.4.1). PCR 0
 * begins with the locality from which the TPM was started (§10.4.5.3), all others with zeros.
 */
export function replayEventLog(
  { algorithms, events, startupLocality }: BootLog,
  digest: Digest,
): ReplayedPcrs {
  const banks = new Map<HashName, ReadonlyMap<number, Uint8Array>>();
  for (const { name, digestSize } of hashAlgorithms) {
    if (!algorithms.some((algorithm) => algorithm.name === name)) continue;
    const pcrs = new Map<number, Uint8Array>();
    for (const { pcr, type, digests } of events) {
      const extension = digests.get(name);
      if (type === eventType.noAction || extension === undefined) continue;
      const before = pcrs.get(pcr) ?? startValue(pcr, digestSize, startupLocality);
      pcrs.set(pcr, digest(name, concatBytes(before, extension)));
    }
    banks.set(name, new Map([...pcrs].sort(([left], [right]) => left - right)));
  }
  return banks;
}

function startValue(pcr: number, size: number, startupLocality: number | null): Uint8Array {
  const value = new Uint8Array(size);
  if (pcr === 0) value[size - 1] = startupLocality ?? 0;
  return value;
}

import { equalBytes } from '../bytes/bytes.ts';
import { type AttestationKey, withOwnAttestationKey } from '../tpm/attestation-key.ts';
import type { Tpm } from '../tpm/client.ts';
import { certify } from '../tpm/commands/attestation.ts';
import { ownHandle } from '../tpm/constants.ts';
import type { TpmCryptography } from '../tpm/crypto-port.ts';
import type { TpmResult } from '../tpm/error.ts';
import { findPersistentKey } from '../tpm/persistent-key.ts';
import { type QuotedPcrs, quotePcrs } from '../tpm/quoted-pcrs.ts';
import type { Endorsement, Evidence } from './evidence.ts';
import { attestedBank, attestedPcrs, runtimePcr } from './measured-pcrs.ts';
import { type RuntimeRecord, replayRuntimeLog } from './runtime-log.ts';

/** What evidence is made of beside what the TPM says. */
export type EvidenceSources = {
  readonly cryptography: Pick<TpmCryptography, 'digest'>;
  readonly bootLog: () => Uint8Array;
  readonly runtimeLog: () => readonly RuntimeRecord[];
  readonly endorsements: readonly Endorsement[];
  readonly wait: (milliseconds: number) => Promise<void>;
};

/**
 * The runtime may measure between the quote and the reading of its log, and writes its log a little after that: then both
 * are made again, after so many milliseconds each time. On a slow box with a slow TPM that takes seconds.
 */
const patienceMs = [250, 500, 1_000, 2_000, 4_000] as const;

/** Answers a challenge: at most 64 octets that the TPM signs into the quote and the identity's certificate. */
export function collectEvidence(
  tpm: Tpm,
  nonce: Uint8Array,
  sources: EvidenceSources,
): Promise<TpmResult<Evidence>> {
  return withOwnAttestationKey(tpm, async (key) => {
    const hostIdentity = await certifyHostKey(tpm, key, nonce);
    if (!hostIdentity.ok) return hostIdentity;
    const quoted = await quoteWithLog(tpm, key, nonce, sources);
    if (!quoted.ok) return quoted;
    const { quote, runtimeLog } = quoted.value;
    const evidence = {
      quote: { attest: quote.attest.raw, signature: quote.signature },
      pcrs: new Map(quote.pcrs.map(({ index, digest }) => [index, digest])),
      bootLog: sources.bootLog(),
      runtimeLog,
      attestationKey: key.publicArea,
      hostIdentity: hostIdentity.value,
      endorsements: sources.endorsements,
    };
    return { ok: true, value: evidence };
  });
}

async function quoteWithLog(
  tpm: Tpm,
  { handle }: AttestationKey,
  nonce: Uint8Array,
  { cryptography, runtimeLog, wait }: EvidenceSources,
): Promise<TpmResult<{ quote: QuotedPcrs; runtimeLog: readonly RuntimeRecord[] }>> {
  for (let attempt = 0; ; attempt++) {
    const quote = await quotePcrs(
      tpm,
      handle,
      nonce,
      { bank: attestedBank, indexes: attestedPcrs },
      cryptography,
    );
    if (!quote.ok) return quote;
    const records = runtimeLog();
    const quoted = quote.value.pcrs.find(({ index }) => index === runtimePcr)?.digest ?? new Uint8Array();
    const agrees = equalBytes(replayRuntimeLog(records, cryptography.digest), quoted);
    // A log that never agrees is shown as it is: saying so is for whoever appraises.
    const pause = patienceMs[attempt];
    if (agrees || pause === undefined)
      return { ok: true, value: { quote: quote.value, runtimeLog: records } };
    await wait(pause);
  }
}

/** Certifying asks for no policy: it shows that the key is there and lets nobody sign. */
async function certifyHostKey(
  tpm: Tpm,
  key: AttestationKey,
  nonce: Uint8Array,
): Promise<TpmResult<Evidence['hostIdentity']>> {
  const host = await findPersistentKey(tpm, ownHandle.hostKey);
  if (!host.ok) return host;
  if (host.value === undefined) return { ok: true, value: null };
  const certified = await tpm.execute(certify(host.value, key, nonce));
  if (!certified.ok) return certified;
  const { attest, signature } = certified.value;
  return {
    ok: true,
    value: { publicArea: host.value.publicArea, certify: { attest: attest.raw, signature } },
  };
}

import { toHex } from '../bytes/bytes.ts';
import { type AttestationKey, withOwnAttestationKey } from '../tpm/attestation-key.ts';
import { Tpm, type Transmit } from '../tpm/client.ts';
import { hashById } from '../tpm/constants.ts';
import type { TpmCryptography } from '../tpm/crypto-port.ts';
import type { TpmError, TpmResult } from '../tpm/error.ts';
import { identifyTpm, type TpmIdentification } from '../tpm/identification.ts';
import { checkQuote, type QuotedPcrs, quotePcrs } from '../tpm/quoted-pcrs.ts';
import type { Status } from '../webui/api/status-schema.ts';

export type TpmStatus = Status['tpm'];

/** What opening the machine's TPM comes to. */
export type TpmAccess =
  | { readonly state: 'open'; readonly transmit: Transmit; readonly close: () => Promise<void> }
  | { readonly state: 'absent'; readonly reason: string }
  | { readonly state: 'failed'; readonly reason: string; readonly advice: string };

export type TpmStatusPorts = {
  readonly openTpm: () => Promise<TpmAccess>;
  readonly cryptography: TpmCryptography;
  readonly random: (octets: number) => Uint8Array;
  /** Milliseconds that only advance. */
  readonly now: () => number;
  readonly wait: (milliseconds: number) => Promise<void>;
};

/** Firmware, loader, kernel and command line are measured into these (TCG PC Client Platform Firmware Profile, 3.3.4). */
const bootPcrs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const bank = 'sha256';

/** Octets: as much as the signature's hash has, so that guessing the nonce is as hard as a collision. */
const nonceSize = 32;

/**
 * Identifies the TPM, reads PCRs 0 to 11 of its SHA-256 bank, lets it quote them over a fresh nonce and checks the quote
 * with the key that made it. That shows that the TPM works and which values it holds; whether they are good ones is for
 * a verifier elsewhere to say. Never rejects: a missing or broken TPM is a state.
 */
export async function readTpmStatus(ports: TpmStatusPorts): Promise<TpmStatus> {
  const opened = await ports.openTpm();
  if (opened.state !== 'open') return opened;
  try {
    return await readOpenTpm(new Tpm({ transmit: opened.transmit, wait: ports.wait }), ports);
  } finally {
    await opened.close().catch(() => undefined);
  }
}

async function readOpenTpm(tpm: Tpm, ports: TpmStatusPorts): Promise<TpmStatus> {
  const identified = await identifyTpm(tpm);
  if (!identified.ok) return failure(identified.error);
  const nonce = ports.random(nonceSize);
  const quoted = await withOwnAttestationKey(tpm, (key) => quoteWith(tpm, key, nonce, ports));
  if (!quoted.ok) return failure(quoted.error);
  return present(identified.value, quoted.value, nonce, ports);
}

type Evidence = { readonly key: AttestationKey; readonly quoted: QuotedPcrs; readonly milliseconds: number };

async function quoteWith(
  tpm: Tpm,
  key: AttestationKey,
  nonce: Uint8Array,
  ports: TpmStatusPorts,
): Promise<TpmResult<Evidence>> {
  const start = ports.now();
  const quoted = await quotePcrs(tpm, key.handle, nonce, { bank, indexes: bootPcrs }, ports.cryptography);
  if (!quoted.ok) return quoted;
  return { ok: true, value: { key, quoted: quoted.value, milliseconds: ports.now() - start } };
}

function present(
  { manufacturer, firmwareVersion }: TpmIdentification,
  { key, quoted, milliseconds }: Evidence,
  nonce: Uint8Array,
  { cryptography }: TpmStatusPorts,
): TpmStatus {
  const { attest, signature, pcrs } = quoted;
  const checked = checkQuote(quoted, { key: key.publicArea, nonce }, cryptography);
  const hash = hashById(signature.hash)?.name ?? `0x${signature.hash.toString(16)}`;
  return {
    state: 'present',
    manufacturer,
    firmwareVersion,
    pcrBank: bank,
    pcrs: pcrs.map(({ index, digest }) => ({ index, digest: toHex(digest) })),
    quote: {
      verified: checked.ok,
      signatureAlgorithm: `${signature.scheme}-${hash}`,
      pcrDigest: toHex(attest.attested.pcrDigest),
      clock: attest.clockInfo.clock.toString(),
      resetCount: attest.clockInfo.resetCount,
      milliseconds: Math.round(milliseconds * 100) / 100,
    },
  };
}

function failure(error: TpmError): TpmStatus {
  return { state: 'failed', reason: error.message, advice: adviceForTpmError(error) };
}

/** What a person can do about it. */
export function adviceForTpmError({ code, responseCode }: TpmError): string {
  switch (code) {
    case 'TRANSPORT':
    case 'MALFORMED':
    case 'UNTRUSTED':
      return 'Switch the box off and on; if it stays so, the TPM or its driver does not work.';
    case 'BUSY':
      return 'The TPM is busy with itself; wait a minute, then look again.';
    case 'UNAVAILABLE':
      return 'Enable the SHA-256 PCR bank of the TPM in the firmware settings.';
    case 'UNSTABLE':
      return 'Something goes on measuring into the boot PCRs; look at what runs on the box.';
    case 'REFUSED':
      return adviceForRefusal(responseCode?.name ?? '');
  }
}

function adviceForRefusal(name: string): string {
  switch (name) {
    case 'TPM_RC_INITIALIZE':
      return 'The firmware did not start the TPM; switch the box off and on, or update its firmware.';
    case 'TPM_RC_FAILURE':
      return 'The TPM failed its own tests; switch the box off and on, and replace the TPM if it stays so.';
    case 'TPM_RC_BAD_AUTH':
    case 'TPM_RC_AUTH_FAIL':
    case 'TPM_RC_LOCKOUT':
      return 'A password is set on the endorsement hierarchy; clear the TPM in the firmware settings.';
    case 'TPM_RC_HIERARCHY':
    case 'TPM_RC_DISABLED':
      return 'The endorsement hierarchy is off; enable it in the firmware settings.';
    case 'TPM_RC_OBJECT_MEMORY':
    case 'TPM_RC_MEMORY':
    case 'TPM_RC_OBJECT_HANDLES':
      return 'The TPM has no room for a key: another program leaves keys in it; restart the box.';
    default:
      return 'Look the code up in the TPM 2.0 Library Specification, Part 2, section 6.6; restart the box first.';
  }
}

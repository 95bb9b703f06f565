import { equalBytes } from '../bytes/bytes.ts';
import { authorizeBy } from '../tpm/authorization.ts';
import type { Tpm } from '../tpm/client.ts';
import { getHandles } from '../tpm/commands/capability.ts';
import { activateCredential } from '../tpm/commands/credential.ts';
import { policySecret } from '../tpm/commands/policy.ts';
import { hierarchy, objectAttribute } from '../tpm/constants.ts';
import type { TpmCryptography } from '../tpm/crypto-port.ts';
import { endorsementKeyTemplates } from '../tpm/endorsement-key.ts';
import { TpmError, type TpmResult } from '../tpm/error.ts';
import type { Handle } from '../tpm/frame.ts';
import { limits as tpmLimits } from '../tpm/limits.ts';
import { readNvIndex } from '../tpm/nv-index.ts';
import { objectName } from '../tpm/object-name.ts';
import { findPersistentKey, withPrimaryKey } from '../tpm/persistent-key.ts';
import { encodePublicArea, type PublicArea } from '../tpm/public-area.ts';
import { withSession } from '../tpm/session.ts';
import type { EnrolmentChallenge } from './enrolment.ts';
import type { Endorsement } from './evidence.ts';
import { limits } from './limits.ts';

/**
 * Where a TPM keeps the certificate of each kind of endorsement key, the key where its maker made it persistent, and how
 * it is derived otherwise (TCG EK Credential Profile 2.5, §2.2.1.4 and §2.2.1.5; TCG Registry of Reserved TPM 2.0 Handles).
 * The P-384 key of emulated TPMs is only ever found persistent.
 */
const kinds: readonly {
  readonly certificate: number;
  readonly persistent: number;
  readonly template: PublicArea | null;
}[] = [
  { certificate: 0x01c0_000a, persistent: 0x8101_0002, template: endorsementKeyTemplates.p256 },
  { certificate: 0x01c0_0016, persistent: 0x8101_0016, template: null },
  { certificate: 0x01c0_0002, persistent: 0x8101_0001, template: endorsementKeyTemplates.rsa2048 },
];

/** Issuers' certificates, one after the other over all of these indexes (§2.2.1.5.2). */
const chainIndexes = { first: 0x01c0_0100, last: 0x01c0_01ff } as const;

/** The endorsement keys that this TPM has certificates for. Making an RSA key takes a slow chip half a minute. */
export async function readEndorsements(tpm: Tpm): Promise<TpmResult<Endorsement[]>> {
  const chain = await readChain(tpm);
  if (!chain.ok) return chain;
  const found: Endorsement[] = [];
  for (const kind of kinds) {
    const read = await readIfThere(tpm, kind.certificate);
    if (!read.ok) return read;
    const [certificate] = read.value === null ? [] : certificatesIn(read.value);
    if (certificate === undefined) continue;
    const key = await withKey(tpm, kind, async ({ publicArea }) => ({ ok: true, value: publicArea }));
    if (!key.ok) return key;
    if (key.value !== undefined)
      found.push({ publicArea: key.value, certificates: [certificate, ...chain.value] });
  }
  return { ok: true, value: found };
}

/**
 * Answers a challenge: the secret in it, which the TPM gives only where it has both keys. `UNAVAILABLE` where it has no
 * such endorsement key.
 */
export async function answerChallenge(
  tpm: Tpm,
  cryptography: TpmCryptography,
  attestationKey: Handle,
  { endorsementKey, credential }: EnrolmentChallenge,
): Promise<TpmResult<Uint8Array>> {
  const wanted = encodePublicArea(endorsementKey);
  for (const kind of kinds) {
    const answer = await withKey<Uint8Array | undefined>(tpm, kind, async ({ handle, publicArea }) => {
      if (!equalBytes(encodePublicArea(publicArea), wanted)) return { ok: true, value: undefined };
      const name = objectName(cryptography, publicArea) ?? new Uint8Array();
      const key = { handle, name };
      // The default endorsement keys have the endorsement hierarchy's password asked for by a policy.
      if ((publicArea.attributes & objectAttribute.userWithAuth) !== 0)
        return tpm.execute(activateCredential(attestationKey, key, credential));
      return withSession(tpm, cryptography, { kind: 'policy' }, async (session) => {
        const allowed = await tpm.execute(policySecret(hierarchy.endorsement, session.handle));
        if (!allowed.ok) return allowed;
        const options = { keyAuth: authorizeBy(session) };
        return tpm.execute(activateCredential(attestationKey, key, credential, options));
      });
    });
    if (!answer.ok) return answer;
    if (answer.value !== undefined) return { ok: true, value: answer.value };
  }
  const problem = 'the TPM does not have the endorsement key that the challenge is for';
  return { ok: false, error: new TpmError('UNAVAILABLE', 'TPM2_ActivateCredential', problem) };
}

/** Lends the key of a kind; undefined where the TPM has none. */
async function withKey<Value>(
  tpm: Tpm,
  { persistent, template }: (typeof kinds)[number],
  use: (key: { readonly handle: number; readonly publicArea: PublicArea }) => Promise<TpmResult<Value>>,
): Promise<TpmResult<Value | undefined>> {
  const there = await findPersistentKey(tpm, persistent);
  if (!there.ok) return there;
  if (there.value !== undefined) return use(there.value);
  if (template === null) return { ok: true, value: undefined };
  return withPrimaryKey(tpm, hierarchy.endorsement, template, use);
}

async function readChain(tpm: Tpm): Promise<TpmResult<Uint8Array[]>> {
  const handles = await tpm.execute(getHandles(chainIndexes.first, tpmLimits.handles));
  if (!handles.ok) return handles;
  const parts: number[] = [];
  for (const index of handles.value.values.filter((handle) => handle <= chainIndexes.last)) {
    const part = await readIfThere(tpm, index);
    if (!part.ok) return part;
    if (part.value !== null) parts.push(...part.value);
  }
  return { ok: true, value: certificatesIn(Uint8Array.from(parts)).slice(0, limits.certificates - 1) };
}

async function readIfThere(tpm: Tpm, index: number): Promise<TpmResult<Uint8Array | null>> {
  const read = await readNvIndex(tpm, index);
  if (read.ok || read.error.responseCode?.name !== 'TPM_RC_HANDLE') return read;
  return { ok: true, value: null };
}

/** DER structures that stand one after the other; what follows them fills the index up and is left out. */
function certificatesIn(octets: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let offset = 0; offset + 4 <= octets.length; ) {
    // A SEQUENCE with a length of two octets (ITU-T X.690 §8.1.3.5): every certificate is longer than 127 and shorter than 64 KiB.
    if (octets[offset] !== 0x30 || octets[offset + 1] !== 0x82) break;
    const end = offset + 4 + (((octets[offset + 2] ?? 0) << 8) | (octets[offset + 3] ?? 0));
    if (end > octets.length) break;
    found.push(octets.slice(offset, end));
    offset = end;
  }
  return found;
}

import { equalBytes, toHex } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';
import { type Credential, makeCredential } from '../tpm/credential.ts';
import type { TpmCryptography } from '../tpm/crypto-port.ts';
import { limits as tpmLimits } from '../tpm/limits.ts';
import { objectName } from '../tpm/object-name.ts';
import type { PublicArea } from '../tpm/public-area.ts';
import { type Evidence, readArea, writeArea } from './evidence.ts';
import { type JsonProblem, readJson } from './json-fields.ts';

/**
 * A challenge that only the TPM with this endorsement key can answer, and only where it holds the attestation key too
 * (TPM2_MakeCredential, TCG Library Part 1, section 24).
 */
export type EnrolmentChallenge = {
  readonly endorsementKey: PublicArea;
  readonly credential: Credential;
};

/** What the verifier keeps of a challenge; `secret` stays with it. */
export type KeptChallenge = {
  readonly secret: Uint8Array;
  readonly attestationKeyName: Uint8Array;
  readonly endorsementKeyName: Uint8Array;
};

/** A kept challenge and what the box answered to it. */
export type Activation = { readonly kept: KeptChallenge; readonly answer: Uint8Array };

/** Octets of the secret, as many as SHA-256 has: no endorsement key hashes with less. */
const secretSize = 32;

/** The first endorsement key of the evidence that a credential can be made for; the problem is one sentence. */
export function makeEnrolmentChallenge(
  { attestationKey, endorsements }: Evidence,
  cryptography: TpmCryptography,
): Result<{ readonly challenge: EnrolmentChallenge; readonly kept: KeptChallenge }, string> {
  const attestationKeyName = objectName(cryptography, attestationKey);
  if (attestationKeyName === undefined) return { ok: false, error: 'The attestation key has no name.' };
  const secret = cryptography.random(secretSize);
  for (const { publicArea: endorsementKey } of endorsements) {
    const endorsementKeyName = objectName(cryptography, endorsementKey);
    const credential = makeCredential(cryptography, endorsementKey, attestationKeyName, secret);
    if (credential === undefined || endorsementKeyName === undefined) continue;
    const kept = { secret, attestationKeyName, endorsementKeyName };
    return { ok: true, value: { challenge: { endorsementKey, credential }, kept } };
  }
  return { ok: false, error: 'The evidence names no endorsement key that a credential can be made for.' };
}

export function writeChallenge({ endorsementKey, credential }: EnrolmentChallenge): object {
  return {
    type: 'hithe-enrolment-challenge',
    endorsementKey: writeArea(endorsementKey),
    credentialBlob: toHex(credential.blob),
    encryptedSeed: toHex(credential.encryptedSeed),
  };
}

export function readChallenge(document: unknown): Result<EnrolmentChallenge, JsonProblem> {
  return readJson(document, 'challenge', (fields) => {
    if (fields.text('type', 32) !== 'hithe-enrolment-challenge') fields.fail('type', 'is another');
    return {
      endorsementKey: readArea(fields, 'endorsementKey'),
      credential: {
        blob: fields.octets('credentialBlob', tpmLimits.encryptedSecretSize),
        encryptedSeed: fields.octets('encryptedSeed', tpmLimits.encryptedSecretSize),
      },
    };
  });
}

export function writeKeptChallenge({
  secret,
  attestationKeyName,
  endorsementKeyName,
}: KeptChallenge): object {
  return {
    secret: toHex(secret),
    attestationKeyName: toHex(attestationKeyName),
    endorsementKeyName: toHex(endorsementKeyName),
  };
}

export function readKeptChallenge(document: unknown): Result<KeptChallenge, JsonProblem> {
  return readJson(document, 'kept', (fields) => ({
    secret: fields.octets('secret', secretSize),
    attestationKeyName: fields.octets('attestationKeyName', tpmLimits.nameSize),
    endorsementKeyName: fields.octets('endorsementKeyName', tpmLimits.nameSize),
  }));
}

/** The secret that a box gave back, as `{ "secret": HEX }`. */
export function readActivationAnswer(document: unknown): Result<Uint8Array, JsonProblem> {
  return readJson(document, 'answer', (fields) => fields.octets('secret', secretSize));
}

/** True where the secret came back, for this attestation key and one of these endorsement keys. */
export function isActivated(
  { kept, answer }: Activation,
  attestationKeyName: Uint8Array,
  endorsementKeyNames: readonly Uint8Array[],
): boolean {
  return (
    kept.secret.length === secretSize &&
    equalBytes(kept.secret, answer) &&
    equalBytes(kept.attestationKeyName, attestationKeyName) &&
    endorsementKeyNames.some((name) => equalBytes(name, kept.endorsementKeyName))
  );
}

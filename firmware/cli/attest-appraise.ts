import type { X509Certificate } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { appraise } from '../attestation/appraisal.ts';
import { type AppraisalRecord, readAppraisalRecord, readNonce } from '../attestation/appraisal-record.ts';
import { attestationResult } from '../attestation/attestation-result.ts';
import { type Activation, readActivationAnswer, readKeptChallenge } from '../attestation/enrolment.ts';
import { type Challenge, redeemNonce } from '../attestation/nonce-book.ts';
import { developmentKeySha256, readReferenceValues } from '../attestation/reference-values.ts';
import { vendorIntermediates } from '../attestation/vendor-intermediates.ts';
import { type VendorCertificate, vendorRoots } from '../attestation/vendor-roots.ts';
import type { Verdict } from '../attestation/verdict.ts';
import { verdictText } from '../attestation/verdict-text.ts';
import type { ReleaseKey } from '../attestation/verifier-ports.ts';
import { imageVersion } from '../system/image-version.ts';
import { tpmCryptography } from '../system/tpm-cryptography.ts';
import { signToken } from '../system/verdict-token.ts';
import { openVerifierPorts, readCertificates, readReleaseKey } from '../system/verifier.ts';
import { readArguments, UsageError } from './arguments.ts';
import { changeNonceBook, readJsonFile } from './attest-files.ts';
import { readNamedFile } from './input-file.ts';
import { complain, printJson, say } from './output.ts';

const options = {
  manifest: { type: 'string' },
  evidence: { type: 'string' },
  nonce: { type: 'string' },
  book: { type: 'string' },
  'release-key': { type: 'string' },
  ca: { type: 'string', multiple: true },
  previous: { type: 'string' },
  record: { type: 'string' },
  kept: { type: 'string' },
  answer: { type: 'string' },
  'any-tpm': { type: 'boolean' },
  'sign-key': { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Appraises evidence; exits 0 where it passes, with warnings too, and 1 where it does not. */
export async function attestAppraise(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, options);
  const { manifest, evidence } = values;
  if (manifest === undefined || evidence === undefined || values.nonce === undefined)
    throw new UsageError('appraise takes --manifest M --evidence E --nonce N');
  const nonce = readNonce(values.nonce);
  if (nonce === undefined) throw new UsageError('--nonce takes 8 to 64 octets in hexadecimal');
  const key = releaseKeyFor(manifest, values['release-key']);
  const reference = readReferenceValues(
    readNamedFile('--manifest', manifest),
    readNamedFile('--manifest', `${manifest}.sig`),
    key,
    tpmCryptography.digest,
  );
  if (!reference.ok) {
    complain(`hithe: ${reference.error}\n`);
    return 1;
  }
  const policy = {
    nonce,
    challenge: challengeOf(values.book, nonce),
    reference: reference.value,
    previous: previousOf(values.previous),
    activation: activationOf(values.kept, values.answer),
    anyTpm: values['any-tpm'] === true,
  };
  const ports = openVerifierPorts(rootsOf(values.ca ?? []), Date.now(), certificatesOf(vendorIntermediates));
  const verdict = appraise(readJsonFile('--evidence', evidence), policy, ports);
  if (values.record !== undefined && verdict.record !== null)
    writeFileSync(values.record, `${JSON.stringify(verdict.record, null, 2)}\n`);
  show(verdict, nonce, values['sign-key'], values.json === true);
  return verdict.status === 'contraindicated' ? 1 : 0;
}

function show(verdict: Verdict, nonce: Uint8Array, signKey: string | undefined, json: boolean): void {
  if (signKey === undefined) {
    if (json) printJson(verdict);
    else say(verdictText(verdict));
    return;
  }
  const claims = attestationResult(verdict, {
    issuedAt: Math.floor(Date.now() / 1000),
    nonce: Buffer.from(nonce).toString('base64url'),
    build: imageVersion(),
  });
  const pem = textOf('--sign-key', signKey);
  const token = understood('--sign-key', () => signToken(claims, pem));
  if (json) printJson({ ...verdict, token });
  else say(`${token}\n`);
}

/**
 * The key that was named. Without one, the key that lies beside the manifest is taken where it is the development key,
 * which proves nothing about anybody and is told as such.
 */
function releaseKeyFor(manifest: string, named: string | undefined): ReleaseKey {
  const beside = join(dirname(manifest), 'release-key.pem');
  const path = named ?? (existsSync(beside) ? beside : undefined);
  if (path === undefined) throw new UsageError('name the key that signs releases: --release-key PEM');
  const key = understood('--release-key', () => readReleaseKey(textOf('--release-key', path)));
  if (named === undefined && key.keySha256 !== developmentKeySha256)
    throw new UsageError('name the key that signs releases: --release-key PEM');
  return key;
}

function rootsOf(files: readonly string[]): X509Certificate[] {
  const given = files.flatMap((path) => understood('--ca', () => readCertificates(textOf('--ca', path))));
  return [...certificatesOf(vendorRoots), ...given];
}

const certificatesOf = (entries: readonly VendorCertificate[]) =>
  entries.flatMap(({ pem }) => readCertificates(pem));

/** Looking a challenge up uses it up, whatever the evidence is worth. */
function challengeOf(book: string | undefined, nonce: Uint8Array): Challenge {
  if (book === undefined) return 'unchecked';
  return changeNonceBook(book, (known) => {
    const { challenge: value, book: rest } = redeemNonce(known, nonce, Date.now());
    return { book: rest, value };
  });
}

function previousOf(path: string | undefined): AppraisalRecord | null {
  if (path === undefined) return null;
  const record = readAppraisalRecord(readJsonFile('--previous', path));
  if (!record.ok) throw new UsageError(`--previous: ${record.error.path} ${record.error.problem}`);
  return record.value;
}

function activationOf(keptPath: string | undefined, answerPath: string | undefined): Activation | null {
  if (keptPath === undefined && answerPath === undefined) return null;
  if (keptPath === undefined || answerPath === undefined)
    throw new UsageError('--kept and --answer go together');
  const kept = readKeptChallenge(readJsonFile('--kept', keptPath));
  if (!kept.ok) throw new UsageError(`--kept: ${kept.error.path} ${kept.error.problem}`);
  const answer = readActivationAnswer(readJsonFile('--answer', answerPath));
  // The answer is the box's: one that cannot be read is a wrong one.
  return { kept: kept.value, answer: answer.ok ? answer.value : new Uint8Array() };
}

const textOf = (option: string, path: string) => new TextDecoder().decode(readNamedFile(option, path));

function understood<Value>(option: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw new UsageError(`${option}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

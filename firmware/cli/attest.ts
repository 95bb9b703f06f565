import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readNonce } from '../attestation/appraisal-record.ts';
import {
  makeEnrolmentChallenge,
  readChallenge,
  writeChallenge,
  writeKeptChallenge,
} from '../attestation/enrolment.ts';
import { readEvidence, writeEvidence } from '../attestation/evidence.ts';
import { noteNonce } from '../attestation/nonce-book.ts';
import { readableText } from '../attestation/readable-text.ts';
import { toHex } from '../bytes/bytes.ts';
import { openAttester } from '../system/attestation-system.ts';
import { callUnverifiedBox, type RemoteCall } from '../system/local-api.ts';
import { tpmCryptography } from '../system/tpm-cryptography.ts';
import { readArguments, UsageError } from './arguments.ts';
import { changeNonceBook, readJsonFile } from './attest-files.ts';
import { complain, printJson, say } from './output.ts';

const runFolder = '/run/hithe';

const verbs: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  nonce,
  collect,
  challenge,
  activate,
  appraise: async (args) => (await import('./attest-appraise.ts')).attestAppraise(args),
};

export const attestHelp = `Usage: hithe attest nonce [--book FILE]
       hithe attest collect --nonce N [--box ADDRESS] [--out FILE] [--json]
       hithe attest appraise --manifest M --evidence E --nonce N [--book FILE] [--release-key PEM] [--ca PEM]…
                             [--previous FILE] [--record FILE] [--kept FILE --answer FILE] [--any-tpm]
                             [--sign-key PEM] [--json]
       hithe attest challenge --evidence E --kept FILE [--out FILE]
       hithe attest activate --challenge FILE [--box ADDRESS] [--out FILE]

nonce      makes a challenge. --book notes it, so that appraise takes it once and for some minutes only.
collect    what the TPM of a box says of it, as a JSON document: of the box at ADDRESS, through its page's API, or on
           the box itself. Evidence proves itself: whose certificate the page shows is not looked at.
appraise   anywhere: whether that is a released boot of a TPM that is trusted. Exits 0 where it passes, 1 where not.
           M needs M.sig beside it. --ca names roots of TPM vendors; --previous holds the evidence against the
           record that --record wrote; --any-tpm does not ask whose TPM it is; --sign-key prints a signed token (EAT).
challenge  makes a credential that only the evidence's TPM can open; --kept stays with whoever asks
activate   lets the box at ADDRESS, or this one, open it. Give the answer to appraise with --answer, beside --kept.
`;

/** Evidence of a box, and what it is worth. */
export async function attest(args: readonly string[]): Promise<number> {
  const [verb = '', ...rest] = args;
  const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (run === undefined) throw new UsageError(`attest takes: ${Object.keys(verbs).join(', ')}`);
  return run(rest);
}

/** As many octets as the signature's hash has. */
async function nonce(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, { book: { type: 'string' } });
  const made = new Uint8Array(randomBytes(32));
  if (values.book !== undefined) {
    const now = Date.now();
    changeNonceBook(values.book, (book) => ({ book: noteNonce(book, made, now), value: null }));
  }
  say(`${toHex(made)}\n`);
  return 0;
}

async function collect(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, {
    nonce: { type: 'string' },
    box: { type: 'string' },
    out: { type: 'string' },
    json: { type: 'boolean' },
  });
  const asked = readNonce(values.nonce ?? '');
  if (asked === undefined) throw new UsageError('--nonce takes 8 to 64 octets in hexadecimal');
  if (values.box !== undefined)
    return passOn({ ...fromBox(values.box, 'evidence'), body: { nonce: toHex(asked) } }, values.out);
  const collected = await openAttester({ runFolder }).collect(asked);
  if (!collected.ok) return failed(collected.error);
  return write(writeEvidence(collected.value), values.out);
}

async function challenge(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, {
    evidence: { type: 'string' },
    kept: { type: 'string' },
    out: { type: 'string' },
  });
  if (values.evidence === undefined || values.kept === undefined)
    throw new UsageError('challenge takes --evidence FILE --kept FILE');
  const evidence = readEvidence(readJsonFile('--evidence', values.evidence));
  if (!evidence.ok) return failed(`${evidence.error.path} ${evidence.error.problem}`);
  const made = makeEnrolmentChallenge(evidence.value, tpmCryptography);
  if (!made.ok) return failed(made.error);
  writeFileSync(values.kept, `${JSON.stringify(writeKeptChallenge(made.value.kept))}\n`, { mode: 0o600 });
  return write(writeChallenge(made.value.challenge), values.out);
}

async function activate(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, {
    challenge: { type: 'string' },
    box: { type: 'string' },
    out: { type: 'string' },
  });
  if (values.challenge === undefined) throw new UsageError('activate takes --challenge FILE');
  const document = readJsonFile('--challenge', values.challenge);
  const asked = readChallenge(document);
  if (!asked.ok) return failed(`${asked.error.path} ${asked.error.problem}`);
  if (values.box !== undefined)
    return passOn({ ...fromBox(values.box, 'activation'), body: document }, values.out);
  const answer = await openAttester({ runFolder }).answer(asked.value);
  return answer.ok ? write({ secret: toHex(answer.value) }, values.out) : failed(answer.error);
}

/** A slow TPM takes half a minute to find its endorsement keys the first time. */
const remoteMs = 120_000;

const fromBox = (box: string, what: 'evidence' | 'activation') =>
  ({ box, method: 'POST', path: `/api/v1/attestation/${what}`, timeoutMs: remoteMs }) as const;

/** Writes what a box answers, whatever it is: it is looked at where it is appraised. */
async function passOn(call: RemoteCall, path: string | undefined): Promise<number> {
  const answer = await callUnverifiedBox(call);
  if (!answer.ok) return failed(answer.reason);
  const { status, body } = answer;
  if (status === 200 && typeof body === 'object' && body !== null) return write(body, path);
  const detail = typeof body === 'object' && body !== null && 'detail' in body ? body.detail : null;
  return failed(
    `the box answers ${status}: ${readableText(typeof detail === 'string' ? detail : 'no reason')}`,
  );
}

function write(document: object, path: string | undefined): number {
  if (path === undefined) printJson(document);
  else writeFileSync(path, `${JSON.stringify(document)}\n`);
  return 0;
}

function failed(reason: string): number {
  complain(`hithe: ${reason}\n`);
  return 1;
}

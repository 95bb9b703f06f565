import { appraise } from '../../firmware/attestation/appraisal.ts';
import type { AppraisalPolicy } from '../../firmware/attestation/appraisal-question.ts';
import { answerChallenge } from '../../firmware/attestation/endorsement-keys.ts';
import {
  type Activation,
  makeEnrolmentChallenge,
  readChallenge,
  writeChallenge,
} from '../../firmware/attestation/enrolment.ts';
import { type Evidence, writeEvidence } from '../../firmware/attestation/evidence.ts';
import type { Verdict } from '../../firmware/attestation/verdict.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { openVerifierPorts, readCertificates } from '../../firmware/system/verifier.ts';
import { withOwnAttestationKey } from '../../firmware/tpm/attestation-key.ts';
import { authorityOf, manufacture } from '../tpm/manufacture.ts';
import { succeeded } from '../tpm/outcome.ts';
import { type Swtpm, startSwtpm } from '../tpm/swtpm.ts';
import { bootInto, evidenceOf, reference } from './attested-box.ts';
import { ascii } from './made-log.ts';

export const nonce = ascii('a challenge of thirty-two octets');
/** A minute later than the certificates that are about to be made begin. */
export const now = Date.now() + 60_000;

/** A box that booted a release and was enrolled, its evidence, and a verifier that trusts the maker of its TPM. */
export interface EnrolledBox extends AsyncDisposable {
  readonly box: Swtpm;
  readonly ports: ReturnType<typeof openVerifierPorts>;
  readonly evidence: Evidence;
  readonly activation: Activation;
  policy(changes?: Partial<AppraisalPolicy>): AppraisalPolicy;
  /** Of evidence as the document that crosses the network. */
  appraised(shown: Evidence, changes?: Partial<AppraisalPolicy>): Verdict;
}

/** Its TPM has RSA and P-384 endorsement keys. */
export async function startEnrolledBox(): Promise<EnrolledBox> {
  const box = await startSwtpm({ manufacture: manufacture() });
  const ports = openVerifierPorts(readCertificates(await authorityOf(box.directory)), now);
  const evidence = await box.use(async (tpm) => {
    await bootInto(tpm);
    return evidenceOf(tpm, nonce);
  });
  const activation = await enrol(box, evidence);
  const policy = (changes: Partial<AppraisalPolicy> = {}): AppraisalPolicy => ({
    ...{ nonce, reference: reference(), previous: null, activation },
    ...{ anyTpm: false, challenge: 'open', ...changes },
  });
  return {
    ...{ box, ports, evidence, activation, policy },
    appraised: (shown, changes) =>
      appraise(JSON.parse(JSON.stringify(writeEvidence(shown))), policy(changes), ports),
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  };
}

/** A credential goes to the box as the document that it is there, and its secret comes back. */
export async function enrol(swtpm: Swtpm, shown: Evidence): Promise<Activation> {
  const made = makeEnrolmentChallenge(shown, tpmCryptography);
  if (!made.ok) throw new Error(made.error);
  const challenge = readChallenge(JSON.parse(JSON.stringify(writeChallenge(made.value.challenge))));
  if (!challenge.ok) throw new Error(challenge.error.problem);
  const answer = await swtpm.use((tpm) =>
    withOwnAttestationKey(tpm, (key) => answerChallenge(tpm, tpmCryptography, key, challenge.value)),
  );
  return { kept: made.value.kept, answer: succeeded(answer) };
}

export const failedChecks = (verdict: Verdict) =>
  verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ check }) => check);

import { equalBytes, toHex } from '../bytes/bytes.ts';
import { objectAttribute } from '../tpm/constants.ts';
import { isHostKey } from '../tpm/host-key.ts';
import { objectName } from '../tpm/object-name.ts';
import type { Question } from './appraisal-question.ts';
import { isActivated } from './enrolment.ts';
import { type Finding, finding } from './verdict.ts';

/** A kind of trust that is given without a proof in this evidence. */
const recorded = ({ previous, attestationKeyName }: Question): boolean =>
  previous?.proven === true && previous.attestationKeyName === toHex(attestationKeyName);

/** The TPM is of a vendor that the verifier named: one of its endorsement keys has a certificate that leads to a root. */
export function endorsementFindings(question: Question): Finding[] {
  const { evidence, ports } = question;
  if (recorded(question)) return [];
  const withCertificates = evidence.endorsements.filter(({ certificates }) => certificates.length > 0);
  if (withCertificates.length === 0)
    return [finding('endorsement', 'the TPM has no certificate of its vendor')];
  const problems = withCertificates.flatMap(({ certificates, publicArea }) => {
    const checked = ports.checkEndorsement(certificates, publicArea);
    return checked.ok ? [] : [checked.error];
  });
  if (problems.length < withCertificates.length) return [];
  return problems.map((problem) => finding('endorsement', problem));
}

const wanted: readonly [name: keyof typeof objectAttribute, set: boolean][] = [
  ['restricted', true],
  ['sign', true],
  ['fixedTpm', true],
  ['fixedParent', true],
  ['sensitiveDataOrigin', true],
  ['decrypt', false],
];

/**
 * The attestation key signs only what its TPM made, never left it, is the one of the last time, and was shown to be in the
 * TPM with the endorsement key by a credential that only that TPM gives back.
 */
export function attestationKeyFindings(question: Question): Finding[] {
  const { evidence, attestationKeyName, previous, anyTpm, activation } = question;
  const { attributes, key } = evidence.attestationKey;
  const findings = wanted.flatMap(([name, set]) => {
    if (((attributes & objectAttribute[name]) !== 0) === set) return [];
    const expected = set ? name : `not ${name}`;
    const problem = 'the attestation key does not have the attributes of one';
    return [finding('attestation-key', problem, { expected, actual: set ? `not ${name}` : name })];
  });
  if (key.type === 'keyedhash' || key.scheme === null)
    findings.push(finding('attestation-key', 'the attestation key has no signing scheme of its own'));
  const name = toHex(attestationKeyName);
  if (previous !== null && previous.attestationKeyName !== name) {
    const problem = 'this is another TPM than the one of the last time';
    findings.push(
      finding('attestation-key', problem, { expected: previous.attestationKeyName, actual: name }),
    );
  }
  if (anyTpm || recorded(question) || findings.length > 0) return findings;
  if (activation === null) {
    const problem = 'nothing shows that the attestation key is in the TPM with the endorsement key';
    return [finding('attestation-key', problem, { expected: 'an answered credential', actual: 'none' })];
  }
  if (isActivated(activation, attestationKeyName, certifiedKeyNames(question))) return [];
  return [finding('attestation-key', 'the credential that was made for this TPM was not given back')];
}

/** Of the endorsement keys whose certificates lead to a root: an answer for another one proves nothing. */
function certifiedKeyNames({ evidence, ports }: Question): Uint8Array[] {
  return evidence.endorsements.flatMap(({ publicArea, certificates }) => {
    if (certificates.length === 0 || !ports.checkEndorsement(certificates, publicArea).ok) return [];
    return objectName(ports.cryptography, publicArea) ?? [];
  });
}

/** The host identity's key is in the same TPM, bound to what the release key approves, and the one of the last time. */
export function hostIdentityFindings(question: Question): Finding[] {
  const { evidence, certify, hostKeyName, nonce, ports, reference, previous } = question;
  const { hostIdentity } = evidence;
  const of = (problem: string, expected: string | null = null, actual: string | null = null) => [
    finding('host-identity', problem, { expected, actual }),
  ];
  if (hostIdentity === null || certify === null || hostKeyName === null)
    return of('the host identity has no key in the TPM');
  const { attest, signature } = hostIdentity.certify;
  if (!ports.cryptography.verify(evidence.attestationKey, attest, signature))
    return of('the attestation key did not certify the host identity: it may be in another TPM');
  if (!equalBytes(certify.extraData, nonce))
    return of(
      'the host identity was certified for another challenge',
      toHex(nonce),
      toHex(certify.extraData),
    );
  if (!equalBytes(certify.attested.name, hostKeyName))
    return of('another key was certified', toHex(hostKeyName), toHex(certify.attested.name));
  if (!isHostKey(hostIdentity.publicArea, ports.cryptography, reference.releaseKeyName))
    return of('the host identity is not bound to what the release key approves');
  if (previous !== null && previous.hostKeyName !== toHex(hostKeyName))
    return of('the box has another host identity', previous.hostKeyName, toHex(hostKeyName));
  return [];
}

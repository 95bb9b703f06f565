import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appraise } from '../../firmware/attestation/appraisal.ts';
import { readAppraisalRecord } from '../../firmware/attestation/appraisal-record.ts';
import type { Activation } from '../../firmware/attestation/enrolment.ts';
import { type Evidence, readEvidence, writeEvidence } from '../../firmware/attestation/evidence.ts';
import type { Verdict } from '../../firmware/attestation/verdict.ts';
import { openVerifierPorts, readCertificates } from '../../firmware/system/verifier.ts';
import { withOwnAttestationKey } from '../../firmware/tpm/attestation-key.ts';
import { quote } from '../../firmware/tpm/commands/attestation.ts';
import { algorithm, hierarchy, objectAttribute } from '../../firmware/tpm/constants.ts';
import { withPrimaryKey } from '../../firmware/tpm/persistent-key.ts';
import { authorityOf, manufacture } from '../tpm/manufacture.ts';
import { signingTemplate } from '../tpm/objects.ts';
import { succeeded } from '../tpm/outcome.ts';
import { type Swtpm, startSwtpm } from '../tpm/swtpm.ts';
import { bootInto, evidenceOf, reference } from './attested-box.ts';
import { type EnrolledBox, enrol, failedChecks, nonce, now, startEnrolledBox } from './enrolled-box.ts';
import { ascii } from './made-log.ts';

/** An enrolled box, and another one whose TPM has the ECC endorsement key alone. */
let enrolled: EnrolledBox;
let box: Swtpm;
let other: Swtpm;
let ports: EnrolledBox['ports'];
let evidence: Evidence;
let otherEvidence: Evidence;
let activation: Activation;

beforeAll(async () => {
  enrolled = await startEnrolledBox();
  ({ box, ports, evidence, activation } = enrolled);
  other = await startSwtpm({ manufacture: manufacture({ only: ['--ecc'] }) });
  otherEvidence = await other.use(async (tpm) => {
    await bootInto(tpm);
    return evidenceOf(tpm, nonce);
  });
});
afterAll(async () => {
  await enrolled[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

const policy: EnrolledBox['policy'] = (changes) => enrolled.policy(changes);
const appraised: EnrolledBox['appraised'] = (shown, changes) => enrolled.appraised(shown, changes);

describe('evidence of a released boot', () => {
  test('passes, in the order of the checks, and names release and identity', () => {
    const verdict = appraised(evidence);
    expect(verdict.findings).toEqual([]);
    expect(verdict).toMatchObject({ status: 'affirming', release: { version: '9.9.9', development: false } });
    expect(verdict.hit).toMatch(/^2001:2/);
    expect(verdict.checks.map(({ check, outcome }) => `${check} ${outcome}`)).toEqual([
      'evidence passed',
      'endorsement passed',
      'attestation-key passed',
      'quote passed',
      'pcr-selection passed',
      'event-log passed',
      'boot passed',
      'runtime passed',
      'clock passed',
      'machine passed',
      'host-identity passed',
    ]);
  });

  test('passes again against the record of the first time, without a credential', async () => {
    const { record } = appraised(evidence);
    const read = readAppraisalRecord(JSON.parse(JSON.stringify(record)));
    if (!read.ok) throw new Error(read.error.problem);
    const next = ascii('the next challenge');
    const shown = await box.use((tpm) => evidenceOf(tpm, next));
    const verdict = appraised(shown, { nonce: next, previous: read.value, activation: null });
    expect(verdict.findings).toEqual([]);
    expect(verdict.status).toBe('affirming');
    expect(verdict.record?.hostKeyName).toBe(record?.hostKeyName);
  });

  test('with a TPM whose maker nobody asked for is never more than a warning', () => {
    const verdict = appraised(evidence, { anyTpm: true, activation: null });
    expect(verdict.status).toBe('warning');
    expect(verdict.checks).toContainEqual({ check: 'endorsement', outcome: 'skipped' });
    expect(verdict.record?.proven).toBe(false);
  });

  test('is the same after it was written and read', () => {
    const read = readEvidence(JSON.parse(JSON.stringify(writeEvidence(evidence))));
    expect(read).toEqual({ ok: true, value: evidence });
  });
});

describe('1: the endorsement key', () => {
  test('has to lead to a root that the verifier named', async () => {
    const strangers = openVerifierPorts(readCertificates(await authorityOf(other.directory)), now);
    const verdict = appraise(JSON.parse(JSON.stringify(writeEvidence(evidence))), policy(), strangers);
    expect(failedChecks(verdict)).toEqual(['endorsement', 'attestation-key']);
    expect(verdict.findings[0]?.problem).toMatch(/no root that was given issued the certificate/);
  });

  test('without any root nothing passes', () => {
    const verdict = appraise(
      JSON.parse(JSON.stringify(writeEvidence(evidence))),
      policy(),
      openVerifierPorts([], now),
    );
    expect(failedChecks(verdict)).toContain('endorsement');
  });

  test('has to have a certificate, for that key', () => {
    const without = evidence.endorsements.map((entry) => ({ ...entry, certificates: [] }));
    expect(failedChecks(appraised({ ...evidence, endorsements: without }))).toContain('endorsement');
    expect(failedChecks(appraised({ ...evidence, endorsements: [] }))).toContain('endorsement');
    const swapped = evidence.endorsements.map(({ certificates }) => ({
      publicArea: otherEvidence.endorsements[0]?.publicArea ?? evidence.attestationKey,
      certificates,
    }));
    const verdict = appraised({ ...evidence, endorsements: swapped });
    expect(verdict.findings[0]?.problem).toBe('the certificate is for another endorsement key');
  });

  test('the certificate has to be in force', async () => {
    const years = 1000 * 365 * 24 * 60 * 60_000;
    const roots = readCertificates(await authorityOf(box.directory));
    const verdict = appraise(
      JSON.parse(JSON.stringify(writeEvidence(evidence))),
      policy(),
      openVerifierPorts(roots, now - years),
    );
    expect(verdict.findings[0]?.problem).toMatch(/not in force now/);
  });
});

describe('2: the attestation key', () => {
  test.each(['restricted', 'sign', 'fixedTpm', 'fixedParent', 'sensitiveDataOrigin'] as const)(
    'has to be %s',
    (attribute) => {
      const key = evidence.attestationKey;
      const attributes = key.attributes & ~objectAttribute[attribute];
      const verdict = appraised({ ...evidence, attestationKey: { ...key, attributes } });
      expect(verdict.findings).toContainEqual(
        expect.objectContaining({ check: 'attestation-key', expected: attribute }),
      );
    },
  );

  test('a quote by a key of the same TPM that is not restricted is refused', async () => {
    const shown = await box.use(async (tpm) => {
      const template = {
        ...signingTemplate,
        key: { ...signingTemplate.key, scheme: { algorithm: algorithm.ecdsa, hash: algorithm.sha256 } },
      } as typeof signingTemplate;
      return succeeded(
        await withPrimaryKey(tpm, hierarchy.endorsement, template, async ({ handle, publicArea }) => {
          const selection = [{ hash: algorithm.sha256, indexes: [...evidence.pcrs.keys()] }];
          const made = await tpm.execute(quote(handle, nonce, selection));
          if (!made.ok) return made;
          const { attest, signature } = made.value;
          return {
            ok: true,
            value: { ...evidence, attestationKey: publicArea, quote: { attest: attest.raw, signature } },
          };
        }),
      );
    });
    const verdict = appraised(shown);
    expect(failedChecks(verdict)).toEqual(['attestation-key', 'host-identity']);
    expect(verdict.findings[0]).toMatchObject({ expected: 'restricted', actual: 'not restricted' });
  });

  test('without an answered credential nothing says in which TPM it is', () => {
    expect(failedChecks(appraised(evidence, { activation: null }))).toEqual(['attestation-key']);
  });

  test('a wrong answer, or one of another TPM, does not activate it', async () => {
    const { kept, answer } = activation;
    const wrong = { kept, answer: answer.map((octet) => octet ^ 1) };
    expect(failedChecks(appraised(evidence, { activation: wrong }))).toEqual(['attestation-key']);
    const foreign = await enrol(other, otherEvidence);
    expect(failedChecks(appraised(evidence, { activation: foreign }))).toEqual(['attestation-key']);
  });

  test('a TPM that was swapped under the box is noticed', () => {
    const { record } = appraised(evidence);
    const verdict = appraised(otherEvidence, { previous: record, anyTpm: true });
    expect(verdict.findings[0]).toMatchObject({
      check: 'attestation-key',
      problem: 'this is another TPM than the one of the last time',
    });
    expect(failedChecks(verdict)).toContain('host-identity');
  });
});

describe('3: the quote', () => {
  test('has to be by the attestation key', () => {
    const verdict = appraised({ ...evidence, attestationKey: otherEvidence.attestationKey });
    expect(failedChecks(verdict)).toContain('quote');
  });

  test('has to answer this challenge, not an old one', () => {
    const later = ascii('another challenge');
    const verdict = appraised(evidence, { nonce: later });
    expect(failedChecks(verdict)).toEqual(['quote', 'host-identity']);
    expect(verdict.findings[0]?.problem).toBe('the quote answers another challenge');
  });

  test('a challenge that the last appraisal used is not taken twice', () => {
    const { record } = appraised(evidence);
    const verdict = appraised(evidence, { previous: record });
    expect(failedChecks(verdict)).toEqual(['quote']);
  });
});

describe('4: the PCR selection', () => {
  const requoted = (indexes: readonly number[]) =>
    box.use(async (tpm) =>
      succeeded(
        await withOwnAttestationKey(tpm, async ({ handle }) => {
          const made = await tpm.execute(quote(handle, nonce, [{ hash: algorithm.sha256, indexes }]));
          if (!made.ok) return made;
          const { attest, signature } = made.value;
          return { ok: true, value: { ...evidence, quote: { attest: attest.raw, signature } } };
        }),
      ),
    );

  test.each<[string, number[]]>([
    ['none', []],
    ['PCR 0 alone', [0]],
    ['all but PCR 12', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15]],
    ['one more', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]],
  ])('is what was asked for: %s is refused', async (_, indexes) => {
    const verdict = appraised(await requoted(indexes));
    expect(failedChecks(verdict)).toEqual(['pcr-selection']);
  });

  test('a value that was not quoted is refused', () => {
    const pcrs = new Map(evidence.pcrs).set(7, new Uint8Array(32));
    expect(failedChecks(appraised({ ...evidence, pcrs }))).toContain('pcr-selection');
    pcrs.delete(7);
    expect(failedChecks(appraised({ ...evidence, pcrs }))).toContain('pcr-selection');
  });
});

describe('6: clock and counters', () => {
  test.each<[string, (record: NonNullable<Verdict['record']>) => object]>([
    ['the TPM’s clock', ({ clock }) => ({ clock: String(BigInt(clock) + 3_600_000n) })],
    ['the count of resets', ({ resetCount }) => ({ resetCount: resetCount + 1 })],
    ['the count of restarts', ({ restartCount }) => ({ restartCount: restartCount + 1 })],
    [
      'firmware version',
      ({ firmwareVersion }) => ({ firmwareVersion: String(BigInt(firmwareVersion) + 1n) }),
    ],
  ])('%s that went back is refused', (what, change) => {
    const { record } = appraised(evidence);
    if (record === null) throw new Error('the evidence failed');
    const previous = { ...record, nonce: '00', ...change(record) };
    const verdict = appraised(evidence, { previous });
    expect(failedChecks(verdict)).toEqual(['clock']);
    expect(verdict.findings[0]?.problem).toContain(what);
  });

  test('other firmware of the machine is noticed', () => {
    const { record } = appraised(evidence);
    if (record === null) throw new Error('the evidence failed');
    const machinePcrs = { ...record.machinePcrs, '7': '00'.repeat(32) };
    const verdict = appraised(evidence, { previous: { ...record, nonce: '00', machinePcrs } });
    expect(verdict.findings).toMatchObject([{ check: 'machine', pcr: 7, expected: '00'.repeat(32) }]);
  });
});

describe('the host identity', () => {
  test('certified by another TPM is refused', () => {
    const verdict = appraised({ ...evidence, hostIdentity: otherEvidence.hostIdentity });
    expect(failedChecks(verdict)).toEqual(['host-identity']);
    expect(verdict.findings[0]?.problem).toMatch(/did not certify/);
  });

  test('that is not the key that was certified is refused', () => {
    const { hostIdentity } = evidence;
    const publicArea = otherEvidence.hostIdentity?.publicArea;
    if (hostIdentity === null || publicArea === undefined) throw new Error('no identity');
    const verdict = appraised({ ...evidence, hostIdentity: { ...hostIdentity, publicArea } });
    expect(verdict.findings[0]?.problem).toBe('another key was certified');
  });

  test('that another release key approves is refused', () => {
    const verdict = appraised(evidence, {
      reference: { ...reference(), releaseKeyName: new Uint8Array(34) },
    });
    expect(verdict.findings[0]?.problem).toMatch(/not bound to what the release key approves/);
  });

  test('that lives in a file is no identity in the TPM', () => {
    expect(failedChecks(appraised({ ...evidence, hostIdentity: null }))).toEqual(['host-identity']);
  });
});

describe('evidence from anybody', () => {
  const document = () => JSON.parse(JSON.stringify(writeEvidence(evidence))) as Record<string, unknown>;

  test('with any of its parts missing or of another kind fails', () => {
    for (const name of Object.keys(document()))
      for (const value of [undefined, null, 7, 'zz', [], {}]) {
        const verdict = appraise({ ...document(), [name]: value }, policy(), ports);
        expect([name, value, verdict.status]).toEqual([name, value, 'contraindicated']);
      }
  });

  test('cut short anywhere in its signed octets fails', () => {
    const { attest } = evidence.quote;
    for (let size = 0; size < attest.length; size++) {
      const verdict = appraised({
        ...evidence,
        quote: { ...evidence.quote, attest: attest.subarray(0, size) },
      });
      expect(verdict.status).toBe('contraindicated');
    }
  });

  test('with any octet of its quote changed fails', () => {
    const { attest } = evidence.quote;
    fc.assert(
      fc.property(fc.nat(attest.length - 1), fc.integer({ min: 1, max: 255 }), (place, flip) => {
        const changed = attest.with(place, (attest[place] ?? 0) ^ flip);
        const verdict = appraised({ ...evidence, quote: { ...evidence.quote, attest: changed } });
        return verdict.status === 'contraindicated';
      }),
      { numRuns: 100 },
    );
  });

  test('of any JSON is a verdict, never an exception', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(document())), (value, name) => {
        expect(appraise(value, policy(), ports).status).toBe('contraindicated');
        const verdict = appraise({ ...document(), [name]: value }, policy(), ports);
        return verdict.status === 'contraindicated';
      }),
      { numRuns: 300 },
    );
  });
});

describe.each<[string, readonly '--ecc'[]]>([
  ['RSA-2048', []],
  ['ECC', ['--ecc']],
])('enrolment of a TPM with an endorsement key of kind %s', (_, only) => {
  test('the credential comes back, and makes the verdict a full one', async () => {
    const swtpm = only.length === 0 ? box : other;
    const shown = only.length === 0 ? evidence : otherEvidence;
    const kind = only.length === 0 ? 'rsa' : 'ecc';
    const endorsements = shown.endorsements.filter(({ publicArea }) => publicArea.key.type === kind);
    expect(endorsements).toHaveLength(1);
    const activated = await enrol(swtpm, { ...shown, endorsements });
    expect(activated.answer).toEqual(activated.kept.secret);
    const roots = readCertificates(await authorityOf(swtpm.directory));
    const verdict = appraise(
      JSON.parse(JSON.stringify(writeEvidence({ ...shown, endorsements }))),
      policy({ activation: activated }),
      openVerifierPorts(roots, now),
    );
    expect(verdict).toMatchObject({ status: 'affirming', findings: [] });
  });
});

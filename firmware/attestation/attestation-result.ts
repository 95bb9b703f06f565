import type { Check, Verdict } from './verdict.ts';

/**
 * AR4SI trustworthiness claims (draft-ietf-rats-ar4si §2.3.4): 2 affirming, 32 warning, 96 contraindicated; 97 is
 * "unrecognized" for an instance identity.
 */
type Tier = 2 | 32 | 96 | 97;

/** Which checks speak for which claim. */
const claims: Readonly<
  Record<'instance-identity' | 'hardware' | 'executables' | 'configuration', readonly Check[]>
> = {
  'instance-identity': ['endorsement', 'attestation-key', 'quote', 'host-identity'],
  hardware: ['machine', 'clock'],
  executables: ['pcr-selection', 'event-log', 'boot'],
  configuration: ['runtime'],
};

/**
 * The claims of an EAT attestation result (draft-ietf-rats-ear over RFC 9711) for a JSON Web Token. `issuedAt` is seconds
 * since 1970; the nonce is the challenge in base64url.
 */
export function attestationResult(
  verdict: Verdict,
  { issuedAt, nonce, build }: { readonly issuedAt: number; readonly nonce: string; readonly build: string },
): object {
  return {
    eat_profile: 'tag:github.com,2023:veraison/ear',
    iat: issuedAt,
    'ear.verifier-id': { developer: 'Hithe', build },
    eat_nonce: nonce,
    submods: {
      hithe: {
        'ear.status': verdict.status,
        'ear.trustworthiness-vector': Object.fromEntries(
          Object.entries(claims).map(([claim, checks]) => [claim, tier(verdict, claim, checks)]),
        ),
        'ear.appraisal-policy-id': `hithe-release:${verdict.release.version}`,
        'hithe.hit': verdict.hit,
        'hithe.development': verdict.release.development,
        'hithe.findings': verdict.findings,
        'hithe.warnings': verdict.warnings,
      },
    },
  };
}

function tier(verdict: Verdict, claim: string, checks: readonly Check[]): Tier {
  const outcomes = checks.map(
    (check) => verdict.checks.find((entry) => entry.check === check)?.outcome ?? 'failed',
  );
  if (outcomes.includes('failed')) return claim === 'instance-identity' ? 97 : 96;
  return outcomes.includes('skipped') || verdict.release.development ? 32 : 2;
}

import { parseAddress } from '../../policy/address-line.ts';
import type { AttestationVerdict } from '../../policy/policy.ts';

/** Verdicts about gateways by the places of their HITs on the line of addresses, and until when they stay as they are. */
export type GatewayVerdicts = {
  readonly of: ReadonlyMap<bigint, AttestationVerdict>;
  /** Milliseconds since 1970; null where time changes nothing. */
  readonly until: number | null;
};

/** Clocks of a verifier and of a gateway may be this far apart. */
const aheadMs = 300_000;
const hourMs = 3_600_000;

/**
 * What verifiers say of gateways, by the claims of tokens whose signatures are good (an EAT Attestation Result of
 * `hithe attest appraise`). Of several about one HIT the newest counts. One that affirms is `passed` as long as it is
 * fresh; one that contraindicates is `failed` until there is a newer one; one that only warns says nothing.
 */
export function gatewayVerdicts(
  claims: readonly unknown[],
  validHours: number,
  now: number,
): GatewayVerdicts {
  const newest = new Map<bigint, { readonly issued: number; readonly status: string }>();
  let until: number | null = null;
  const changesAt = (time: number) => {
    if (time > now) until = Math.min(until ?? time, time);
  };
  for (const token of claims) {
    const read = readClaims(token);
    if (read === null) continue;
    // A clock that is not set yet makes everything seem to come from the future.
    changesAt(read.issued - aheadMs);
    if (read.issued - aheadMs > now || read.issued <= (newest.get(read.hit)?.issued ?? 0)) continue;
    newest.set(read.hit, read);
  }
  const of = new Map<bigint, AttestationVerdict>();
  for (const [hit, { issued, status }] of newest) {
    const end = issued + validHours * hourMs;
    if (status === 'contraindicated') of.set(hit, 'failed');
    else if (status === 'affirming' && now < end) {
      of.set(hit, 'passed');
      changesAt(end);
    }
  }
  return { of, until };
}

function readClaims(
  token: unknown,
): { readonly hit: bigint; readonly issued: number; readonly status: string } | null {
  const { iat, submods } = (token ?? {}) as { iat?: unknown; submods?: { hithe?: Record<string, unknown> } };
  const status = submods?.hithe?.['ear.status'];
  const text = submods?.hithe?.['hithe.hit'];
  const hit = typeof text === 'string' ? parseAddress(text) : undefined;
  if (typeof iat !== 'number' || typeof status !== 'string' || hit === undefined) return null;
  return { hit, issued: iat * 1000, status };
}

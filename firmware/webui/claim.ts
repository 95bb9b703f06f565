import { createAttemptLimits } from './attempt-limits.ts';
import { reasonOf } from './error.ts';
import { limits } from './limits.ts';
import type { RandomBytes, ReadClock, SecretFiles, WriteLog } from './ports.ts';
import { sameText } from './same-text.ts';

/** Crockford's base 32: no I, L, O or U, so that a code read aloud or off a label is not mistaken. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeLength = 8;
const codeBytes = (codeLength * 5) / 8;
const fileName = 'claim.json';

/** A claim code of 40 bits, written `XXXX-XXXX`, from five octets of randomness. */
export function formatClaimCode(random: Uint8Array): string {
  if (random.length !== codeBytes) throw new RangeError(`A claim code is made of ${codeBytes} octets.`);
  let bits = 0n;
  for (const octet of random) bits = (bits << 8n) | BigInt(octet);
  let code = '';
  for (let index = codeLength - 1; index >= 0; index--)
    code += alphabet[Number((bits >> BigInt(index * 5)) & 31n)];
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/**
 * What a person typed, as the code would be written: case, spaces and dashes do not matter, O is 0, I and L are 1.
 * Null where it cannot be a claim code.
 */
export function readClaimCode(typed: string): string | null {
  if (typed.length > limits.claimTypedLength) return null;
  const letters = typed
    .toUpperCase()
    .replace(/[\s\p{Pd}]/gu, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
  if (letters.length !== codeLength) return null;
  for (const letter of letters) if (!alphabet.includes(letter)) return null;
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}

export type ClaimOutcome =
  | { readonly outcome: 'claimed' }
  /** The box was claimed before, and the code was the one that its console offered for a new owner’s password. */
  | { readonly outcome: 'recovered' }
  | { readonly outcome: 'busy' }
  | { readonly outcome: 'already-claimed' }
  | { readonly outcome: 'wrong-code' }
  | { readonly outcome: 'not-stored' }
  | { readonly outcome: 'too-many-tries'; readonly retryAfterSeconds: number };

export interface Claim {
  /** The code that the console shows; null once the box is claimed. */
  code(): string | null;
  claimed(): boolean;
  /**
   * Claims the box with the code from its console, or recovers a claimed one with the code that `offerRecovery` gave.
   * The owner is kept by `keepOwner`, before the code counts as used: where that fails nothing has changed.
   * @param address from where it was typed; tries are bounded for each sender and for all.
   */
  attempt(typed: string, address: string, keepOwner: KeepOwner): Promise<ClaimOutcome>;
  /**
   * A code for somebody who stands at the box and has no password: good once, for `limits.recoveryMs`; the one before it
   * is good no more. Tries are counted anew. Null while the box is unclaimed, which has its claim code.
   */
  offerRecovery(): string | null;
}

export type KeepOwner = (why: 'claim' | 'recovery') => Promise<'done' | 'busy' | 'not-stored'>;

type ClaimRecord =
  | { readonly state: 'unclaimed'; readonly code: string }
  | { readonly state: 'claimed'; readonly at: string };

function parseRecord(text: string): ClaimRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('state' in value)) return null;
  if (value.state === 'claimed') {
    return { state: 'claimed', at: 'at' in value && typeof value.at === 'string' ? value.at : '' };
  }
  if (value.state !== 'unclaimed' || !('code' in value) || typeof value.code !== 'string') return null;
  const code = readClaimCode(value.code);
  return code === null ? null : { state: 'unclaimed', code };
}

export interface ClaimPorts {
  readonly secrets: SecretFiles;
  readonly random: RandomBytes;
  readonly now: ReadClock;
  /** Milliseconds since any moment; does not jump. */
  readonly elapsed: ReadClock;
  readonly log: WriteLog;
}

/**
 * Reads the box's claim or, at first boot, makes one. A record that cannot be read counts as unclaimed with a new
 * code: the code stands on the console alone, so that a person at the box gets in and nobody else does.
 */
export async function openClaim({ secrets, random, now, elapsed, log }: ClaimPorts): Promise<Claim> {
  let record: ClaimRecord | null = null;
  try {
    const text = await secrets.read(fileName);
    if (text !== null) {
      record = parseRecord(text);
      if (record === null)
        log('warning', 'The stored claim cannot be understood; the console shows a new claim code.');
    }
  } catch (error) {
    log(
      'warning',
      `The stored claim cannot be read (${reasonOf(error)}); the console shows a new claim code.`,
    );
  }
  if (record === null) {
    record = { state: 'unclaimed', code: formatClaimCode(random(codeBytes)) };
    try {
      await secrets.write(fileName, `${JSON.stringify(record)}\n`);
    } catch (error) {
      log('warning', `The claim code cannot be stored (${reasonOf(error)}); it is good until the next boot.`);
    }
  }
  let current: ClaimRecord = record;
  let storing = false;
  let recovery: { readonly code: string; readonly until: number } | null = null;
  const tries = createAttemptLimits();

  /** The code that is good now. */
  function expected(): string | null {
    if (current.state === 'unclaimed') return current.code;
    if (recovery !== null && elapsed() >= recovery.until) recovery = null;
    return recovery?.code ?? null;
  }

  async function keep(keepOwner: KeepOwner): Promise<ClaimOutcome> {
    const why = current.state === 'unclaimed' ? 'claim' : 'recovery';
    const kept = await keepOwner(why);
    if (kept !== 'done') return { outcome: kept };
    if (why === 'recovery') {
      recovery = null;
      return { outcome: 'recovered' };
    }
    const claimed: ClaimRecord = { state: 'claimed', at: new Date(now()).toISOString() };
    await secrets.write(fileName, `${JSON.stringify(claimed)}\n`);
    current = claimed;
    return { outcome: 'claimed' };
  }

  return {
    code: () => (current.state === 'unclaimed' ? current.code : null),
    claimed: () => current.state === 'claimed',
    async attempt(typed, address, keepOwner) {
      const wait = tries.take({ address, user: null }, elapsed());
      if (wait > 0) return { outcome: 'too-many-tries', retryAfterSeconds: Math.ceil(wait / 1000) };
      const good = expected();
      if (good === null) return { outcome: 'already-claimed' };
      const code = readClaimCode(typed);
      if (code === null || !sameText(code, good)) return { outcome: 'wrong-code' };
      // A second right answer while the first is being written must not claim twice.
      if (storing) return { outcome: 'already-claimed' };
      storing = true;
      try {
        return await keep(keepOwner);
      } catch (error) {
        log('error', `The claim could not be stored: ${reasonOf(error)}`);
        return { outcome: 'not-stored' };
      } finally {
        storing = false;
      }
    },
    offerRecovery() {
      if (current.state === 'unclaimed') return null;
      const code = formatClaimCode(random(codeBytes));
      recovery = { code, until: elapsed() + limits.recoveryMs };
      tries.lift();
      return code;
    },
  };
}

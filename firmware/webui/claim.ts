import { reasonOf } from './error.ts';
import { limits } from './limits.ts';
import type { RandomBytes, ReadClock, SecretFiles, WriteLog } from './ports.ts';
import { createTokenBucket } from './token-bucket.ts';

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
  const letters = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  if (letters.length !== codeLength) return null;
  for (const letter of letters) if (!alphabet.includes(letter)) return null;
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}

/** Compares without telling by its duration how much was right. Both are written codes of the same length. */
export function sameClaimCode(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index++)
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  return difference === 0;
}

export type ClaimOutcome =
  | { readonly outcome: 'claimed' }
  | { readonly outcome: 'already-claimed' }
  | { readonly outcome: 'wrong-code' }
  | { readonly outcome: 'not-stored' }
  | { readonly outcome: 'too-many-tries'; readonly retryAfterSeconds: number };

export interface Claim {
  /** The code that the console shows; null once the box is claimed. */
  code(): string | null;
  claimed(): boolean;
  attempt(typed: string): Promise<ClaimOutcome>;
}

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
  readonly log: WriteLog;
}

/**
 * Reads the box's claim or, at first boot, makes one. A record that cannot be read counts as unclaimed with a new
 * code: the code stands on the console alone, so that a person at the box gets in and nobody else does.
 */
export async function openClaim({ secrets, random, now, log }: ClaimPorts): Promise<Claim> {
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
  const tries = createTokenBucket({ burst: limits.claimBurst, refillMs: limits.claimRefillMs });

  return {
    code: () => (current.state === 'unclaimed' ? current.code : null),
    claimed: () => current.state === 'claimed',
    async attempt(typed) {
      if (current.state === 'claimed') return { outcome: 'already-claimed' };
      // Counted for the box, not for each sender: on a LAN anybody can have as many addresses as they like.
      const wait = tries.take(now());
      if (wait > 0) return { outcome: 'too-many-tries', retryAfterSeconds: Math.ceil(wait / 1000) };
      const code = readClaimCode(typed);
      if (code === null || !sameClaimCode(code, current.code)) return { outcome: 'wrong-code' };
      // A second right answer while the first is being written must not claim twice.
      if (storing) return { outcome: 'already-claimed' };
      storing = true;
      try {
        const claimed: ClaimRecord = { state: 'claimed', at: new Date(now()).toISOString() };
        await secrets.write(fileName, `${JSON.stringify(claimed)}\n`);
        current = claimed;
        return { outcome: 'claimed' };
      } catch (error) {
        log('error', `The claim could not be stored: ${reasonOf(error)}`);
        return { outcome: 'not-stored' };
      } finally {
        storing = false;
      }
    },
  };
}

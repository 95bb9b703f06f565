import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatClaimCode, openClaim, readClaimCode } from '../../firmware/webui/claim.ts';
import { limits } from '../../firmware/webui/limits.ts';
import type { SecretFiles } from '../../firmware/webui/ports.ts';
import { sameText } from '../../firmware/webui/same-text.ts';

function memorySecrets(files: Record<string, string> = {}): SecretFiles & { files: Record<string, string> } {
  return {
    files,
    read: async (name) => files[name] ?? null,
    write: async (name, text) => {
      files[name] = text;
    },
  };
}

function claimPorts(secrets: SecretFiles) {
  const lines: string[] = [];
  const clock = { at: Date.UTC(2026, 0, 1) };
  return {
    lines,
    clock,
    ports: {
      secrets,
      random: (length: number) => new Uint8Array(length).fill(0x5a),
      now: () => clock.at,
      elapsed: () => clock.at,
      log: (_level: string, message: string) => void lines.push(message),
    },
  };
}

/** An owner who is kept at once. */
const sender = '192.168.1.50';
const kept = async () => 'done' as const;

describe('claim code', () => {
  test('is written in two groups of Crockford’s letters', () => {
    expect(formatClaimCode(Uint8Array.of(0, 0, 0, 0, 0))).toBe('0000-0000');
    expect(formatClaimCode(Uint8Array.of(255, 255, 255, 255, 255))).toBe('ZZZZ-ZZZZ');
    // 0x0123456789 = 00000 00100 10001 10100 01010 11001 11100 01001
    expect(formatClaimCode(Uint8Array.of(0x01, 0x23, 0x45, 0x67, 0x89))).toBe('04HM-ASW9');
  });

  test('carries all 40 bits: two different draws give two different codes', () => {
    const draw = fc.uint8Array({ minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(draw, draw, (left, right) => {
        const equal = left.every((octet, index) => octet === right[index]);
        expect(formatClaimCode(left) === formatClaimCode(right)).toBe(equal);
      }),
    );
  });

  test('refuses to be made of less randomness', () => {
    expect(() => formatClaimCode(new Uint8Array(4))).toThrow(RangeError);
  });

  test('is read however a person types it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 5, maxLength: 5 }), (random) => {
        const code = formatClaimCode(random);
        const misread = code.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l').replace('-', ' - ');
        expect(readClaimCode(misread)).toBe(code);
        expect(readClaimCode(code.replace('-', ''))).toBe(code);
        // As telephones and chats write dashes: of a number, not breaking, of a range.
        for (const dash of ['\u2012', '\u2011', ' \u2013\u00a0'])
          expect(readClaimCode(code.replace('-', dash))).toBe(code);
      }),
    );
  });

  test.each([
    '',
    '0000-000',
    '0000-00000',
    'UUUU-0000',
    '0000_0000',
    'ÄÄÄÄ-0000',
    `${' '.repeat(40)}0000-0000`,
  ])('%j cannot be a code', (typed) => expect(readClaimCode(typed)).toBeNull());

  test('comparing looks at every letter', () => {
    expect(sameText('AAAA-AAAA', 'AAAA-AAAA')).toBe(true);
    for (let index = 0; index < 9; index++) {
      expect(sameText('AAAAAAAAA', `${'A'.repeat(index)}B${'A'.repeat(8 - index)}`)).toBe(false);
    }
    expect(sameText('AAAA', 'AAAA-AAAA')).toBe(false);
  });
});

describe('claiming', () => {
  test('the first boot makes a code, the next ones keep it', async () => {
    const secrets = memorySecrets();
    const first = await openClaim(claimPorts(secrets).ports);
    const second = await openClaim({ ...claimPorts(secrets).ports, random: () => new Uint8Array(5) });
    expect(first.code()).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(second.code()).toBe(first.code());
    expect(second.claimed()).toBe(false);
  });

  test('works once, and stays claimed over a restart', async () => {
    const secrets = memorySecrets();
    const claim = await openClaim(claimPorts(secrets).ports);
    const code = claim.code() ?? '';
    expect(await claim.attempt(code.toLowerCase(), sender, kept)).toEqual({ outcome: 'claimed' });
    expect(claim.code()).toBeNull();
    expect(await claim.attempt(code, sender, kept)).toEqual({ outcome: 'already-claimed' });
    expect(secrets.files['claim.json']).not.toContain(code);
    const restarted = await openClaim(claimPorts(secrets).ports);
    expect([restarted.claimed(), restarted.code()]).toEqual([true, null]);
  });

  test('of two right answers at the same time one claims', async () => {
    const claim = await openClaim(claimPorts(memorySecrets()).ports);
    const code = claim.code() ?? '';
    const outcomes = await Promise.all([
      claim.attempt(code, sender, kept),
      claim.attempt(code, sender, kept),
    ]);
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['already-claimed', 'claimed']);
  });

  test('guesses run out, and a right code does not get past the limit', async () => {
    const { ports, clock } = claimPorts(memorySecrets());
    const claim = await openClaim(ports);
    for (let index = 0; index < limits.signInBurst; index++) {
      expect(await claim.attempt('0000-0000', sender, kept)).toEqual({ outcome: 'wrong-code' });
    }
    const refused = await claim.attempt(claim.code() ?? '', sender, kept);
    expect(refused).toEqual({ outcome: 'too-many-tries', retryAfterSeconds: limits.signInRefillMs / 1000 });
    clock.at += limits.signInRefillMs;
    expect(await claim.attempt(claim.code() ?? '', sender, kept)).toEqual({ outcome: 'claimed' });
  });

  test.each([
    '',
    '{',
    '[]',
    'null',
    '{"state":"unclaimed"}',
    '{"state":"unclaimed","code":"?"}',
    '{"state":"other"}',
  ])('the damaged record %j gives a new code, and the log says so', async (text) => {
    const secrets = memorySecrets({ 'claim.json': text });
    const { ports, lines } = claimPorts(secrets);
    const claim = await openClaim(ports);
    expect(claim.code()).not.toBeNull();
    expect(lines.join()).toContain('cannot be understood');
    expect(secrets.files['claim.json']).toContain(claim.code());
  });

  test('a claim that cannot be stored is not given', async () => {
    const secrets = memorySecrets();
    const claim = await openClaim(claimPorts(secrets).ports);
    secrets.write = async () => Promise.reject(new Error('disk full'));
    expect(await claim.attempt(claim.code() ?? '', sender, kept)).toEqual({ outcome: 'not-stored' });
    expect(claim.claimed()).toBe(false);
  });

  test('without a disk the box has a code until the next boot', async () => {
    const broken: SecretFiles = {
      read: async () => Promise.reject(new Error('I/O error')),
      write: async () => Promise.reject(new Error('I/O error')),
    };
    const { ports, lines } = claimPorts(broken);
    const claim = await openClaim(ports);
    expect(claim.code()).not.toBeNull();
    expect(lines).toHaveLength(2);
  });
});

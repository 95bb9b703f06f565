import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PolicyEnforcement, type PolicyPorts } from '../../../firmware/netd/policy/enforcement.ts';
import { gatewayVerdicts } from '../../../firmware/netd/policy/verdicts.ts';
import { parseAddress } from '../../../firmware/policy/address-line.ts';
import { defaultSettings } from '../../../firmware/store/settings-schema.ts';
import { readToken, signToken } from '../../../firmware/system/verdict-token.ts';

const hit = '2001:22::b';
const place = parseAddress(hit) ?? 0n;
const noon = Date.parse('2026-06-01T12:00:00Z');
const hour = 3_600_000;

function claims(status: string, issued = noon, about = hit): object {
  return { iat: issued / 1000, submods: { hithe: { 'ear.status': status, 'hithe.hit': about } } };
}
const verdict = (tokens: readonly unknown[], now = noon) => gatewayVerdicts(tokens, 24, now).of.get(place);

describe('what verifiers say of gateways', () => {
  test('a sound one passes until its verdict lapses', () => {
    const tokens = [claims('affirming')];
    expect([
      verdict(tokens),
      verdict(tokens, noon + 24 * hour - 1),
      verdict(tokens, noon + 24 * hour),
    ]).toEqual([...['passed', 'passed', undefined]]);
    expect(gatewayVerdicts(tokens, 24, noon).until).toBe(noon + 24 * hour);
  });

  test('one that is not fails until a newer verdict; a warning says nothing', () => {
    const failed = claims('contraindicated');
    expect(verdict([failed], noon + 1000 * hour)).toBe('failed');
    expect(verdict([claims('affirming', noon + hour), failed], noon + hour)).toBe('passed');
    expect(verdict([claims('affirming', noon - hour), failed])).toBe('failed');
    expect(verdict([claims('affirming'), claims('warning', noon + 1000)], noon + 1000)).toBeUndefined();
  });

  test('nothing comes from the future, as everything seems to where the clock is not set', () => {
    expect(verdict([claims('affirming', noon + 300_000)])).toBe('passed');
    const early = gatewayVerdicts([claims('affirming', noon + 300_001)], 24, noon);
    expect([early.of.size, early.until]).toEqual([0, noon + 1]);
    expect(verdict([claims('affirming')], 5000)).toBeUndefined();
  });

  test('what is no verdict is passed over', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(verdict([value, claims('affirming')])).toBe('passed');
      }),
    );
  });
});

describe('tokens', () => {
  const pair = (namedCurve = 'P-256') =>
    generateKeyPairSync('ec', {
      namedCurve,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
  const [ours, others] = [pair(), pair()];
  const token = signToken(claims('affirming'), ours.privateKey);

  test('are read where one of the keys signed them, and not where they were changed', () => {
    expect(readToken(token, [others.publicKey, ours.publicKey])).toEqual(claims('affirming'));
    expect(readToken(token, [others.publicKey, 'nonsense', pair('P-384').publicKey])).toBeNull();
    const [header = '', , signature = ''] = token.split('.');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const text of [
      `${header}.${part(claims('affirming', noon + hour))}.${signature}`,
      `${part({ alg: 'none' })}.${part(claims('affirming'))}.`,
      `${header}.${part(claims('affirming'))}.`,
      `${token}.more`,
      '',
    ])
      expect(readToken(text, [ours.publicKey])).toBeNull();
  });

  test('decide what rules that ask for attestation mean, until they lapse', async () => {
    let now = noon;
    let isDue: (() => void) | undefined;
    const ports: PolicyPorts = {
      setTimer: (_, callback) => {
        isDue = callback;
        return { close: () => {} };
      },
      log: () => {},
      readText: () => null,
      replaceText: () => null,
      runFolder: '/run',
      run: async () => ({ status: 0, stdout: '', stderr: '' }),
      now: () => now,
      readToken,
    };
    const enforcement = new PolicyEnforcement(ports);
    const peer = { name: 'far', uri: `hip://192.0.2.1:10500/${hit}`, protectedPrefixes: ['10.2.0.0/16'] };
    const settings = {
      ...defaultSettings,
      overlay: { ...defaultSettings.overlay, peers: [peer] },
      policy: {
        ...{ ...defaultSettings.policy, unknownDevices: 'permitted' as const },
        rules: [
          {
            id: 'sound',
            subject: { attestation: 'passed' as const },
            verb: 'allow' as const,
            object: 'any' as const,
          },
        ],
        verdicts: { verifiers: [ours.publicKey], tokens: [token], validHours: 24 },
      },
    };
    const asked = () => {
      const result = enforcement.explain({ from: '10.2.0.1', to: '192.168.1.10', protocol: 'tcp', port: 1 });
      return result.ok ? result.value.verdict : result.problem;
    };
    await enforcement.apply({ settings, own: {}, lan: [], apart: [] });
    expect(asked()).toBe('allow');
    now = noon + 24 * hour;
    isDue?.();
    await enforcement.report();
    await enforcement.close();
    expect(asked()).toBe('deny');
  });
});

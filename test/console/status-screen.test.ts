import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/console/limits.ts';
import { pageUrl, statusScreen } from '../../firmware/console/status-screen.ts';
import { degradedStatus, emptyStatus } from '../webui/status-fixtures.ts';
import { fingerprint, unclaimed } from './facts.ts';

const shown = (facts = unclaimed) => statusScreen(facts).join('\n');

describe('the status on the console', () => {
  test('shows what a person needs to open the page and to trust it', () => {
    const screen = shown();
    expect(screen).toContain('https://192.168.1.1/');
    expect(screen).toContain('https://[fd00::1]/');
    expect(screen).not.toContain('fe80');
    expect(screen).toContain(fingerprint.slice(0, 47));
    expect(screen).toContain(fingerprint.slice(48));
    expect(screen).toContain('4KQ7-9XZM');
    expect(screen).toContain('2001:22:9a1c:44d0:7be:91f3:20c7:5e1d');
    expect(screen).toContain('SOFTWARE IDENTITY');
    expect(screen).toContain('quote verified');
    expect(screen).toMatch(/Boot +as released/);
    expect(screen).toMatch(/Tunnels +\d of \d up/);
  });

  test('shows four addresses of the page, and no more', () => {
    const addresses = Array.from({ length: limits.shownAddresses + 1 }, (_, index) => `192.168.${index}.1`);
    expect(shown({ ...unclaimed, addresses }).match(/https:/g)).toHaveLength(limits.shownAddresses);
    expect(shown({ ...unclaimed, addresses: addresses.slice(1) }).match(/https:/g)).toHaveLength(4);
  });

  test('has no claim code once the box is claimed', () => {
    expect(shown({ ...unclaimed, claimCode: null })).not.toContain('Claim');
  });

  test('says what is missing, and what is wrong', () => {
    const screen = shown({
      ...unclaimed,
      ...{ status: emptyStatus(0), addresses: [], fingerprint: null, claimCode: null, measuredBoot: null },
    });
    for (const words of ['no address yet', 'none found', 'not made yet', 'not looked at yet', 'no peers'])
      expect(screen).toContain(words);
    expect(shown({ ...unclaimed, status: degradedStatus(0) })).toContain(
      'The state partition could not be opened.',
    );
    const alarms = [{ kind: 'tunnel-down' as const, raisedAt: 0 }];
    expect(shown({ ...unclaimed, status: { ...unclaimed.status, alarms } })).toMatch(/ALARMS +tunnel-down/);
  });

  test('names the peers that should be up and are not', () => {
    const tunnels = unclaimed.status.tunnels
      .slice(0, 1)
      .map((one) => ({ ...one, peer: 'plant', establishedAt: null, connect: 'always' as const }));
    expect(shown({ ...unclaimed, status: { ...unclaimed.status, tunnels } })).toContain('DOWN: plant');
  });

  test('stays within 80 × 24 of printable ASCII, whatever the machine calls itself', () => {
    const name = fc.string({ unit: 'binary', maxLength: 120 });
    fc.assert(
      fc.property(name, fc.array(name, { maxLength: 12 }), (vendor, messages) => {
        const status = {
          ...unclaimed.status,
          platform: { ...unclaimed.status.platform, vendor, product: vendor },
          warnings: messages.map((message) => ({ code: 'x', message, advice: vendor })),
        };
        const lines = statusScreen({ ...unclaimed, status });
        expect(lines.length).toBeLessThanOrEqual(limits.rows);
        for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]{0,80}$/);
      }),
      { numRuns: 30 },
    );
  });

  test('what does not fit is cut at the end, and said to be', () => {
    const warnings = Array.from({ length: 30 }, (_, index) => ({
      ...{ code: `${index}`, message: `warning ${index}`, advice: '' },
    }));
    const lines = statusScreen({ ...unclaimed, status: { ...unclaimed.status, warnings } });
    expect(lines).toHaveLength(limits.rows);
    expect(lines.at(-3)).toMatch(/more lines: see the page/);
    expect(lines.at(-1)).toBe(' Enter: menu');
  });

  test('RFC 3986 § 3.2.2: an IPv6 address stands in brackets', () => {
    expect(pageUrl('2001:db8::1')).toBe('https://[2001:db8::1]/');
  });
});

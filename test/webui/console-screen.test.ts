import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consoleScreen, pageUrl } from '../../firmware/webui/console-screen.ts';
import { degradedStatus, emptyStatus, normalStatus } from './status-fixtures.ts';

const fingerprint = Array.from({ length: 32 }, (_, index) =>
  index.toString(16).padStart(2, '0').toUpperCase(),
).join(':');
const facts = {
  status: normalStatus(0),
  addresses: ['192.168.1.1', 'fd00::1', 'fe80::1%br-lan'],
  fingerprint,
  claimCode: '4KQ7-9XZM',
};

describe('the console', () => {
  test('shows what a person needs to open the page and to trust it', () => {
    const screen = consoleScreen(facts);
    expect(screen).toContain('https://192.168.1.1/');
    expect(screen).toContain('https://[fd00::1]/');
    expect(screen).not.toContain('fe80');
    expect(screen).toContain(fingerprint.slice(0, 47));
    expect(screen).toContain(fingerprint.slice(48));
    expect(screen).toContain('4KQ7-9XZM');
    expect(screen).toContain('2001:22:9a1c:44d0:7be:91f3:20c7:5e1d');
    expect(screen).toContain('SOFTWARE IDENTITY');
    expect(screen).toContain('quote verified');
  });

  test('has no claim code once the box is claimed', () => {
    expect(consoleScreen({ ...facts, claimCode: null })).not.toContain('Claim');
  });

  test('says what is missing', () => {
    const screen = consoleScreen({
      status: emptyStatus(0),
      addresses: [],
      fingerprint: null,
      claimCode: null,
    });
    expect(screen).toContain('no address yet');
    expect(screen).toContain('none found');
    expect(screen).toContain('not made yet');
    expect(consoleScreen({ ...facts, status: degradedStatus(0) })).toContain(
      'The state partition could not be opened.',
    );
  });

  test('stays within 80 columns of printable ASCII, whatever the machine calls itself', () => {
    const name = fc.string({ unit: 'binary', maxLength: 200 });
    fc.assert(
      fc.property(name, name, (vendor, message) => {
        const status = {
          ...facts.status,
          platform: { ...facts.status.platform, vendor, product: message },
          warnings: [{ code: 'x', message, advice: vendor }],
        };
        const lines = consoleScreen({ ...facts, status }).split('\n');
        expect(lines.at(-1)).toBe('');
        for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]{0,80}$/);
      }),
    );
  });

  test('RFC 3986 § 3.2.2: an IPv6 address stands in brackets', () => {
    expect(pageUrl('2001:db8::1')).toBe('https://[2001:db8::1]/');
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIpv6, parseIpv6 } from '../../firmware/bytes/ipv6-text.ts';
import { formatHipUri, parseHipUri } from '../../firmware/hip/hip-uri.ts';
import { formatHit, hostIdentityTag } from '../../firmware/hip/host-identity-tag.ts';
import { hipUri } from '../../firmware/store/settings-schema.ts';

const hit = '2001:22:0:1::5';

describe('hip://host:port/HIT', () => {
  test.each([
    [`hip://gw.example:10500/${hit}`, `hip://gw.example:10500/${hit}`],
    [`hip://GW.Example/${hit}`, `hip://gw.example:10500/${hit}`],
    [`hip://192.0.2.1:1/2001:0022:0000:0001:0000:0000:0000:0005`, `hip://192.0.2.1:1/${hit}`],
    [`hip://[2001:DB8:0:0:0:0:0:1]:65535/${hit}`, `hip://[2001:db8::1]:65535/${hit}`],
    [`hip://1e100/${hit}`, `hip://1e100:10500/${hit}`],
  ])('%s reads as %s', (text, canonical) => {
    const uri = parseHipUri(text);
    expect(uri.ok && formatHipUri(uri.value)).toBe(canonical);
  });

  test.each([
    ['', 'must read hip://host:port/HIT'],
    [`http://gw/${hit}`, 'must read hip://host:port/HIT'],
    [`hip://gw:10500`, 'must read hip://host:port/HIT'],
    [`hip://u@gw/${hit}`, 'must read hip://host:port/HIT'],
    [`hip://gw:0/${hit}`, '0 is not a port'],
    [`hip://gw:65536/${hit}`, '65536 is not a port'],
    [`hip://256.1.1.1/${hit}`, '256.1.1.1 is neither a host name nor an address'],
    [`hip://1.2.3/${hit}`, '1.2.3 is neither a host name nor an address'],
    [`hip://01.2.3.4/${hit}`, '01.2.3.4 is neither a host name nor an address'],
    [`hip://-gw/${hit}`, '-gw is neither a host name nor an address'],
    [`hip://gw..x/${hit}`, 'gw..x is neither a host name nor an address'],
    [`hip://${'a'.repeat(64)}/${hit}`, `${'a'.repeat(64)} is neither a host name nor an address`],
    [`hip://[::1::]/${hit}`, '::1::  is neither a host name nor an address'.replace('  ', ' ')],
    ['hip://gw/2001:db8::1', '2001:db8::1 is not a HIT: HITs start with 2001:20 to 2001:2f'],
    ['hip://gw/2001:30::1', '2001:30::1 is not a HIT: HITs start with 2001:20 to 2001:2f'],
  ])('%s is refused', (text, reason) => {
    expect(parseHipUri(text)).toEqual({ ok: false, error: reason });
    // Nor do the settings take it: the overlay reads what they hold.
    expect(hipUri.safeParse(text).error?.issues.map(({ message }) => message)).toEqual([reason]);
  });

  test('what is written reads back, and is taken by the settings', async () => {
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.uint8Array({ minLength: 16, maxLength: 16 }).map((octets) => formatIpv6(octets)),
    );
    const tag = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((octets) => {
      octets.set([0x20, 0x01, 0, 0x20 | ((octets[3] ?? 0) & 0xf)]);
      const made = hostIdentityTag(octets);
      if (made === undefined) throw new Error('not a HIT');
      return made;
    });
    await fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), tag, (name, port, made) => {
        const uri = { host: name.toLowerCase(), port, hit: made };
        const text = formatHipUri(uri);
        expect(parseHipUri(text)).toEqual({ ok: true, value: uri });
        expect(hipUri.safeParse(text).success).toBe(true);
      }),
    );
  });
});

describe('IPv6 text (RFC 5952)', () => {
  test('any address reads back, in the form that URL gives it too', async () => {
    const sparse = fc
      .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
      .map((octets) => Uint8Array.from(octets));
    await fc.assert(
      fc.property(fc.oneof(sparse, fc.uint8Array({ minLength: 16, maxLength: 16 })), (octets) => {
        const text = formatIpv6(octets);
        expect(parseIpv6(text)).toEqual(octets);
        expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
        expect(formatHit(octets)).toBe(text);
      }),
    );
  });
});

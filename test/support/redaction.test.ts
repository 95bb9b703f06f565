import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/support/limits.ts';
import { createRedaction, secretsBetween, secretsIn } from '../../firmware/support/redaction.ts';

const nothingKnown = createRedaction([]);

describe('what looks like a secret', () => {
  test.each([
    ['an ESP key', '\tauth-trunc hmac(sha256) 0x000102030405060708090a0b0c0d0e0f 128', '0001020304'],
    [
      'an ESP key of AEAD',
      '\taead rfc4106(gcm(aes)) 0x00112233445566778899aabbccddeeff00112233 128',
      '00112233',
    ],
    ['a cipher key', '\tenc cbc(aes) 0x00112233445566778899aabbccddeeff', '00112233'],
    ['a token', 'used hithe_abcdefghijklmnop0123 today', 'abcdefghijklmnop'],
    ['a header', 'Authorization: Bearer abc.def.ghi', 'abc.def.ghi'],
    ['a header in JSON', '{"authorization":"Basic YWRtaW46"}', 'YWRtaW46'],
    ['a member', '{"password":"wrong \\" horse","x":1}', 'horse'],
    ['a parameter', 'root=/dev/vda psk=correct-horse quiet', 'correct-horse'],
    ['a SIM’s PIN', 'modem: sent AT+CPIN="4711"', '4711'],
  ])('%s', (_what, text, secret) => {
    const open = nothingKnown.text(text);
    expect(open).not.toContain(secret);
    expect(open).toContain('[secret]');
  });

  test('a private key, whole or cut off', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const [, line = ''] = pem.split('\n');
    for (const text of [`a ${pem} b`, `a ${pem.slice(0, 80)}`])
      expect(nothingKnown.text(text)).not.toContain(line);
    expect(nothingKnown.text(`a ${pem} b`)).toMatch(/^a [\s\S]* b$/);
  });

  test('what is not one stays', () => {
    const text = [
      'src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x0000c0de reqid 1 mode beet',
      'meta mark & 0x00ff0000 == 0x00010000 counter packets 3 bytes 252',
      '"code":"KEY_LOG_ON","rootHash":"3b1f00","hit":"2001:21::1"',
      'sent AT+CPIN? to the modem',
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    ].join('\n');
    expect(nothingKnown.text(text)).toBe(text);
  });
});

describe('secrets by their value', () => {
  test('are found in each form that a text may give them', () => {
    const value = 'p"ss wörd\\+/=';
    const redaction = createRedaction([value]);
    const octets = Buffer.from(value);
    for (const form of [
      value,
      JSON.stringify({ said: value }),
      encodeURIComponent(value),
      octets.toString('base64'),
      octets.toString('hex'),
    ])
      expect(redaction.text(`before ${form} after`)).toContain('[secret]');
    expect(redaction.isIn(Buffer.concat([Buffer.from([0, 255]), octets, Buffer.from([0])]))).toBe(true);
    expect(redaction.isIn(Buffer.from('nothing of it'))).toBe(false);
  });

  test('none is left in any text, also where one is part of another', () => {
    const secret = fc.string({ unit: 'grapheme', minLength: limits.knownSecretLength, maxLength: 30 });
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.array(fc.string()),
        (secrets, between) => {
          const [first = ''] = secrets;
          const redaction = createRedaction([...secrets, first.repeat(2)]);
          const text = secrets.flatMap((one, index) => [between[index] ?? '', one, one]).join(' ');
          const open = redaction.text(text).replaceAll('[secret]', '\u0000');
          for (const one of secrets) expect(open).not.toContain(one);
        },
      ),
    );
  });

  test('of a file: keys line by line, texts of JSON but for who and when, or all of it', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(secretsIn(pem)).toEqual(pem.trim().split('\n').slice(1, -1));
    const users = {
      version: 1,
      users: [
        {
          name: 'administrator',
          role: 'operator',
          createdAt: '2026-06-01T12:00:00Z',
          password: { hash: 'aGFzaGhhc2g=' },
        },
      ],
    };
    expect(new Set(secretsIn(JSON.stringify(users)))).toEqual(new Set(['aGFzaGhhc2g=']));
    const token = { id: 'k3v9x2m7', name: 'collector', access: ['diagnose'], createdBy: 'administrator' };
    expect(
      secretsIn(JSON.stringify([{ ...token, createdAt: '2026-06-01T12:00:00Z', hash: 'c2VjcmV0aGFzaA' }])),
    ).toEqual(['c2VjcmV0aGFzaA', 'c2VjcmV0aGFzaA']);
    expect(secretsIn(JSON.stringify({ state: 'unclaimed', code: 'ABCD-2345' }))).toContain('ABCD-2345');
    expect(secretsIn('just a line of text\n')).toContain('just a line of text');
  });

  test('of settings: what is shown to one and hidden from the other', () => {
    const settings = (header: string) => ({ hostname: 'gate-hamburg', headers: { authorization: header } });
    expect(new Set(secretsBetween(settings('Bearer abcdefgh'), settings('(hidden)')))).toEqual(
      new Set(['Bearer abcdefgh', 'abcdefgh']),
    );
  });

  test.each([
    [limits.knownSecretLength, 1],
    [limits.knownSecretLength - 1, 0],
  ])('%i letters are looked for: %i', (length, count) => {
    expect(new Set(secretsIn('x'.repeat(length))).size).toBe(count);
  });
});

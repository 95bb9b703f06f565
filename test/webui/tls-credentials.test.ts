import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { certificateKeys } from '../../firmware/system/certificate-keys.ts';
import { secretFiles } from '../../firmware/system/secret-files.ts';
import { limits } from '../../firmware/webui/limits.ts';
import {
  certificateIsDue,
  certificateValidity,
  makeCertificate,
} from '../../firmware/webui/tls-certificate.ts';
import { loadCredentials } from '../../firmware/webui/tls-credentials.ts';

const day = 86_400_000;
const subject = { hostname: 'gate-1', addresses: ['192.168.1.1', 'fd00::1', 'fe80::1%eth0'] };

let folder = '';
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'hithe-tls-')), 'secrets');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

function ports(at = Date.UTC(2026, 5, 1)) {
  const lines: string[] = [];
  return {
    lines,
    secrets: secretFiles(folder),
    keys: certificateKeys,
    random: (length: number) => new Uint8Array(randomBytes(length)),
    now: () => at,
    log: (_level: string, message: string) => void lines.push(message),
  };
}

describe('the certificate (RFC 5280)', () => {
  test('is self-signed with ECDSA P-256, names the box, and is for a server', async () => {
    const { certificatePem, privateKeyPem, fingerprint } = await loadCredentials(ports(), subject);
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(privateKeyPem))).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    for (const name of ['gate-1.local', 'gate-1', 'hithe.local', 'localhost']) {
      expect(certificate.checkHost(name)).toBe(name);
    }
    for (const address of ['192.168.1.1', 'fd00::1', '127.0.0.1', '::1']) {
      expect(certificate.checkIP(address)).toBe(address);
    }
    expect(certificate.checkIP('192.168.1.2')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(fingerprint).toBe(certificate.fingerprint256);
  });

  test('§ 4.1.2.2: the serial number is positive whatever the randomness', async () => {
    const key = await certificateKeys.generate();
    for (const fill of [0x00, 0xff]) {
      const pem = await makeCertificate({
        key,
        commonName: 'x',
        dnsNames: ['x'],
        addresses: [],
        serial: new Uint8Array(16).fill(fill),
        ...certificateValidity(Date.UTC(2026, 0, 1)),
      });
      const { serialNumber } = new X509Certificate(pem);
      expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    }
  });

  test('§ 4.1.2.5: dates are kept from 1950 to 2049 and from 2050', async () => {
    const key = await certificateKeys.generate();
    const pem = await makeCertificate({
      key,
      commonName: 'x',
      dnsNames: [],
      addresses: ['10.0.0.1'],
      serial: new Uint8Array(8),
      notBefore: Date.UTC(2049, 11, 31),
      notAfter: Date.UTC(2050, 0, 1),
    });
    const { validFromDate, validToDate } = new X509Certificate(pem);
    expect([validFromDate.getTime(), validToDate.getTime()]).toEqual([
      Date.UTC(2049, 11, 31),
      Date.UTC(2050, 0, 1),
    ]);
  });

  test('holds as many names as the limit says, the first ones', async () => {
    const key = await certificateKeys.generate();
    const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index}.local`);
    for (const count of [limits.certificateNames, limits.certificateNames + 1]) {
      const pem = await makeCertificate({
        key,
        commonName: 'x',
        dnsNames: names(count),
        addresses: [],
        serial: new Uint8Array(8),
        ...certificateValidity(0),
      });
      const expected = names(limits.certificateNames).map((name) => `DNS:${name}`);
      expect(new X509Certificate(pem).subjectAltName?.split(', ')).toEqual(expected);
    }
  });

  test('a clock that was never set does not make a certificate that has expired already', () => {
    const { notBefore, notAfter } = certificateValidity(0);
    expect(notBefore).toBe(Date.UTC(2024, 11, 31));
    expect(notAfter - notBefore).toBe(limits.certificateSeconds * 1000);
    expect(limits.certificateSeconds).toBeLessThan(825 * 86_400);
  });

  test('is due at its renewal edge and not before', () => {
    const renew = limits.certificateRenewSeconds * 1000;
    expect(certificateIsDue(renew + 1000, 1000)).toBe(false);
    expect(certificateIsDue(renew + 999, 1000)).toBe(true);
  });
});

describe('the stored credentials', () => {
  test('are kept: the same fingerprint after a restart, in a file for the owner alone', async () => {
    const first = await loadCredentials(ports(), subject);
    const again = ports(Date.UTC(2026, 5, 2));
    const second = await loadCredentials(again, { hostname: 'other', addresses: [] });
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(again.lines).toEqual([]);
    expect(statSync(join(folder, 'webui-tls.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('are made anew when they expire', async () => {
    const made = Date.UTC(2026, 5, 1);
    const first = await loadCredentials(ports(made), subject);
    const late = ports(made + limits.certificateSeconds * 1000 - 10 * day);
    const second = await loadCredentials(late, subject);
    expect(second.fingerprint).not.toBe(first.fingerprint);
    expect(late.lines[0]).toContain('expiring');
  });

  test.each([
    ['empty', () => ''],
    ['cut off', (text: string) => text.slice(0, text.length / 2)],
    ['with another key', (_text: string, other: string) => other],
  ])('a file that is %s is replaced, and the log says so', async (_what, damage) => {
    const first = await loadCredentials(ports(), subject);
    const path = join(folder, 'webui-tls.pem');
    const { privateKeyPem } = await certificateKeys.generate();
    writeFileSync(path, damage(readFileSync(path, 'utf8'), privateKeyPem + first.certificatePem));
    const next = ports();
    const second = await loadCredentials(next, subject);
    expect(second.fingerprint).not.toBe(first.fingerprint);
    expect(next.lines[0]).toContain('damaged');
    expect(readFileSync(path, 'utf8')).toContain(second.certificatePem);
  });

  test('a disk that fails does not stop the page', async () => {
    writeFileSync(folder, 'a file where the folder should be');
    const failing = ports();
    const { fingerprint } = await loadCredentials(failing, subject);
    expect(fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(failing.lines.join('\n')).toContain('cannot be stored');
  });

  test('a secret has a plain name', async () => {
    for (const name of ['../x', 'a/b', '.hidden', '']) {
      await expect(secretFiles(folder).write(name, '')).rejects.toThrow(RangeError);
    }
  });
});

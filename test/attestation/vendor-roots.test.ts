import { describe, expect, test } from 'vitest';
import { vendorIntermediates } from '../../firmware/attestation/vendor-intermediates.ts';
import { vendorRoots } from '../../firmware/attestation/vendor-roots.ts';
import { readCertificates } from '../../firmware/system/verifier.ts';
import { sourceDateEpoch } from '../../image-builder/build.ts';

const all = [...vendorRoots, ...vendorIntermediates];

function certificateOf(pem: string) {
  const [certificate, ...others] = readCertificates(pem);
  if (certificate === undefined || others.length > 0) throw new Error('not one certificate');
  return certificate;
}

describe('certificates of TPM vendors', () => {
  test.each(all.map((entry) => [entry.file, entry] as const))('%s is what its entry says', (_, entry) => {
    const certificate = certificateOf(entry.pem);
    expect(certificate.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(entry.sha256);
    // Names of one component may stand in one line.
    expect(certificate.subject.split(/\n| \+ /)).toContain(entry.subject);
    expect(certificate.ca).toBe(true);
  });

  test.each(vendorRoots.map(({ file, pem }) => [file, pem]))('%s signed itself', (_, pem) => {
    const certificate = certificateOf(pem);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });

  test.each(vendorIntermediates.map(({ file, pem }) => [file, pem]))('a root stands behind %s', (_, pem) => {
    const issuers = all.map((entry) => certificateOf(entry.pem));
    const roots = new Set(vendorRoots.map(({ sha256 }) => sha256));
    let current = certificateOf(pem);
    for (let steps = 0; !roots.has(current.fingerprint256.replaceAll(':', '').toLowerCase()); steps++) {
      expect(steps).toBeLessThan(4);
      const issuer = issuers.find(
        (other) => other.ca && current.checkIssued(other) && current.verify(other.publicKey),
      );
      if (issuer === undefined) throw new Error(`nobody issued ${current.subject}`);
      current = issuer;
    }
  });

  test('each is there once, and in force', () => {
    expect(new Set(all.map(({ sha256 }) => sha256)).size).toBe(all.length);
    for (const { pem, file } of all) {
      const { validFromDate, validToDate } = certificateOf(pem);
      expect([file, validFromDate.getTime() < sourceDateEpoch * 1000]).toEqual([file, true]);
      expect([file, validToDate.getTime() > sourceDateEpoch * 1000]).toEqual([file, true]);
    }
  });
});

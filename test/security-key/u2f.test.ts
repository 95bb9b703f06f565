import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assertionSigned,
  authenticateRequest,
  readAssertion,
  readRegistration,
  readResponse,
  registerRequest,
  registrationSigned,
} from '../../firmware/security-key/u2f.ts';
import { keyCryptography } from '../../firmware/system/key-cryptography.ts';
import { certificateValidity, makeCertificate } from '../../firmware/webui/tls-certificate.ts';

const octets = (...hex: readonly string[]) => new Uint8Array(Buffer.from(hex.join(''), 'hex'));
const hash = (text: string) => new Uint8Array(createHash('sha256').update(text).digest());

/** FIDO U2F Raw Message Formats 1.2, 8.1 (registration) and 8.2 (authentication). */
const example = {
  handle:
    '2a552dfdb7477ed65fd84133f86196010b2215b57da75d315b7b9e8fe2e3925a6019551bab61d16591659cbaf00b4950f7abfe6660e2e006f76868b772d70c25',
  registration: {
    application: hash('http://example.com'),
    challenge: '4142d21c00d94ffb9d504ada8f99b721f4b191ae4e37ca0140f696b6983cfacb',
    publicKey:
      '04b174bc49c7ca254b70d2e5c207cee9cf174820ebd77ea3c65508c26da51b657c1cc6b952f8621697936482da0a6d3d3826a59095daf6cd7c03e2e60385d2f6d9',
    certificate:
      '3082013c3081e4a003020102020a47901280001155957352300a06082a8648ce3d0403023017311530130603550403130c476e756262792050696c6f74301e170d3132303831343138323933325a170d3133303831343138323933325a3031312f302d0603550403132650696c6f74476e756262792d302e342e312d34373930313238303030313135353935373335323059301306072a8648ce3d020106082a8648ce3d030107034200048d617e65c9508e64bcc5673ac82a6799da3c1446682c258c463fffdf58dfd2fa3e6c378b53d795c4a4dffb4199edd7862f23abaf0203b4b8911ba0569994e101300a06082a8648ce3d0403020347003044022060cdb6061e9c22262d1aac1d96d8c70829b2366531dda268832cb836bcd30dfa0220631b1459f09e6330055722c8d89b7f48883b9089b88d60d1d9795902b30410df',
    signature:
      '304502201471899bcc3987e62e8202c9b39c33c19033f7340352dba80fcab017db9230e402210082677d673d891933ade6f617e5dbde2e247e70423fd5ad7804a6d3d3961ef871',
  },
  authentication: {
    application: hash('https://gstatic.com/securitykey/a/example.com'),
    challenge: 'ccd6ee2e47baef244d49a222db496bad0ef5b6f93aa7cc4d30c4821b3b9dbc57',
    publicKey:
      '04d368f1b665bade3c33a20f1e429c7750d5033660c019119d29aa4ba7abc04aa7c80a46bbe11ca8cb5674d74f31f8a903f6bad105fb6ab74aefef4db8b0025e1d',
    signature:
      '304402204b5f0cd17534cedd8c34ee09570ef542a353df4436030ce43d406de870b847780220267bb998fac9b7266eb60e7cb0b5eabdfd5ba9614f53c7b22272ec10047a923f',
  },
};

const registrationData = (() => {
  const { publicKey, certificate, signature } = example.registration;
  return octets('05', publicKey, '40', example.handle, certificate, signature);
})();

describe('the specification’s example', () => {
  test('of a registration: its parts, and the maker’s signature', () => {
    const { application, challenge, publicKey, certificate, signature } = example.registration;
    const registration = readRegistration(registrationData);
    expect(registration).toEqual({
      ...{ publicKey: octets(publicKey), handle: octets(example.handle) },
      ...{ certificate: octets(certificate), signature: octets(signature) },
    });
    if (registration === null) return;
    const signed = registrationSigned(registration, octets(challenge), application);
    const maker = keyCryptography.publicKeyOf(registration.certificate);
    expect(maker).toEqual(octets(certificate).subarray(170, 170 + 65));
    if (maker === null) return;
    expect(keyCryptography.verify(maker, signed, registration.signature)).toBe(true);
    for (const at of [0, 1, 40, 70, signed.length - 1]) {
      const other = signed.slice();
      other[at] = (other[at] ?? 0) ^ 1;
      expect(keyCryptography.verify(maker, other, registration.signature)).toBe(false);
    }
  });

  test('of an authentication: presence, counter, and the credential’s signature', () => {
    const { application, challenge, publicKey, signature } = example.authentication;
    const assertion = readAssertion(octets('0100000001', signature));
    expect(assertion).toMatchObject({ present: true, counter: 1, signature: octets(signature) });
    if (assertion === null) return;
    const signed = assertionSigned(assertion, octets(challenge), application);
    expect(keyCryptography.verify(octets(publicKey), signed, assertion.signature)).toBe(true);
    expect(readAssertion(octets('0000000001', signature))).toMatchObject({ present: false });
    const other = readAssertion(octets('0100000002', signature));
    if (other === null) throw new Error('nothing');
    const otherSigned = assertionSigned(other, octets(challenge), application);
    expect(keyCryptography.verify(octets(publicKey), otherSigned, other.signature)).toBe(false);
  });
});

describe('requests', () => {
  const [challenge, application] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];

  test('have the header and the lengths that keys take over USB', () => {
    expect(registerRequest(challenge, application)).toEqual(
      octets('00010000000040', '01'.repeat(32), '02'.repeat(32), '0000'),
    );
    const handle = new Uint8Array(255).fill(3);
    for (const [how, parameter] of [
      ['sign', '03'],
      ['checkOnly', '07'],
    ] as const)
      expect(authenticateRequest(how, challenge, { application, handle })).toEqual(
        octets(`0002${parameter}00000140`, '01'.repeat(32), '02'.repeat(32), 'ff', '03'.repeat(255), '0000'),
      );
  });
});

describe('answers', () => {
  test('end with their status', () => {
    expect(readResponse(octets('6985'))).toEqual({ status: 0x6985, data: octets('') });
    expect(readResponse(octets('aabb9000'))).toEqual({ status: 0x9000, data: octets('aabb') });
    for (const short of ['', '90']) expect(readResponse(octets(short))).toBeNull();
  });

  test('that stop anywhere are none', () => {
    const signatureAt = registrationData.length - octets(example.registration.signature).length;
    for (let length = 0; length <= signatureAt; length++)
      expect(readRegistration(registrationData.subarray(0, length))).toBeNull();
    for (let length = 0; length <= 5; length++) expect(readAssertion(new Uint8Array(length))).toBeNull();
  });

  test('of another shape are none', () => {
    const changed = (at: number, octet: number) => {
      const other = registrationData.slice();
      other[at] = octet;
      return readRegistration(other);
    };
    expect(changed(0, 4)).toBeNull();
    expect(changed(1, 3)).toBeNull();
    expect(changed(66, 0)).toBeNull();
    // The certificate's length: not of a form that is taken, longer than all, and of one octet.
    const certificateAt = 67 + 64;
    for (const octet of [0x80, 0x83, 0xff]) expect(changed(certificateAt + 1, octet)).toBeNull();
    expect(changed(certificateAt + 2, 0x7f)).toBeNull();
    expect(changed(certificateAt + 1, 0x10)?.certificate).toHaveLength(18);
    expect(changed(certificateAt + 1, 0x81)?.certificate).toHaveLength(4);
  });

  test('of any octets are read without an error, and what they hold verifies nothing', () => {
    const { verify, publicKeyOf } = keyCryptography;
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.uint8Array({ minLength: 200, maxLength: 400 }).map((tail) => Uint8Array.of(5, 4, ...tail)),
    );
    fc.assert(
      fc.property(any, (data) => {
        const registration = readRegistration(data);
        if (registration !== null) {
          expect(publicKeyOf(registration.certificate)).toBeNull();
          expect(verify(registration.publicKey, data, registration.signature)).toBe(false);
        }
        const assertion = readAssertion(data);
        if (assertion !== null) expect(verify(data.subarray(0, 65), data, assertion.signature)).toBe(false);
      }),
    );
  });

  test('are not verified by what is no point of the curve, nor by another curve’s certificate', async () => {
    const { publicKey, signature } = example.authentication;
    const point = octets(publicKey);
    for (const wrong of [point.subarray(1), new Uint8Array(65).fill(4), new Uint8Array(0)])
      expect(keyCryptography.verify(wrong, new Uint8Array(1), octets(signature))).toBe(false);
    expect(keyCryptography.publicKeyOf(octets('3003020101'))).toBeNull();
    const { privateKey, publicKey: other } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const certificate = await makeCertificate({
      key: {
        privateKeyPem: '',
        publicKeyDer: new Uint8Array(other.export({ type: 'spki', format: 'der' })),
        sign: (message) => new Uint8Array(sign('sha256', message, privateKey)),
      },
      ...{ commonName: 'x', dnsNames: [], addresses: [], serial: new Uint8Array([1]) },
      ...certificateValidity(Date.now()),
    });
    expect(keyCryptography.publicKeyOf(new X509Certificate(certificate).raw)).toBeNull();
  });
});

import { createPrivateKey, generateKeyPair, sign, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import type { CertificateKeys } from '../webui/ports.ts';

/** P-256 rather than RSA: making the key and every handshake cost a small processor a tenth or less. */
export const certificateKeys: CertificateKeys = {
  async generate() {
    const { privateKey, publicKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
    return {
      privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      publicKeyDer: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
      sign: (message) => new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'der' })),
    };
  },
  inspect(privateKeyPem, certificatePem) {
    try {
      const certificate = new X509Certificate(certificatePem);
      if (!certificate.checkPrivateKey(createPrivateKey(privateKeyPem))) return null;
      return {
        notAfter: certificate.validToDate.getTime(),
        fingerprint: certificate.fingerprint256,
      };
    } catch {
      return null;
    }
  },
};

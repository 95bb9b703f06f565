import { reasonOf } from './error.ts';
import type {
  CertificateKeys,
  RandomBytes,
  ReadClock,
  SecretFiles,
  TlsCredentials,
  WriteLog,
} from './ports.ts';
import { certificateIsDue, certificateValidity, makeCertificate } from './tls-certificate.ts';

const fileName = 'webui-tls.pem';

export interface CredentialPorts {
  readonly secrets: SecretFiles;
  readonly keys: CertificateKeys;
  readonly random: RandomBytes;
  readonly now: ReadClock;
  readonly log: WriteLog;
}

/** What the certificate is made out to. It is not made anew when addresses change: the fingerprint is what people keep. */
export interface CertificateSubject {
  readonly hostname: string;
  /** Without prefix length. */
  readonly addresses: readonly string[];
}

/**
 * The stored key and certificate of the page, or new ones where there are none or they are no longer of use. Where they
 * cannot be stored the page works all the same, with another fingerprint after the next boot.
 */
export async function loadCredentials(
  ports: CredentialPorts,
  subject: CertificateSubject,
): Promise<TlsCredentials> {
  const { secrets, keys, now, log } = ports;
  try {
    const stored = await secrets.read(fileName);
    const credentials = stored === null ? null : readCredentials(stored, keys);
    if (credentials !== null && !certificateIsDue(credentials.notAfter, now())) return credentials;
    if (credentials !== null) log('warning', 'The certificate of this page is expiring; a new one is made.');
    else if (stored !== null) log('warning', 'The certificate of this page is damaged; a new one is made.');
  } catch (error) {
    log('warning', `The certificate of this page cannot be read (${reasonOf(error)}); a new one is made.`);
  }
  const made = await makeCredentials(ports, subject);
  try {
    await secrets.write(fileName, made.privateKeyPem + made.certificatePem);
  } catch (error) {
    log(
      'warning',
      `The certificate of this page cannot be stored (${reasonOf(error)}); it is good until the next boot.`,
    );
  }
  log('info', `Made a certificate for this page; SHA-256 fingerprint ${made.fingerprint}`);
  return made;
}

async function makeCredentials(
  { keys, random, now }: CredentialPorts,
  subject: CertificateSubject,
): Promise<TlsCredentials> {
  const key = await keys.generate();
  const names = [`${subject.hostname}.local`, subject.hostname, 'hithe.local', 'localhost'];
  const certificatePem = await makeCertificate({
    key,
    commonName: subject.hostname,
    dnsNames: [...new Set(names)],
    addresses: [
      ...new Set([...subject.addresses.filter((address) => !address.includes('%')), '127.0.0.1', '::1']),
    ],
    serial: random(16),
    ...certificateValidity(now()),
  });
  const facts = keys.inspect(key.privateKeyPem, certificatePem);
  if (facts === null) throw new Error('The new certificate does not fit its key.');
  return { privateKeyPem: key.privateKeyPem, certificatePem, fingerprint: facts.fingerprint };
}

/** The file holds the key and the certificate one after the other, so that one write replaces both. */
function readCredentials(
  text: string,
  keys: CertificateKeys,
): (TlsCredentials & { notAfter: number }) | null {
  const privateKeyPem = pemBlock(text, 'PRIVATE KEY');
  const certificatePem = pemBlock(text, 'CERTIFICATE');
  if (privateKeyPem === null || certificatePem === null) return null;
  const facts = keys.inspect(privateKeyPem, certificatePem);
  if (facts === null) return null;
  return { privateKeyPem, certificatePem, fingerprint: facts.fingerprint, notAfter: facts.notAfter };
}

function pemBlock(text: string, label: string): string | null {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from + begin.length);
  return from < 0 || to < 0 ? null : `${text.slice(from, to + end.length)}\n`;
}

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { BackupSeal } from '../boot/backups.ts';
import type { DerivePassword } from '../webui/ports.ts';
import { derivePassword } from './derive-password.ts';

/** 32 MiB, three times over: as dear to guess as OWASP's first choice (2^17, 8, 1) with a quarter of its memory. */
const cost = { n: 2 ** 15, r: 8, p: 3 };
const keyOctets = 32;
const tagOctets = 16;
const cipher = 'aes-256-gcm';

/** Seals and opens what is backed up, version 1 of its form. */
export const backupSeal = backupSealWith(derivePassword);

export function backupSealWith(derive: DerivePassword): BackupSeal {
  const keyOf = (password: string, salt: Uint8Array) =>
    derive(password.normalize('NFC'), salt, cost, keyOctets);
  return {
    async seal(password, text, header) {
      const [salt, nonce] = [randomBytes(16), randomBytes(12)];
      const sealing = createCipheriv(cipher, await keyOf(password, salt), nonce, {
        authTagLength: tagOctets,
      });
      sealing.setAAD(Buffer.from(header));
      const content = Buffer.concat([sealing.update(text, 'utf8'), sealing.final(), sealing.getAuthTag()]);
      return {
        salt: salt.toString('hex'),
        nonce: nonce.toString('hex'),
        content: content.toString('base64'),
      };
    },
    async open(password, { salt, nonce, content }, header) {
      const octets = Buffer.from(content, 'base64');
      if (octets.length < tagOctets) return null;
      const key = await keyOf(password, Buffer.from(salt, 'hex'));
      const opening = createDecipheriv(cipher, key, Buffer.from(nonce, 'hex'), { authTagLength: tagOctets });
      opening.setAAD(Buffer.from(header));
      opening.setAuthTag(octets.subarray(-tagOctets));
      const text = opening.update(octets.subarray(0, -tagOctets));
      try {
        return Buffer.concat([text, opening.final()]).toString('utf8');
      } catch {
        // The tag is not that of this password and header.
        return null;
      }
    },
  };
}

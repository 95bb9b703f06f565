import { scrypt } from 'node:crypto';
import type { DerivePassword } from '../webui/ports.ts';

/** Node refuses what needs as much memory as its bound, so that the bound is twice what is needed. */
export const derivePassword: DerivePassword = (password, salt, { n, r, p }, octets) =>
  new Promise((resolve, reject) => {
    scrypt(password, salt, octets, { N: n, r, p, maxmem: 256 * n * r }, (error, key) =>
      error === null ? resolve(new Uint8Array(key)) : reject(error),
    );
  });

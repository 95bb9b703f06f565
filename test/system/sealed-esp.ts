import { createDecipheriv } from 'node:crypto';
import { concatBytes, fromHex } from '../../firmware/bytes/bytes.ts';

/** Keys of AES-GCM security associations by SPI in hexadecimal, from a key log (Wireshark's `esp_sa` table). */
export function readKeyLog(text: string): ReadonlyMap<string, Uint8Array> {
  const rows = text.split('\n').filter((line) => line.startsWith('"'));
  return new Map(
    rows.map((row) => {
      const [, , , spi = '', , key = ''] = row.slice(1, -1).split('","');
      return [spi, fromHex(key.replace(/^0x/, '')) ?? new Uint8Array()] as const;
    }),
  );
}

/**
 * Opens an ESP packet with AES-GCM, a 16-octet ICV and 64-bit sequence numbers whose upper half is still zero
 * (RFC 4106 §3 to §5). Undefined where its key is not known.
 *
 * @returns what is inside, without padding
 * @throws where the ICV is wrong
 */
export function openEsp(
  packet: Uint8Array,
  keys: ReadonlyMap<string, Uint8Array>,
): { readonly nextHeader: number; readonly content: Uint8Array } | undefined {
  const spi = packet.subarray(0, 4);
  const secret = keys.get(`0x${Buffer.from(spi).toString('hex')}`);
  if (secret === undefined) return undefined;
  const [key, salt] = [secret.subarray(0, -4), secret.subarray(-4)];
  const nonce = concatBytes(salt, packet.subarray(8, 16));
  const decipher = createDecipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce);
  decipher.setAAD(concatBytes(spi, new Uint8Array(4), packet.subarray(4, 8)));
  decipher.setAuthTag(packet.subarray(-16));
  const plain = concatBytes(decipher.update(packet.subarray(16, -16)), decipher.final());
  const [padding = 0, nextHeader = 0] = plain.subarray(-2);
  return { nextHeader, content: plain.subarray(0, plain.length - 2 - padding) };
}

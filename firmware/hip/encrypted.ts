import { concatBytes } from '../bytes/bytes.ts';
import { decode, type Result } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import type { Secret } from '../bytes/secret.ts';
import { Writer } from '../bytes/writer.ts';
import type { HipCrypto } from './crypto-port.ts';
import { readParameters } from './packet.ts';
import type { Parameter, ParameterOf } from './parameter-fields.ts';
import { writeParameter } from './parameters.ts';
import type { HipCipher } from './suites.ts';

const blockLength = 16;

/**
 * Makes ENCRYPTED: the inner parameters, each 8-aligned, then PKCS #5 padding to the cipher's block (RFC 7401 §5.2.18).
 * NULL-ENCRYPT has neither initialization vector nor padding.
 */
export function encryptParameters(
  inner: readonly Parameter[],
  { cipher, key, crypto }: { cipher: HipCipher; key: Secret; crypto: HipCrypto },
): ParameterOf<'ENCRYPTED'> {
  const writer = new Writer();
  for (const parameter of inner) writeParameter(writer, parameter);
  if (cipher.name === 'null') return { name: 'ENCRYPTED', data: writer.finish() };
  const padding = blockLength - (writer.length % blockLength);
  writer.bytes(new Uint8Array(padding).fill(padding));
  const iv = crypto.random(blockLength);
  return {
    name: 'ENCRYPTED',
    data: concatBytes(iv, crypto.encrypt(cipher.name, key.reveal(), iv, writer.finish())),
  };
}

/**
 * Opens ENCRYPTED. The packet's HIP_MAC must have been checked before, so that this tells nobody anything about the
 * plaintext. Padding may be missing where the parameters filled the block: implementations differ there.
 */
export function decryptParameters(
  { data }: ParameterOf<'ENCRYPTED'>,
  { cipher, key, crypto }: { cipher: HipCipher; key: Secret; crypto: HipCrypto },
): Result<Parameter[]> {
  return decode(() => {
    const reader = new Reader(data, 'ENCRYPTED');
    if (cipher.name === 'null') return readParameters(new Reader(reader.rest(), 'ENCRYPTED')).parameters;
    const iv = reader.bytes(blockLength, 'IV');
    if (reader.remaining === 0 || reader.remaining % blockLength !== 0)
      reader.fail('is not whole blocks', 'Encrypted data');
    const plain = crypto.decrypt(cipher.name, key.reveal(), iv, reader.rest());
    return readParameters(new Reader(withoutPadding(plain), 'ENCRYPTED')).parameters;
  });
}

/** The parameters are 8-aligned, so the padding is 8 or 16 octets of that value. */
function withoutPadding(plain: Uint8Array): Uint8Array {
  const count = plain[plain.length - 1] ?? 0;
  const isPadding =
    (count === 8 || count === blockLength) && plain.subarray(-count).every((octet) => octet === count);
  return isPadding ? plain.subarray(0, plain.length - count) : plain;
}

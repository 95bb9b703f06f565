/**
 * ECDSA signatures between r ‖ s (RFC 4754 §7) and DER (RFC 3279 §2.2.3). Node can do the same with an option, but then
 * takes the key in a wrapper, which costs it two thrown exceptions a call: as much as the signature itself.
 */

/** r ‖ s as the DER that OpenSSL reads. Any length is taken; whether the numbers are in range, verification tells. */
export function signatureToDer(signature: Uint8Array): Buffer {
  const half = signature.length / 2;
  const body = Buffer.concat([derInteger(signature.subarray(0, half)), derInteger(signature.subarray(half))]);
  return Buffer.concat([derHeader(0x30, body.length), body]);
}

/** OpenSSL's DER as r ‖ s, each of `length` octets. */
export function signatureFromDer(der: Uint8Array, length: number): Uint8Array {
  const raw = new Uint8Array(2 * length);
  // SEQUENCE { INTEGER r, INTEGER s }; up to P-384 every length fits one octet.
  let offset = 2;
  for (const end of [length, 2 * length]) {
    const count = der[offset + 1] ?? 0;
    const number = der.subarray(offset + 2, offset + 2 + count);
    const significant = number.subarray(Math.max(0, count - length));
    raw.set(significant, end - significant.length);
    offset += 2 + count;
  }
  return raw;
}

function derInteger(number: Uint8Array): Buffer {
  let start = 0;
  while (start < number.length - 1 && number[start] === 0) start++;
  const significant = number.subarray(start);
  // A set top bit would mean a negative number.
  const sign = (significant[0] ?? 0) >= 0x80 ? Buffer.of(0) : Buffer.alloc(0);
  return Buffer.concat([derHeader(0x02, sign.length + significant.length), sign, significant]);
}

function derHeader(tag: number, length: number): Buffer {
  return length < 0x80 ? Buffer.of(tag, length) : Buffer.of(tag, 0x81, length);
}

import { concatBytes } from '../bytes/bytes.ts';

/** Octets that a sponge of 256 bits' capacity takes in at once (FIPS 202 §6.2). */
const rate = 168;
const mask = (1n << 64n) - 1n;

/**
 * KMAC128 without customisation (NIST SP 800-185 §4.3), `length` octets of it. OpenSSL has it, but Node only gives it out
 * asynchronously. It serves peers with EdDSA identities alone, a few calls an exchange.
 */
export function kmac128(key: Uint8Array, data: Uint8Array, length: number): Uint8Array {
  const name = encodeString(new TextEncoder().encode('KMAC'));
  const bits = integerOctets(length * 8);
  return keccak256(
    concatBytes(
      padded(concatBytes(name, encodeString(new Uint8Array()))),
      padded(encodeString(key)),
      data,
      bits,
      Uint8Array.of(bits.length),
    ),
    0x04,
    length,
  );
}

/** KECCAK[256] with a domain's suffix and first padding bit: 0x04 for cSHAKE128, 0x1f for SHAKE128 (FIPS 202 §B.2). */
export function keccak256(input: Uint8Array, suffix: number, length: number): Uint8Array {
  const blocks = new Uint8Array(Math.ceil((input.length + 1) / rate) * rate);
  blocks.set(input);
  blocks[input.length] = suffix;
  blocks[blocks.length - 1] = (blocks[blocks.length - 1] ?? 0) | 0x80;
  const view = new DataView(blocks.buffer);
  let lanes: bigint[] = new Array<bigint>(25).fill(0n);
  for (let start = 0; start < blocks.length; start += rate) {
    lanes = permute(
      lanes.map((lane, index) => lane ^ (index < rate / 8 ? view.getBigUint64(start + index * 8, true) : 0n)),
    );
  }
  const output = new Uint8Array(rate);
  for (let index = 0; index < rate / 8; index++)
    new DataView(output.buffer).setBigUint64(index * 8, lanes[index] ?? 0n, true);
  if (length > rate) throw new RangeError(`${length} octets are more than one squeeze gives`);
  return output.slice(0, length);
}

const at = (lanes: readonly bigint[], x: number, y: number) => lanes[(x % 5) + 5 * (y % 5)] ?? 0n;
const rotate = (lane: bigint, count: number) =>
  ((lane << BigInt(count)) | (lane >> BigInt(64 - count))) & mask;

/** The rotation offset and the new place of every lane for ρ and π (FIPS 202 §3.2.2, §3.2.3). */
const moves: readonly { readonly from: number; readonly to: number; readonly count: number }[] = (() => {
  const found = [{ from: 0, to: 0, count: 0 }];
  let [x, y] = [1, 0];
  for (let step = 0; step < 24; step++) {
    const next = [y, (2 * x + 3 * y) % 5] as const;
    found.push({ from: x + 5 * y, to: next[0] + 5 * next[1], count: (((step + 1) * (step + 2)) / 2) % 64 });
    [x, y] = next;
  }
  return found;
})();

/** The constants of ι, from the shift register of FIPS 202 §3.2.5. */
const roundConstants: readonly bigint[] = (() => {
  let register = 1;
  return Array.from({ length: 24 }, () => {
    let constant = 0n;
    for (let bit = 0; bit < 7; bit++) {
      if (register & 1) constant |= 1n << BigInt(2 ** bit - 1);
      register = (register << 1) ^ (register >> 7 ? 0x171 : 0);
    }
    return constant;
  });
})();

/** KECCAK-f[1600] (FIPS 202 §3.3). */
function permute(input: readonly bigint[]): bigint[] {
  let lanes = [...input];
  for (const constant of roundConstants) {
    const columns = [0, 1, 2, 3, 4].map((x) =>
      [0, 1, 2, 3, 4].reduce((parity, y) => parity ^ at(lanes, x, y), 0n),
    );
    const theta = columns.map((_, x) => (columns[(x + 4) % 5] ?? 0n) ^ rotate(columns[(x + 1) % 5] ?? 0n, 1));
    const moved = new Array<bigint>(25).fill(0n);
    for (const { from, to, count } of moves)
      moved[to] = rotate((lanes[from] ?? 0n) ^ (theta[from % 5] ?? 0n), count);
    lanes = moved.map((lane, index) => {
      const [x, y] = [index % 5, Math.floor(index / 5)];
      return lane ^ (~at(moved, x + 1, y) & mask & at(moved, x + 2, y));
    });
    lanes[0] = (lanes[0] ?? 0n) ^ constant;
  }
  return lanes;
}

/** A number below 2^16 as its shortest octets. */
function integerOctets(value: number): Uint8Array {
  return value < 0x100 ? Uint8Array.of(value) : Uint8Array.of(value >> 8, value & 0xff);
}

/** encode_string: the length in bits, left-encoded, and the octets (SP 800-185 §2.3.2). */
function encodeString(octets: Uint8Array): Uint8Array {
  const bits = integerOctets(octets.length * 8);
  return concatBytes(Uint8Array.of(bits.length), bits, octets);
}

/** bytepad: the block's length, left-encoded, the octets, and zeros to whole blocks (SP 800-185 §2.3.3). */
function padded(octets: Uint8Array): Uint8Array {
  const output = new Uint8Array(Math.ceil((octets.length + 2) / rate) * rate);
  output.set([1, rate]);
  output.set(octets, 2);
  return output;
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes } from '../../firmware/bytes/bytes.ts';
import { projectRoot } from '../../image-builder/places.ts';

const vectors = join(projectRoot, 'test/vectors/eventlogs');

/** Published PCR values, in hex, by log, bank and index. */
export const expectedPcrs = JSON.parse(readFileSync(join(vectors, 'expected-pcrs.json'), 'utf8')) as Record<
  string,
  Record<string, Record<string, string>>
>;

export const recordedLog = (name: string) => new Uint8Array(readFileSync(join(vectors, name)));

export const u16 = (value: number) => Uint8Array.of(value & 0xff, (value >> 8) & 0xff);
export const u32 = (value: number) => concatBytes(u16(value & 0xffff), u16(value >>> 16));
export const u64 = (value: number) => concatBytes(u32(value % 2 ** 32), u32(Math.floor(value / 2 ** 32)));
export const ascii = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
export const utf16 = (text: string) => new Uint8Array(Buffer.from(text, 'utf16le'));

export const sha = (name: string, data: Uint8Array) => new Uint8Array(createHash(name).update(data).digest());

type MadeEvent = { readonly pcr: number; readonly type: number; readonly data: Uint8Array };

export const algorithmIds = { sha1: 0x0004, sha256: 0x000b, sha384: 0x000c, sha512: 0x000d } as const;
export type AlgorithmName = keyof typeof algorithmIds;

/** TCG_PCR_EVENT, the form of TPM 1.2: its digest is that of the data, or 20 zeros where nothing is extended. */
export function sha1Event({ pcr, type, data }: MadeEvent): Uint8Array {
  const digest = type === 3 ? new Uint8Array(20) : sha('sha1', data);
  return concatBytes(u32(pcr), u32(type), digest, u32(data.length), data);
}

/** The header of a crypto-agile log that names these algorithms. */
export function specIdEvent(
  sizes: readonly (readonly [id: number, size: number])[],
  count = sizes.length,
): Uint8Array {
  const algorithms = sizes.map(([id, size]) => concatBytes(u16(id), u16(size)));
  const data = concatBytes(
    ascii('Spec ID Event03\0'),
    u32(0),
    Uint8Array.of(0, 2, 0, 2),
    u32(count),
    ...algorithms,
    Uint8Array.of(0),
  );
  return sha1Event({ pcr: 0, type: 3, data });
}

export const header = (...names: readonly AlgorithmName[]) =>
  specIdEvent(names.map((name) => [algorithmIds[name], sha(name, new Uint8Array()).length]));

/** TCG_PCR_EVENT2 with digests of the data. */
export function agileEvent({ pcr, type, data }: MadeEvent, ...names: readonly AlgorithmName[]): Uint8Array {
  const digests = names.map((name) => {
    const digest = sha(name, data);
    return concatBytes(u16(algorithmIds[name]), type === 3 ? new Uint8Array(digest.length) : digest);
  });
  return concatBytes(u32(pcr), u32(type), u32(names.length), ...digests, u32(data.length), data);
}

export const localityEvent = (locality: number, pcr = 0): MadeEvent => ({
  pcr,
  type: 3,
  data: concatBytes(ascii('StartupLocality\0'), Uint8Array.of(locality)),
});

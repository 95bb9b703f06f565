import { decode } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { latin1Text, readableText } from './readable-text.ts';

/** DER tags (X.690) on the way to a certificate's subject. */
const tag = {
  integer: 0x02,
  oid: 0x06,
  utf8: 0x0c,
  bmp: 0x1e,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
} as const;

/** Attribute types of X.520 below 2.5.4, by their short names in RFC 4514 §3. */
const attributes: ReadonlyMap<number, string> = new Map([
  [3, 'CN'],
  [6, 'C'],
  [7, 'L'],
  [8, 'ST'],
  [10, 'O'],
  [11, 'OU'],
]);

/**
 * Whom an X.509 certificate is about (RFC 5280 §4.1.2.6), as `CN=…, O=…`; undefined where the octets are no certificate.
 * It is a name to show and nothing to rely on: no signature is looked at.
 */
export function certificateSubject(der: Uint8Array): string | undefined {
  const subject = decode(() => {
    const certificate = element(new Reader(der, 'certificate'), tag.sequence, 'certificate');
    const body = element(certificate, tag.sequence, 'tbsCertificate');
    // The version comes first where it is not 1.
    const first = body.u8('version.tag');
    body.sub(readLength(body), 'version');
    if (first === tag.version) element(body, tag.integer, 'serialNumber');
    element(body, tag.sequence, 'signature');
    element(body, tag.sequence, 'issuer');
    element(body, tag.sequence, 'validity');
    return readName(element(body, tag.sequence, 'subject'));
  });
  return subject.ok && subject.value !== '' ? subject.value : undefined;
}

function readName(name: Reader): string {
  const parts: string[] = [];
  while (name.remaining > 0) {
    const relative = element(name, tag.set, 'relativeName');
    while (relative.remaining > 0) {
      const attribute = element(relative, tag.sequence, 'attribute');
      const type = element(attribute, tag.oid, 'type').rest();
      const short =
        type.length === 3 && type[0] === 0x55 && type[1] === 4 ? attributes.get(type[2] ?? 0) : undefined;
      const kind = attribute.u8('value.tag');
      const value = attribute.sub(readLength(attribute), 'value').rest();
      if (short !== undefined) parts.push(`${short}=${readableText(stringOf(kind, value))}`);
    }
  }
  return parts.join(', ');
}

function stringOf(kind: number, value: Uint8Array): string {
  if (kind === tag.bmp) {
    let text = '';
    for (let index = 0; index + 1 < value.length; index += 2)
      text += String.fromCharCode(((value[index] ?? 0) << 8) | (value[index + 1] ?? 0));
    return text;
  }
  const text = latin1Text(value);
  if (kind !== tag.utf8) return text;
  try {
    return decodeURIComponent(
      text.replace(
        /[^A-Za-z0-9]/g,
        (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
      ),
    );
  } catch {
    // Not UTF-8 after all.
    return text;
  }
}

/** The content of the next element, which must have this tag. */
function element(reader: Reader, expected: number, field: string): Reader {
  const found = reader.u8(`${field}.tag`);
  if (found !== expected)
    reader.fail(`tag 0x${found.toString(16)}, expected 0x${expected.toString(16)}`, field);
  return reader.sub(readLength(reader), field);
}

/** A definite length (X.690 §8.1.3); three octets of it are more than a log may hold. */
function readLength(reader: Reader): number {
  const first = reader.u8('length');
  if (first < 0x80) return first;
  const octets = first & 0x7f;
  if (octets === 0 || octets > 3) reader.fail(`a length of ${octets} octets`, 'length');
  let length = 0;
  for (let index = 0; index < octets; index++) length = length * 256 + reader.u8('length');
  return length;
}

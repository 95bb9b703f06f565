import { toHex } from '../bytes/bytes.ts';
import { limits } from './limits.ts';

/**
 * Text from a log as it may be shown: whoever wrote the log could put a terminal's control sequences there, so that
 * everything but printable characters becomes `\xNN` or `\uNNNN`, and a long text is cut.
 */
export function readableText(text: string): string {
  const shown = Array.from(text.slice(0, limits.shownLength), (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) return character;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return shown.join('') + (text.length > limits.shownLength ? '…' : '');
}

/** UCS-2 as UEFI writes it, up to the first NUL. */
export function utf16Text(octets: Uint8Array): string {
  let text = '';
  for (let index = 0; index + 1 < octets.length; index += 2) {
    const unit = (octets[index] ?? 0) | ((octets[index + 1] ?? 0) << 8);
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

export function latin1Text(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += String.fromCharCode(octet);
  return text;
}

/**
 * What octets without a declared encoding say, where they are text at all: ASCII or UCS-2 of ASCII characters, with or
 * without NULs at the end. Undefined for anything else.
 */
export function guessText(octets: Uint8Array): string | undefined {
  let end = octets.length;
  while (end > 0 && octets[end - 1] === 0) end--;
  if (end === 0) return undefined;
  if (octets.subarray(0, end).every(isTextOctet)) return latin1Text(octets.subarray(0, end));
  const wide = octets.subarray(0, end + (end % 2));
  const isWide =
    wide.length % 2 === 0 &&
    wide.every((octet, index) => (index % 2 === 0 ? isTextOctet(octet) : octet === 0));
  return isWide ? utf16Text(wide) : undefined;
}

const isTextOctet = (octet: number) =>
  (octet >= 0x20 && octet < 0x7f) || octet === 0x0a || octet === 0x0d || octet === 0x09;

/** Octets in hexadecimal, cut where they are many. */
export function readableHex(octets: Uint8Array): string {
  const shown = toHex(octets.subarray(0, limits.shownLength));
  return octets.length > limits.shownLength ? `${shown}…` : shown;
}

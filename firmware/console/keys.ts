/** What somebody pressed, as far as the console takes notice of it. */
export type Key =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'enter' | 'erase' | 'cancel' | 'redraw' };

/**
 * How far a control sequence has come: `escape` after ESC, `control` within CSI (its first octet is `linux` apart, since
 * the Linux console's function keys are ESC [ [ A), `single` where one octet follows, `text` within a string that BEL or
 * ESC \ ends.
 */
export type DecoderState = {
  readonly within: 'nothing' | 'escape' | 'control-begin' | 'control' | 'single' | 'text';
  /** The last octet was a carriage return, so that a line feed right after it is no second Enter. */
  readonly returned: boolean;
};

export const firstDecoderState: DecoderState = { within: 'nothing', returned: false };

const code = { etx: 3, eot: 4, bel: 7, bs: 8, lf: 10, ff: 12, cr: 13, esc: 27, del: 127 } as const;

/** OSC, DCS, SOS, PM and APC (ECMA-48 § 8.3) begin strings. */
const stringStarts = new Set([...']PX^_'].map((character) => character.charCodeAt(0)));

/**
 * Reads octets of a terminal. Only printable ASCII and a few keys come through; control characters, control sequences
 * (ECMA-48 § 5.4) and octets above ASCII are dropped. Enter and Ctrl-C end whatever sequence is open, so that a broken
 * one never takes the keyboard away.
 */
export function decodeKeys(
  state: DecoderState,
  octets: Uint8Array,
): { readonly state: DecoderState; readonly keys: readonly Key[] } {
  const keys: Key[] = [];
  let { within, returned } = state;
  for (const octet of octets) {
    const afterReturn = returned;
    returned = octet === code.cr;
    if (octet === code.cr || (octet === code.lf && !afterReturn)) keys.push({ kind: 'enter' });
    if (octet === code.etx || octet === code.eot) keys.push({ kind: 'cancel' });
    if (octet === code.cr || octet === code.lf || octet === code.etx || octet === code.eot) {
      within = 'nothing';
      continue;
    }
    if (octet === code.esc) {
      within = 'escape';
      continue;
    }
    if (within === 'nothing') {
      if (octet === code.bs || octet === code.del) keys.push({ kind: 'erase' });
      else if (octet === code.ff) keys.push({ kind: 'redraw' });
      else if (octet >= 0x20 && octet < code.del)
        keys.push({ kind: 'character', character: String.fromCharCode(octet) });
      continue;
    }
    within = after(within, octet);
  }
  return { state: { within, returned }, keys };
}

function after(within: Exclude<DecoderState['within'], 'nothing'>, octet: number): DecoderState['within'] {
  const character = String.fromCharCode(octet);
  switch (within) {
    case 'escape':
      if (character === '[') return 'control-begin';
      if (character === 'O') return 'single';
      return stringStarts.has(octet) ? 'text' : 'nothing';
    case 'control-begin':
      if (character === '[') return 'single';
      return octet >= 0x40 && octet <= 0x7e ? 'nothing' : 'control';
    case 'control':
      return octet >= 0x40 && octet <= 0x7e ? 'nothing' : 'control';
    case 'single':
      return 'nothing';
    case 'text':
      return octet === code.bel ? 'nothing' : 'text';
  }
}

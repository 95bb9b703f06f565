import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeKeys, firstDecoderState, type Key } from '../../firmware/console/keys.ts';

const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Keys in short: characters as they are, others in angle brackets. */
function read(...chunks: readonly (string | Uint8Array)[]): string {
  let state = firstDecoderState;
  const keys: Key[] = [];
  for (const chunk of chunks) {
    const decoded = decodeKeys(state, typeof chunk === 'string' ? octets(chunk) : chunk);
    state = decoded.state;
    keys.push(...decoded.keys);
  }
  return keys.map((key) => (key.kind === 'character' ? key.character : `<${key.kind}>`)).join('');
}

describe('keys of a terminal', () => {
  test.each([
    ['printable ASCII', 'a Z~', 'a Z~'],
    ['Enter as terminals send it', 'a\rb\nc\r\nd', 'a<enter>b<enter>c<enter>d'],
    ['both ways to erase', '\b\x7f', '<erase><erase>'],
    ['Ctrl-C and Ctrl-D', '\x03\x04', '<cancel><cancel>'],
    ['Ctrl-L', '\f', '<redraw>'],
    ['other control characters', '\0\x01\x07\x11\x13\x1a\x1f', ''],
    ['octets above ASCII', '\x80\x9bA\xff', 'A'],
  ])('%s', (_name, typed, keys) => {
    expect(read(typed)).toBe(keys);
  });

  test.each([
    ['ECMA-48 § 5.4: CSI', 'a\x1b[1;5Ab\x1b[200~c', 'abc'],
    ['arrow and function keys in application mode (ESC O)', '\x1bOAx\x1bOPy', 'xy'],
    ['the Linux console’s function keys', '\x1b[[Ax', 'x'],
    ['ECMA-48 § 8.3: strings up to BEL or ESC \\', '\x1b]0;title\x07x\x1bP1$r\x1b\\y', 'xy'],
    ['a terminal’s answer to who it is', '\x1b[?64;1;2cx', 'x'],
    ['ESC and a character', '\x1bqx', 'x'],
  ])('%s: dropped whole', (_name, typed, keys) => {
    expect(read(typed)).toBe(keys);
  });

  test('a sequence may come in pieces', () => {
    expect(read('a\x1b', '[', '1', 'A', 'b\r', '\nc')).toBe('ab<enter>c');
  });

  test('Enter and Ctrl-C get out of a sequence that never ends', () => {
    expect(read('\x1b]no end\rx')).toBe('<enter>x');
    expect(read('\x1b[1;1;1\x03x')).toBe('<cancel>x');
  });

  test('however it is cut, the same octets are the same keys; only printable characters come through', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (typed, cut) => {
        const keys = read(typed);
        expect(read(typed.subarray(0, cut), typed.subarray(cut))).toBe(keys);
        expect(keys).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

import { limits } from './limits.ts';

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * What keeps a JSON text from being parsed within a small box's memory, in words, or null. A few octets make a value of
 * some dozens, so that a text within its size may still be too large once it is parsed. Whether it is JSON is not asked.
 */
export function shapeProblem(text: string): string | null {
  let values = 1;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const letter = text.charCodeAt(index);
    if (letter === quote) index = endOfString(text, index);
    else if (letter === closeBracket || letter === closeBrace) depth--;
    else if (letter === comma) values++;
    else if (letter === openBracket || letter === openBrace) {
      values++;
      depth++;
      if (depth > limits.documentDepth) return `it has more than ${limits.documentDepth} levels`;
    }
    if (values > limits.documentValues) return `it holds more than ${limits.documentValues} values`;
  }
  return null;
}

/** The place of the quotation mark that ends a string, or the text's end. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const letter = text.charCodeAt(index);
    if (letter === quote) return index;
    if (letter === backslash) index++;
  }
  return text.length;
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Levels of arrays and objects, and values of any kind. */
export type ShapeBounds = { readonly depth: number; readonly values: number };

/**
 * What keeps a JSON text from being parsed within a small box's memory, in words, or null. A few octets make a value of
 * some dozens, so that a text within its size may still be too large once it is parsed. Whether it is JSON is not asked.
 */
export function shapeProblem(text: string, { depth: levels, values: most }: ShapeBounds): string | null {
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
      if (depth > levels) return `it has more than ${levels} levels`;
    }
    if (values > most) return `it holds more than ${most} values`;
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

import { limits } from './limits.ts';

const labelWidth = 13;
/** Two rules, title and foot stand around what a screen says. */
const bodyRows = limits.rows - 4;

/**
 * A screen of at most 80 × 24 printable ASCII characters, which every terminal shows. Values from outside (DMI strings,
 * names of peers) cannot carry control characters to the terminal. What does not fit is cut and said to be.
 */
export class Screen {
  readonly #title: string;
  readonly #foot: string;
  readonly #body: string[] = [];

  constructor(title: string, foot: string) {
    this.#title = title;
    this.#foot = foot;
  }

  /** A name and its values, each on a line of its own. */
  field(label: string, ...values: readonly string[]): void {
    values.forEach((value, index) => {
      const lead = ` ${index === 0 ? label : ''}`.padEnd(labelWidth);
      for (const [part, text] of wrap(printable(value), limits.columns - labelWidth).entries())
        this.#body.push(`${part === 0 ? lead : ' '.repeat(labelWidth)}${text}`.trimEnd());
    });
  }

  text(...lines: readonly string[]): void {
    for (const line of lines)
      for (const part of wrap(printable(line), limits.columns - 2)) this.#body.push(` ${part}`.trimEnd());
  }

  lines(): readonly string[] {
    const rule = '='.repeat(limits.columns);
    const [title = ''] = wrap(printable(this.#title), limits.columns - 2);
    return [` ${title}`, rule, ...this.#kept(), rule, ` ${this.#foot}`];
  }

  #kept(): readonly string[] {
    if (this.#body.length <= bodyRows) return this.#body;
    const shown = this.#body.slice(0, bodyRows - 1);
    return [...shown, ` ... ${this.#body.length - shown.length} more lines: see the page`];
  }
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length > columns) {
      lines.push(line);
      line = '';
    }
    while (rest.length > columns) {
      lines.push(rest.slice(0, columns));
      rest = rest.slice(columns);
    }
    line = line === '' ? rest : `${line} ${rest}`;
  }
  lines.push(line);
  return lines;
}

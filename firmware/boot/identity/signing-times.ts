/** How long signatures take, for people. Milliseconds. */
export type SigningFigures = {
  readonly count: number;
  readonly lastMilliseconds: number;
  readonly p50Milliseconds: number;
};

/** Enough for a median that follows what the TPM does now. */
const kept = 64;

export class SigningTimes {
  #count = 0;
  readonly #newest: number[] = [];

  add(milliseconds: number): void {
    this.#count++;
    this.#newest.push(milliseconds);
    if (this.#newest.length > kept) this.#newest.shift();
  }

  /** Null before the first signature. */
  figures(): SigningFigures | null {
    const last = this.#newest.at(-1);
    if (last === undefined) return null;
    const ascending = this.#newest.toSorted((left, right) => left - right);
    const median = ascending[Math.floor(ascending.length / 2)] ?? last;
    const rounded = (value: number) => Math.round(value * 100) / 100;
    return { count: this.#count, lastMilliseconds: rounded(last), p50Milliseconds: rounded(median) };
  }
}

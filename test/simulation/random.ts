/** A stream of numbers that a seed decides. */
export class SeededRandom {
  #state: number;

  /** Streams with different names are independent, so that more draws from one leave the others as they were. */
  constructor(seed: number, name: string) {
    let mixed = seed >>> 0;
    for (const character of name) mixed = Math.imul(mixed ^ (character.codePointAt(0) ?? 0), 0x0100_0193);
    this.#state = mixed >>> 0;
  }

  /** From 0 inclusive to 1 exclusive. Mulberry32: small, and the same on every machine. */
  next(): number {
    return this.#word() / 2 ** 32;
  }

  #word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  octets(length: number): Uint8Array {
    const octets = new Uint8Array(length);
    for (let place = 0; place < length; place += 4) {
      const word = this.#word();
      for (let index = 0; index < 4 && place + index < length; index++)
        octets[place + index] = word >>> (8 * index);
    }
    return octets;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.whole(0, values.length - 1)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }
}

/** Takes octets from chunks of any size, holding no more than what is asked for and the rest of a chunk. */
export class OctetStream {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();
  #offset = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Octets taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /** The next octets without taking them; fewer where the stream ends. */
  async peek(length: number): Promise<Uint8Array> {
    if (this.#held.length < length) await this.#gather(length);
    return this.#held.subarray(0, length);
  }

  /** The next octets, or undefined where the stream ends before; then nothing is taken. A view that stays good. */
  async take(length: number): Promise<Uint8Array | undefined> {
    const taken = await this.peek(length);
    if (taken.length < length) return undefined;
    this.#advance(length);
    return taken;
  }

  /** Passes over octets; false where the stream ends before. */
  async skip(length: number): Promise<boolean> {
    let left = length;
    while (left > 0) {
      if (this.#held.length === 0 && !(await this.#next())) return false;
      const step = Math.min(left, this.#held.length);
      this.#advance(step);
      left -= step;
    }
    return true;
  }

  #advance(length: number): void {
    this.#held = this.#held.subarray(length);
    this.#offset += length;
  }

  async #gather(length: number): Promise<void> {
    const parts = [this.#held];
    let total = this.#held.length;
    while (total < length) {
      const { value, done } = await this.#chunks.next();
      if (done) break;
      parts.push(value);
      total += value.length;
    }
    const joined = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    this.#held = joined;
  }

  async #next(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done) return false;
    this.#held = value;
    return true;
  }
}

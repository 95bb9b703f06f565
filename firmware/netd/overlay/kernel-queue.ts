/** Changes of the kernel, one after the other, and what has to wait for them. */
export class KernelQueue {
  readonly #onFailure: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** `onFailure` hears of every job that failed; the next ones go on. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  add(job: () => Promise<void>): void {
    this.#waiting++;
    this.#last = this.#last
      .then(job)
      .catch((error: unknown) => this.#onFailure(error))
      .finally(() => {
        this.#waiting--;
      });
  }

  /** Does it now, or once everything that was added has been done. */
  afterAll(job: () => void): void {
    if (this.#waiting === 0) job();
    else this.add(async () => job());
  }

  /** Resolves when everything that was added until now has been done. */
  done(): Promise<void> {
    return this.#last;
  }
}

/** What can be taken back before its time has come. */
export type Appointment = { readonly close: () => void };

type Entry = { readonly at: number; readonly order: number; run: (() => void) | undefined };

/** A clock that stands still while anything runs, and jumps to the next appointment. Milliseconds, fractions included. */
export class VirtualTime {
  now = 0;
  /** A binary heap: the least entry is first, and an entry is never greater than its children at 2i+1 and 2i+2. */
  readonly #heap: Entry[] = [];
  #order = 0;

  /** Calls back `delay` milliseconds from now; what is due at one moment comes in the order in which it was asked for. */
  after(delay: number, run: () => void): Appointment {
    const entry: Entry = { at: this.now + Math.max(0, delay), order: this.#order++, run };
    this.#push(entry);
    return {
      close: () => {
        entry.run = undefined;
      },
    };
  }

  /** Goes on to the next appointment up to `until` and keeps it. False, with the clock at `until`, when there is none. */
  step(until: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.now = until;
        return false;
      }
      this.#pop();
      if (next.run === undefined) continue;
      this.now = next.at;
      next.run();
      return true;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let place = heap.push(entry) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, entry)) break;
      heap[place] = above;
      heap[parent] = entry;
      place = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const least = isRight ? right : left;
      if (isBefore(last, least)) break;
      heap[place] = least;
      place = 2 * place + (isRight ? 2 : 1);
    }
    heap[place] = last;
  }
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}

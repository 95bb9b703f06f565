import { limits } from '../limits.ts';

/** A small file for its owner alone that outlives a restart; both reject where it does not. */
export type SimPinFile = {
  readonly read: () => Promise<string | null>;
  readonly write: (text: string) => Promise<void>;
};

export const pinRefused = 'the SIM refuses the PIN of the settings';

/** Of the PIN that a modem was told: how often without hearing what came of it, and whether the SIM refused it. */
type Tried = { readonly pin: string; readonly unanswered: number; readonly refused: boolean };

/**
 * Sees to it that a wrong PIN is not sent until the SIM locks itself, which the third one does (ETSI TS 102 221 § 11.1.9.1.1): a
 * refused one never again, one of which nothing was heard once more. What is sent is written down before, since a box that
 * restarts would begin to count anew.
 */
export class SimPins {
  readonly #file: SimPinFile;
  /** One file, and a modem for each uplink. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: SimPinFile) {
    this.#file = file;
  }

  /** Before a PIN is sent: null, or why it must not be. Never rejects. */
  begin(device: string, pin: string): Promise<string | null> {
    return this.#inTurn(async () => {
      try {
        const all = await this.#read();
        const before = all.get(device);
        const { unanswered, refused } = before?.pin === pin ? before : { unanswered: 0, refused: false };
        if (refused) return pinRefused;
        if (unanswered >= limits.simPinUnanswered)
          return 'the PIN was sent, and what came of it is not known: give it to the SIM in a telephone once';
        await this.#write(all.set(device, { pin, unanswered: unanswered + 1, refused }));
        return null;
      } catch (error) {
        return `the PIN is not sent, since it cannot be remembered: ${reasonOf(error)}`;
      }
    });
  }

  /** After the SIM has answered: null, or why that is not written down, which then counts as not heard. Never rejects. */
  end(device: string, outcome: 'right' | 'refused'): Promise<string | null> {
    return this.#inTurn(async () => {
      try {
        const all = await this.#read();
        const tried = all.get(device);
        if (tried === undefined) return null;
        if (outcome === 'right') all.delete(device);
        else all.set(device, { ...tried, refused: true });
        await this.#write(all);
        return null;
      } catch (error) {
        return `what the SIM said of its PIN cannot be remembered: ${reasonOf(error)}`;
      }
    });
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#turn.then(work);
    this.#turn = done;
    return done;
  }

  /** Rejects where it cannot be read or understood: what was tried is not known then. */
  async #read(): Promise<Map<string, Tried>> {
    const text = await this.#file.read();
    if (text === null) return new Map();
    const entries: unknown = JSON.parse(text);
    if (!Array.isArray(entries) || !entries.every(isEntry))
      throw new Error('the note of tried PINs is damaged');
    return new Map(entries);
  }

  #write(all: ReadonlyMap<string, Tried>): Promise<void> {
    return this.#file.write(JSON.stringify([...all]));
  }
}

function isEntry(value: unknown): value is [string, Tried] {
  if (!Array.isArray(value) || typeof value[0] !== 'string') return false;
  const { pin, unanswered, refused } = Object(value[1]);
  return typeof pin === 'string' && Number.isInteger(unanswered) && typeof refused === 'boolean';
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

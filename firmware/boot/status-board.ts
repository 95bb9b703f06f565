import type { Status } from '../webui/api/status-schema.ts';

/** What the sequence knows so far; the page adds the time, the claim and the log. */
export type StatusFacts = Omit<Status, 'time' | 'claimed' | 'log'>;

type Live = Pick<
  StatusFacts,
  'uptimeSeconds' | 'memory' | 'trial' | 'network' | 'identity' | 'tunnels' | 'strayDatagrams' | 'alarms'
>;

/** Values that change while the box runs, read anew each time; cheap, since every open page asks every two seconds. */
export type LiveSources = { readonly [name in keyof Live]: () => Live[name] };

/** Collects what the boot sequence finds out, piece by piece, so that the page can be up before all of it is known. */
export class StatusBoard {
  readonly #facts: Omit<StatusFacts, keyof Live>;
  readonly #warnings = new Map<string, StatusFacts['warnings'][number]>();
  #live: LiveSources;

  constructor(facts: Omit<StatusFacts, keyof Live | 'warnings'>, live: LiveSources) {
    this.#facts = { ...facts, warnings: [] };
    this.#live = live;
  }

  set(facts: Partial<Omit<StatusFacts, keyof Live | 'warnings'>>): void {
    Object.assign(this.#facts, facts);
  }

  setLive(sources: Partial<LiveSources>): void {
    this.#live = { ...this.#live, ...sources };
  }

  /** One warning a code: a later one of the same code replaces it. */
  warn(warning: StatusFacts['warnings'][number]): void {
    this.#warnings.set(warning.code, warning);
  }

  clearWarning(code: string): void {
    this.#warnings.delete(code);
  }

  read(): StatusFacts {
    const live = {
      uptimeSeconds: this.#live.uptimeSeconds(),
      memory: this.#live.memory(),
      trial: this.#live.trial(),
      network: this.#live.network(),
      identity: this.#live.identity(),
      tunnels: this.#live.tunnels(),
      strayDatagrams: this.#live.strayDatagrams(),
      alarms: this.#live.alarms(),
    };
    return { ...this.#facts, ...live, warnings: [...this.#warnings.values()] };
  }
}

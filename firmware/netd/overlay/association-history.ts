/** What is told of the association that there is, and of no earlier one. Times that tell one from another are the machine's. */
export class AssociationHistory {
  #current: { readonly at: number; readonly text: string } | null = null;
  #installedAt: number | null = null;
  #rekeys = 0;

  /** When it came about, ISO 8601 in UTC. */
  get establishedAt(): string | null {
    return this.#current?.text ?? null;
  }

  get rekeys(): number {
    return this.#rekeys;
  }

  /** There is an association, which came about at this time. A new one may take the place of another without a state between. */
  note(at: number, wallClock: () => number): void {
    if (this.#current?.at === at) return;
    this.#current = { at, text: new Date(wallClock()).toISOString() };
    this.#rekeys = 0;
  }

  /** The kernel has taken what an association sends with. */
  installed(at: number, isRekey: boolean): void {
    this.#installedAt = at;
    if (isRekey) this.#rekeys++;
  }

  /** Whether the kernel carries the traffic of this association, or is still being told how. */
  isInstalled(at: number): boolean {
    return this.#installedAt === at;
  }
}

/** What most commands have in common: no handles, no authorization, no handle in the answer. */
export const plain = { handles: [], sessions: [], answersHandle: false } as const;

/** For commands whose response has no parameters. */
export const readNothing = (): undefined => undefined;

import { expect } from 'vitest';

/** Looks again until what it sees is right: a browser beside other work takes its time. */
export const eventually = <Value>(look: () => Value | Promise<Value>) =>
  expect.poll(look, { timeout: 30_000 });

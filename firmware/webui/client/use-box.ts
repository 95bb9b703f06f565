import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { LogEntry, StatusUpdate } from '../api/status-schema.ts';
import type { View } from './live.ts';
import { useBoxNow } from './use-now.ts';

/** What a page is drawn from: the box as it last told. */
export interface Box {
  readonly status: StatusUpdate;
  readonly rates: View['rates'];
  readonly log: readonly LogEntry[];
  /** False where this is not how the box is but how it was. */
  readonly live: boolean;
}

export const BoxView = createContext<Box | null>(null);

/** @throws Error outside of a page: pages are drawn only once the box has told how it is. */
export function useBox(): Box {
  const box = useContext(BoxView);
  if (box === null) throw new Error('No box has told anything yet.');
  return box;
}

/** Seconds, going on between two answers. A box that does not answer may not be up: its uptime stands still. */
export function useUptime(): number {
  const { status, live } = useBox();
  const now = useBoxNow();
  return status.uptimeSeconds + (live ? (now - Date.parse(status.time)) / 1000 : 0);
}

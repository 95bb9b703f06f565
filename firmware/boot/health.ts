import { markGood, type SlotSystem } from './slots.ts';
import type { StatusBoard } from './status-board.ts';

export type HealthPorts = {
  readonly log: (level: 'info' | 'error', source: string, message: string) => void;
  readonly slots: SlotSystem;
  /** True where the box answers a request from itself. */
  readonly answersItself: () => Promise<boolean>;
  readonly watchdog: { readonly feed: () => void };
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};

/** How often health is looked at and the watchdog fed: several times within its minute. */
const healthIntervalMs = 5_000;
/** Good after so many looks in a row: a runtime that dies in its first seconds is not good. */
const looksUntilGood = 3;

/**
 * Feeds the watchdog while the runtime answers a request to itself, and not otherwise; marks the slot good once it has
 * answered several times in a row with the network applied and the store open.
 */
export async function keepHealthy(
  ports: HealthPorts,
  board: StatusBoard,
  signal: AbortSignal,
): Promise<void> {
  let looksInARow = 0;
  let marked = false;
  while (!signal.aborted) {
    const answers = await ports.answersItself();
    if (answers) ports.watchdog.feed();
    else ports.log('error', 'health', 'The runtime does not answer itself; the watchdog is not fed');
    const applied = board.read().network.state === 'applied';
    looksInARow = answers && applied ? looksInARow + 1 : 0;
    if (!marked && looksInARow >= looksUntilGood) {
      marked = true;
      const result = await markGood(ports.slots);
      if (result.state === 'failed') {
        board.warn({
          code: 'SLOT_NOT_MARKED',
          message: `This boot could not be marked good: ${result.reason}`,
          advice:
            'After three boots the loader falls back to the other slot. Check the EFI system partition.',
        });
      }
      ports.log(
        result.state === 'failed' ? 'error' : 'info',
        'boot',
        `Boot counting: ${markResultText(result)}`,
      );
    }
    await ports.wait(healthIntervalMs, signal);
  }
}

function markResultText(result: Awaited<ReturnType<typeof markGood>>): string {
  switch (result.state) {
    case 'marked':
      return `marked good as ${result.entry}`;
    case 'already-good':
    case 'not-counted':
      return result.detail;
    case 'failed':
      return result.reason;
  }
}

import { z } from 'zod';
import { formatIdentityRecord } from './identity/record.ts';
import type { BootPorts } from './ports.ts';

/** Files of the state partition, by their paths in it. What a call did is on the disk when it has ended. */
export interface ResetFiles {
  /** Names in a folder (`.` is the partition itself); none where there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Null where there is none. */
  read(path: string): Promise<string | null>;
  /** Replaces the file in one step. */
  write(path: string, text: string): Promise<void>;
  /** Removes a file, or a folder with all that is in it. */
  remove(path: string): Promise<void>;
}

/** Whether the host identity outlives the reset. */
export const resetIdentity = z.enum(['kept', 'new']);
export type ResetIdentity = z.infer<typeof resetIdentity>;

const markerPath = 'factory-reset.json';
const secretsFolder = 'secrets';
/** The record of the identity that was made, and a software key. */
const recordName = 'host-identity.json';
const identityNames = [recordName, 'host-identity.pem'];
/** e2fsck's, which the file system has from the beginning. */
const lostAndFound = 'lost+found';

const marker = z.strictObject({ version: z.literal(1), identity: resetIdentity });

export interface FactoryResetPorts {
  readonly files: Pick<ResetFiles, 'write'>;
  restart(): Promise<string | null>;
  setTimer(milliseconds: number, callback: () => void): unknown;
  log(level: 'warning' | 'error', message: string): void;
}

/** Milliseconds for whoever asked to hear that it was understood. */
const answerMs = 1_000;

/**
 * Takes a word that everything is to be forgotten. What is on the state partition stays until the next start, which is
 * right away: programs that run would write it again.
 */
export class FactoryReset {
  readonly #ports: FactoryResetPorts;
  #begun = false;

  constructor(ports: FactoryResetPorts) {
    this.#ports = ports;
  }

  /** Resolves with why it could not begin, or null: then the box restarts a moment later. */
  async begin(identity: ResetIdentity, by: string): Promise<string | null> {
    const { files, log, restart, setTimer } = this.#ports;
    if (this.#begun) return 'it has begun already';
    this.#begun = true;
    try {
      await files.write(markerPath, `${JSON.stringify({ version: 1, identity })}\n`);
    } catch (error) {
      this.#begun = false;
      return reasonOf(error);
    }
    log('warning', `Factory reset by ${by}: the box restarts, its identity is ${identity}`);
    setTimer(answerMs, () => {
      void restart().then((failure) => {
        if (failure !== null) log('error', `The box does not restart: ${failure}. Switch it off and on.`);
      });
    });
    return null;
  }
}

/**
 * Ends a reset that was begun before the start; to be called before anything reads state. The marker goes last, so that
 * power that is cut at any moment leaves either the old state or one that is wiped at the next start.
 *
 * @returns what became of the identity, or null where nothing was to be reset. Rejects where the disk fails.
 */
export async function finishFactoryReset(files: ResetFiles): Promise<ResetIdentity | null> {
  const text = await files.read(markerPath);
  if (text === null) return null;
  const identity = identityOf(text);
  for (const name of await files.list('.'))
    if (name !== markerPath && name !== secretsFolder && name !== lostAndFound) await files.remove(name);
  for (const name of await files.list(secretsFolder))
    if (identity === 'new' || !identityNames.includes(name)) await files.remove(`${secretsFolder}/${name}`);
  if (identity === 'new') {
    // A TPM keeps the key: whoever opens the identity next takes this as the word to make another one.
    const record = formatIdentityRecord({ version: 1, keyStorage: 'given-up' });
    await files.write(`${secretsFolder}/${recordName}`, record);
  }
  await files.remove(markerPath);
  return identity;
}

/** Ends a reset as above, and has the box start with what is left where the disk fails: the next start tries again. */
export async function endFactoryReset(
  { resetFiles, audit, log }: Pick<BootPorts, 'resetFiles' | 'audit' | 'log'>,
  warn: (warning: { readonly code: string; readonly message: string; readonly advice: string }) => void,
): Promise<void> {
  try {
    const identity = await finishFactoryReset(resetFiles);
    if (identity === null) return;
    const what = `identity ${identity}`;
    log('warning', 'reset', `Factory reset: state is empty, ${what}`);
    // The first entry of the new audit: whoever finds a box without a past shall see why.
    audit.add({ who: 'system', from: null, act: 'factory-reset', what, outcome: 'done' });
  } catch (error) {
    log('error', 'reset', reasonOf(error));
    warn({
      code: 'RESET_NOT_ENDED',
      message: `The factory reset could not delete everything: ${reasonOf(error)}.`,
      advice: 'Restart the box, which tries again; if it stays so, replace its disk.',
    });
  }
}

/** A marker that cannot be understood still is one, and takes no identity away. */
function identityOf(text: string): ResetIdentity {
  try {
    return marker.parse(JSON.parse(text)).identity;
  } catch {
    return 'kept';
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

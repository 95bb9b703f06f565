import {
  databaseName,
  databaseVersion,
  migrateCopy,
  type OpenDatabase,
  openNewest,
  type StoreFiles,
} from './database-file.ts';
import { type Migration, migrations as ourMigrations } from './migrations.ts';
import { setAside } from './set-aside.ts';
import { SettingsStore } from './settings-store.ts';
import { storeErrorOf } from './store-error.ts';

export type StorePorts = {
  readonly files: StoreFiles;
  /** The time in UTC, ISO 8601. */
  readonly now: () => string;
};

/** In the words of the status page. */
export type StoreWarning = { readonly code: string; readonly message: string; readonly advice: string };

export type OpenedStore = { readonly store: SettingsStore; readonly warnings: readonly StoreWarning[] };

export type StoreOptions = {
  /** Where the native add-on of better-sqlite3 lies, if not in its package. */
  readonly nativeBinding?: string;
  readonly migrations?: readonly Migration[];
};

/**
 * Opens the settings in `directory`, or the best that can be had: a database that is corrupt is set aside under a name
 * that tells when and a new one begun; where the directory cannot be used at all, the store is in memory. So a box always
 * starts, at worst on the layers below the saved one, and says what happened in `warnings`.
 */
export async function openSettingsStore(
  directory: string,
  ports: StorePorts,
  { nativeBinding, migrations = ourMigrations }: StoreOptions = {},
): Promise<OpenedStore> {
  // Loaded here, since programs that only need the schema import this room too.
  const { default: SqliteDatabase } = await import('better-sqlite3');
  const open: OpenDatabase = (path) =>
    new SqliteDatabase(path, nativeBinding === undefined ? {} : { nativeBinding });
  const warnings: StoreWarning[] = [];
  const newest = migrations.length + 1;
  const path = `${directory}/${databaseName(newest)}`;
  const { files, now } = ports;

  /** Runs `work`; undefined where the file turned out to be corrupt and was set aside. */
  const unlessCorrupt = <Value>(file: string, work: () => Value): Value | undefined => {
    try {
      return work();
    } catch (error) {
      const failure = storeErrorOf(error);
      if (failure.code !== 'CORRUPT') throw failure;
      warnings.push(damaged(directory, file, failure.message, ports));
      return undefined;
    }
  };

  try {
    const versions = files.list(directory).map(databaseVersion);
    const older = versions.filter((version) => version !== undefined && version < newest);
    const from = Math.max(0, ...older.map(Number));
    if (!versions.includes(newest) && from > 0) {
      unlessCorrupt(databaseName(from), () => migrateCopy(directory, from, { open, files, migrations }));
    }
    const openFile = () => {
      files.createPrivate(path);
      const database = openNewest(path, open, migrations);
      return new SettingsStore(database, { persistent: true, now });
    };
    return { store: unlessCorrupt(databaseName(newest), openFile) ?? openFile(), warnings };
  } catch (error) {
    warnings.push({
      code: 'SETTINGS_NOT_KEPT',
      message: `The saved settings cannot be opened: ${storeErrorOf(error).message}`,
      advice: 'Changes are lost at the next restart. Check the state partition, or install the image again.',
    });
    const store = new SettingsStore(openNewest(':memory:', open, migrations), { persistent: false, now });
    return { store, warnings };
  }
}

function damaged(directory: string, name: string, reason: string, { files, now }: StorePorts): StoreWarning {
  const aside = setAside(directory, name, files, now());
  return {
    code: 'SETTINGS_CORRUPT',
    message: `The saved settings were damaged (${reason.replaceAll(/\s+/g, ' ')}) and are set aside as ${aside}.`,
    advice:
      'The box runs on its defaults and on what its platform says. Enter the settings again, or restore them from a backup.',
  };
}

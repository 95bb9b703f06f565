import SqliteDatabase from 'better-sqlite3';
import { Configuration, type ConfigurationPorts } from '../../firmware/boot/configuration.ts';
import { SettingsKeeper } from '../../firmware/boot/settings-keeper.ts';
import { openNewest } from '../../firmware/store/database-file.ts';
import { migrations } from '../../firmware/store/migrations.ts';
import type { Settings } from '../../firmware/store/settings-schema.ts';
import { SettingsStore } from '../../firmware/store/settings-store.ts';

export interface TestConfiguration {
  readonly configuration: Configuration;
  readonly store: SettingsStore;
  /** What was put in force, in order. */
  readonly applied: Settings[];
  /** What the box did with nobody asking for it. */
  readonly decided: readonly string[];
  readonly warnings: Map<string, string>;
  /** Peers with a tunnel, and whether each answers. */
  readonly peers: Map<string, boolean>;
  readonly state: { page: readonly string[]; failure: string | null };
  /** Moves the time on, as far as the countdown is concerned. */
  pass(seconds: number): Promise<void>;
}

/** The box's settings with everything real but the network: that is told what it does. */
export function openTestConfiguration(
  store = new SettingsStore(
    openNewest(':memory:', (path) => new SqliteDatabase(path), migrations),
    {
      persistent: true,
      now: () => '2026-06-01T12:00:00.000Z',
    },
  ),
  /** Puts settings in force where the test has something that works by them; resolves with what went wrong, or null. */
  putInForce: (settings: Settings) => Promise<string | null> = async () => null,
): TestConfiguration {
  const warnings = new Map<string, string>();
  const warn: ConfigurationPorts['warn'] = ({ code, message }) => void warnings.set(code, message);
  const keeper = new SettingsKeeper(store, {}, { log: () => {}, warn });
  const applied: Settings[] = [];
  const decided: string[] = [];
  const peers = new Map<string, boolean>();
  const state: TestConfiguration['state'] = { page: ['192.168.1.1'], failure: null };
  let now = 0;
  const waiting = new Set<{ readonly until: number; readonly wake: () => void }>();
  const configuration = new Configuration({
    store,
    keeper,
    warn,
    clearWarning: (code) => void warnings.delete(code),
    log: () => {},
    byItself: (act, what) => void decided.push(`${act}: ${what}`),
    reachability: {
      tunnels: () => [...peers.keys()],
      echo: async (hit) => peers.get(hit) ?? false,
      pageAddresses: () => state.page,
      answersItself: async () => true,
    },
    apply: async (settings) => {
      applied.push(settings);
      if (settings.hostname === 'broken') return 'it does not work';
      return state.failure ?? (await putInForce(settings));
    },
    planNetwork: async ({ hostname }) => [`network of ${hostname}`],
    seconds: () => now,
    wait: (milliseconds, signal) =>
      new Promise((resolve) => {
        const entry = { until: now + milliseconds / 1000, wake: resolve };
        waiting.add(entry);
        signal.addEventListener('abort', () => resolve());
      }),
  });
  return {
    ...{ configuration, store, applied, decided, warnings, peers, state },
    async pass(seconds) {
      const end = now + seconds;
      while (now < end) {
        now = Math.min(end, ...[...waiting].map(({ until }) => until));
        for (const entry of waiting) {
          if (entry.until > now) continue;
          waiting.delete(entry);
          entry.wake();
        }
        // Everything that follows from it is done before the time moves on.
        await new Promise((resolve) => setImmediate(resolve));
        if (waiting.size === 0) now = end;
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

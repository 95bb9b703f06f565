import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  endFactoryReset,
  FactoryReset,
  finishFactoryReset,
  type ResetFiles,
} from '../../firmware/boot/factory-reset.ts';
import { resetFiles } from '../../firmware/system/reset-files.ts';

/** What a box in use has on its state partition. */
const inUse = {
  'settings.v1.db': 'settings',
  'settings.v1.db-wal': 'settings not yet in their file',
  'audit.v1.db': 'audit',
  'seen-devices.json': 'devices',
  'flows/2026-06.db': 'flows',
  'flows/old/2026-05.db': 'flows',
  'secrets/claim.json': 'claim',
  'secrets/users.json': 'users',
  'secrets/tls-key.pem': 'key of the page',
  'secrets/host-identity.json': 'which identity',
  'secrets/host-identity.pem': 'its key',
  'lost+found/#12': 'what e2fsck found',
};
type State = Record<string, string>;

const identityOnly = {
  'secrets/host-identity.json': 'which identity',
  'secrets/host-identity.pem': 'its key',
  'lost+found/#12': 'what e2fsck found',
};
const givenUp = { 'lost+found/#12': 'what e2fsck found', 'secrets/host-identity.json': expect.any(String) };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hithe-reset-'));
  for (const [path, text] of Object.entries(inUse)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function state(): State {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length + 1), readFileSync(path, 'utf8')];
    }),
  );
}

class PowerCut extends Error {}

/** Files whose power is cut before their nth change, or right after it. */
function untilPowerCut(step: number, when: 'before' | 'after'): ResetFiles {
  const files = resetFiles(folder);
  let changes = 0;
  const change = async (work: () => Promise<void>) => {
    changes += 1;
    if (changes === step && when === 'before') throw new PowerCut();
    if (changes > step) throw new PowerCut();
    await work();
    if (changes === step) throw new PowerCut();
  };
  return {
    ...files,
    write: (path, text) => change(() => files.write(path, text)),
    remove: (path) => change(() => files.remove(path)),
  };
}

/** Begins a reset whose restart only counts. */
async function begin(files: ResetFiles, identity: 'kept' | 'new', by = 'a test') {
  const said = { restarts: 0, log: [] as string[] };
  const reset = new FactoryReset({
    files,
    restart: async () => {
      said.restarts += 1;
      return null;
    },
    setTimer: (_milliseconds, callback) => callback(),
    log: (_level, message) => said.log.push(message),
  });
  return { outcome: await reset.begin(identity, by), said, reset };
}

describe('a factory reset', () => {
  test('nothing happens at a start before which none was begun', async () => {
    expect(await finishFactoryReset(resetFiles(folder))).toBeNull();
    expect(state()).toEqual(inUse);
  });

  test('begins with a mark, says who wants it, and restarts; programs that still run lose nothing', async () => {
    const { outcome, said, reset } = await begin(resetFiles(folder), 'new', 'the console');
    expect(outcome).toBeNull();
    expect(said).toEqual({ restarts: 1, log: [expect.stringContaining('by the console')] });
    expect(state()).toEqual({ ...inUse, 'factory-reset.json': expect.any(String) });
    expect(await reset.begin('kept', 'another')).toMatch(/begun already/);
  });

  test.each([
    ['kept', identityOnly],
    ['new', givenUp],
  ] as const)('ends with an empty state; the identity is %s', async (identity, left) => {
    await begin(resetFiles(folder), identity);
    expect(await finishFactoryReset(resetFiles(folder))).toBe(identity);
    expect(state()).toEqual(left);
    expect(await finishFactoryReset(resetFiles(folder))).toBeNull();
  });

  test('a disk that takes no mark: told, nothing changed, no restart, and it may be tried again', async () => {
    const broken: ResetFiles = { ...resetFiles(folder), write: () => Promise.reject(new Error('EROFS')) };
    const { outcome, said, reset } = await begin(broken, 'kept');
    expect(outcome).toBe('EROFS');
    expect(said).toEqual({ restarts: 0, log: [] });
    expect(await reset.begin('kept', 'a test')).toBe('EROFS');
    expect(state()).toEqual(inUse);
  });

  test('a mark that cannot be read resets and takes no identity away', async () => {
    writeFileSync(join(folder, 'factory-reset.json'), '{"version":1,"identity":');
    expect(await finishFactoryReset(resetFiles(folder))).toBe('kept');
    expect(state()).toEqual(identityOnly);
  });
});

describe('a start after it was begun', () => {
  async function start(files: ResetFiles) {
    const said = { log: [] as string[], audit: [] as string[], warnings: [] as string[] };
    await endFactoryReset(
      {
        resetFiles: files,
        log: (level, _source, message) => said.log.push(`${level} ${message}`),
        audit: { add: ({ who, act, what }) => said.audit.push(`${who} ${act} ${what}`) },
      },
      ({ code }) => said.warnings.push(code),
    );
    return said;
  }

  test('says so in the log and as the first entry of the new audit; any other start says nothing', async () => {
    await begin(resetFiles(folder), 'new');
    expect(await start(resetFiles(folder))).toEqual({
      log: ['warning Factory reset: state is empty, identity new'],
      ...{ audit: ['system factory-reset identity new'], warnings: [] },
    });
    expect(await start(resetFiles(folder))).toEqual({ log: [], audit: [], warnings: [] });
  });

  test('from a disk that deletes nothing: the box starts and warns', async () => {
    await begin(resetFiles(folder), 'kept');
    const broken: ResetFiles = { ...resetFiles(folder), remove: () => Promise.reject(new Error('EIO')) };
    expect(await start(broken)).toEqual({ log: ['error EIO'], audit: [], warnings: ['RESET_NOT_ENDED'] });
    expect(state()).toMatchObject(inUse);
  });
});

describe('power that is cut', () => {
  for (const identity of ['kept', 'new'] as const)
    for (const when of ['before', 'after'] as const)
      test(`${when} any step, identity ${identity}: the old state, or an empty one`, async () => {
        await begin(untilPowerCut(1, when), identity);
        if (when === 'before') return expect(state()).toEqual(inUse);
        // Every start gets one step further than the one before it, as far as its power lasts.
        for (let step = 1; existsSync(join(folder, 'factory-reset.json')); step++)
          await finishFactoryReset(untilPowerCut(step, when)).catch((error: unknown) => {
            if (!(error instanceof PowerCut)) throw error;
          });
        await finishFactoryReset(resetFiles(folder));
        expect(state()).toEqual(identity === 'kept' ? identityOnly : givenUp);
      });

  test('while the mark is written: the old state', async () => {
    writeFileSync(join(folder, 'factory-reset.json.new'), '{"ver');
    expect(await finishFactoryReset(resetFiles(folder))).toBeNull();
    expect(state()).toEqual({ ...inUse, 'factory-reset.json.new': '{"ver' });
  });
});

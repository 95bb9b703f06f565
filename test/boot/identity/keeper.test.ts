import { expect, test } from 'vitest';
import type { IdentitySettings, OpenedIdentity } from '../../../firmware/boot/identity/identity.ts';
import { IdentityKeeper } from '../../../firmware/boot/identity/keeper.ts';
import { identityProblems } from '../../../firmware/boot/identity/problem.ts';
import { defaultSettings, type Settings } from '../../../firmware/store/settings-schema.ts';
import { status } from '../../../firmware/webui/api/status-schema.ts';

const hits = ['2001:22::1', '2001:22::2'] as const;
const cleared: OpenedIdentity = { ok: false, hit: hits[0], problem: identityProblems.tpmCleared(hits[0]) };

function identity(hit: string, keyStorage: 'tpm' | 'software', done: string[]): OpenedIdentity {
  const key = { x: new Uint8Array(32), y: new Uint8Array(32), sign: async () => new Uint8Array(64) };
  const close = async () => void done.push(`close ${hit}`);
  return { ok: true, keyStorage, hit, key, detail: 'made for a test', signing: () => null, close };
}

/** A keeper that writes down what it has done, with what opening and replacing come to. */
function keeper(
  open: (settings: IdentitySettings, done: string[]) => OpenedIdentity,
  replace: OpenedIdentity = cleared,
) {
  const done: string[] = [];
  const warnings = new Set<string>();
  let overlays = 0;
  const kept = new IdentityKeeper({
    async open(settings) {
      done.push(`open, software ${settings.software}`);
      return open(settings, done);
    },
    async replace() {
      done.push('replace');
      return replace;
    },
    async startOverlay(_key, settings) {
      const number = ++overlays;
      done.push(`overlay ${number} with ${settings.overlay.peers.length} peers`);
      return {
        tunnels: () => [],
        strayDatagrams: () => ({ notHip: 1, badChecksum: 0 }),
        peerAnswers: () => [],
        followUplinks: () => {},
        renew: () => false,
        reconfigure: async (next) => void done.push(`reconfigure with ${next.overlay.peers.length} peers`),
        close: async () => void done.push(`overlay ${number} closed`),
      };
    },
    warn: ({ code }) => warnings.add(code),
    clearWarning: (code) => warnings.delete(code),
    log: () => {},
  });
  return { kept, done, warnings };
}

const settings = (identitySettings: Partial<Settings['identity']> = {}, peers = 0): Settings => ({
  ...defaultSettings,
  identity: { ...defaultSettings.identity, ...identitySettings },
  overlay: {
    ...defaultSettings.overlay,
    peers: Array.from({ length: peers }, (_, index) => ({
      ...{ name: `peer ${index}`, uri: `hip://10.0.0.${index}:10500/2001:22::${index + 9}` },
      protectedPrefixes: [],
    })),
  },
});

test('opens once; changed peers only reach the overlay', async () => {
  const { kept, done } = keeper((_, events) => identity(hits[0], 'tpm', events));
  expect(status.shape.identity.parse(kept.status())).toMatchObject({ hit: null, problem: null });
  await kept.apply(settings());
  await kept.apply(settings({}, 2));
  await kept.close();
  expect(done).toEqual([
    'open, software refused',
    'overlay 1 with 0 peers',
    'reconfigure with 2 peers',
    'overlay 1 closed',
    `close ${hits[0]}`,
  ]);
});

test('tells what came to the overlay’s port and was no peer’s, while there is an overlay', async () => {
  const { kept } = keeper((_, events) => identity(hits[0], 'tpm', events));
  expect(status.shape.strayDatagrams.parse(kept.strayDatagrams())).toBeNull();
  await kept.apply(settings());
  expect(status.shape.strayDatagrams.parse(kept.strayDatagrams())).toEqual({ notHip: 1, badChecksum: 0 });
});

test('without an identity: a warning, the HIT of before, no overlay, and no second try while nothing changes', async () => {
  const { kept, done, warnings } = keeper(() => cleared);
  await kept.apply(settings());
  await kept.apply(settings({}, 1));
  expect(status.shape.identity.parse(kept.status())).toMatchObject({
    hit: null,
    keyStorage: 'none',
    formerHit: hits[0],
    problem: 'TPM_CLEARED',
  });
  expect(done).toEqual(['open, software refused']);
  expect([...warnings]).toEqual(['TPM_CLEARED']);
});

test('settings that allow a software key open again, and its refusal closes it with its overlay', async () => {
  const refused: OpenedIdentity = {
    ...{ ok: false, hit: null },
    problem: identityProblems.softwareRefused(null, 'no TPM is found'),
  };
  const { kept, done, warnings } = keeper(({ software }, events) =>
    software === 'allowed' ? identity(hits[0], 'software', events) : refused,
  );
  await kept.apply(settings());
  expect([...warnings]).toEqual(['SOFTWARE_REFUSED']);
  await kept.apply(settings({ software: 'allowed' }));
  expect([...warnings]).toEqual([]);
  expect(kept.status()).toMatchObject({ hit: hits[0], keyStorage: 'software' });
  await kept.apply(settings({ software: 'refused' }));
  expect(done.slice(-3)).toEqual(['overlay 1 closed', `close ${hits[0]}`, 'open, software refused']);
  expect([...warnings]).toEqual(['SOFTWARE_REFUSED']);
});

test('gives up the identity that was named, and no other', async () => {
  const made = identity(hits[1], 'tpm', []);
  const { kept, done, warnings } = keeper(() => cleared, made);
  await kept.apply(settings());
  for (const other of [hits[1], 'none', ''])
    expect(await kept.replace(other)).toEqual({ outcome: 'other-identity', hit: hits[0] });
  expect(await kept.replace(hits[0].toUpperCase())).toMatchObject({
    outcome: 'replaced',
    identity: { hit: hits[1] },
  });
  expect(done).toEqual(['open, software refused', 'replace', 'overlay 1 with 0 peers']);
  expect([...warnings]).toEqual([]);
  expect(await kept.replace(hits[0])).toEqual({ outcome: 'other-identity', hit: hits[1] });
});

test('settings that name the identity give it up, once', async () => {
  const { kept, done } = keeper(
    (_, events) => identity(hits[0], 'tpm', events),
    identity(hits[1], 'tpm', []),
  );
  const replacing = settings({ replaces: hits[0] });
  await kept.apply(replacing);
  await kept.apply(replacing);
  await kept.apply(settings({ replaces: 'none' }));
  expect(done.filter((event) => event === 'replace')).toHaveLength(1);
  expect(kept.status().hit).toBe(hits[1]);
  expect(done.indexOf('overlay 1 closed')).toBeLessThan(done.indexOf('replace'));
});

test('an identity of which nothing is known is named none', async () => {
  const unknown: OpenedIdentity = { ok: false, hit: null, problem: identityProblems.recordUnreadable() };
  const { kept } = keeper(() => unknown, identity(hits[1], 'tpm', []));
  await kept.apply(settings({ replaces: 'none' }));
  expect(kept.status().hit).toBe(hits[1]);
});

test('a new identity that cannot be made is told with what to do, and the old one is still known', async () => {
  const { kept } = keeper(() => cleared, cleared);
  await kept.apply(settings());
  expect(await kept.replace(hits[0])).toMatchObject({ outcome: 'failed', problem: { code: 'TPM_CLEARED' } });
  expect(kept.status()).toMatchObject({ formerHit: hits[0] });
});

test('an overlay that does not start is a warning, and the identity stays', async () => {
  const warnings: string[] = [];
  const kept = new IdentityKeeper({
    open: async () => identity(hits[0], 'tpm', []),
    replace: async () => cleared,
    startOverlay: () => Promise.reject(new Error('no UDP port')),
    warn: ({ code, message }) => warnings.push(`${code} ${message}`),
    clearWarning: () => {},
    log: () => {},
  });
  await kept.apply(settings());
  expect(warnings).toEqual([expect.stringMatching(/^OVERLAY_NOT_STARTED .*no UDP port/)]);
  expect(kept.status()).toMatchObject({ hit: hits[0], problem: null });
});

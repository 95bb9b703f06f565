import { describe, expect, test } from 'vitest';
import type { SettingsLayer } from '../../firmware/store/settings-schema.ts';
import { openTestConfiguration, type TestConfiguration } from '../webui/test-configuration.ts';

const options = { author: 'command line', seconds: 60, automatic: false };
const named = (hostname: string): SettingsLayer => ({ version: 1, hostname });
const hits = ['2001:20::1', '2001:20::2'] as const;
const withPeers = (...numbers: readonly (0 | 1)[]): SettingsLayer => ({
  version: 1,
  overlay: {
    peers: numbers.map((number) => ({
      name: `peer ${number}`,
      // Written otherwise than the tunnels say it.
      uri: `hip://peer.example/2001:0020:0::${number + 1}`,
      protectedPrefixes: [],
    })),
  },
});

const inForce = ({ configuration }: TestConfiguration) => {
  const view = configuration.read();
  if (!view.ok) throw new Error(view.detail);
  return view.value;
};
const outcomes = ({ configuration }: TestConfiguration) => {
  const history = configuration.history();
  return history.ok ? history.value.map(({ id, outcome, reason }) => [id, outcome, reason]) : [];
};

describe('a change of settings', () => {
  test('is in force at once, and taken back when nobody confirms it', async () => {
    const box = openTestConfiguration();
    const applied = await box.configuration.apply(named('one'), options);
    expect(applied).toMatchObject({
      value: {
        revision: { id: 1, outcome: 'trial' },
        trial: { seconds: 60, secondsLeft: 60, author: 'command line', missing: null },
        plan: {
          changes: [{ path: 'hostname', before: '"hithe"', after: '"one"' }],
          network: ['network of one'],
        },
      },
    });
    expect(inForce(box)).toMatchObject({
      revision: null,
      inForce: { hostname: 'one' },
      saved: { version: 1 },
    });
    expect(box.warnings.get('SETTINGS_ON_TRIAL')).toContain('Revision 1');
    await box.pass(59);
    expect(inForce(box)).toMatchObject({ trial: { secondsLeft: 1 }, inForce: { hostname: 'one' } });
    await box.pass(1);
    expect(inForce(box)).toMatchObject({ trial: null, revision: null, inForce: { hostname: 'hithe' } });
    expect(box.applied.map(({ hostname }) => hostname)).toEqual(['one', 'hithe']);
    expect(outcomes(box)).toEqual([[1, 'reverted', 'nobody confirmed it in time']]);
    expect(box.decided).toEqual(['config revert: revision 1: nobody confirmed it in time']);
    expect([...box.warnings.keys()]).toEqual(['SETTINGS_TAKEN_BACK']);
  });

  test('says while it lasts what is missing of the proof, and is kept by nobody but a person', async () => {
    const box = openTestConfiguration();
    box.store.save(withPeers(0), 'web');
    box.peers.set(hits[0], true);
    await box.configuration.apply({ ...withPeers(0), hostname: 'one' }, options);
    box.peers.set(hits[0], false);
    await box.pass(2);
    const silent = `the peer peer 0 (${hits[0]}) does not answer through its tunnel`;
    expect(box.configuration.trial()).toMatchObject({ secondsLeft: 58, missing: [silent] });
    box.peers.set(hits[0], true);
    await box.pass(2);
    expect(box.configuration.trial()).toMatchObject({ secondsLeft: 56, missing: [] });
    await box.pass(56);
    expect(box.configuration.trial()).toBeNull();
    expect(outcomes(box)[0]).toEqual([2, 'reverted', 'nobody confirmed it in time']);
  });

  test('stays when it is confirmed', async () => {
    const box = openTestConfiguration();
    await box.configuration.apply(named('one'), options);
    expect(await box.configuration.confirm(false)).toMatchObject({ value: { id: 1, outcome: 'confirmed' } });
    expect(box.decided).toEqual([]);
    await box.pass(1000);
    expect(inForce(box)).toMatchObject({ revision: { id: 1 }, trial: null, inForce: { hostname: 'one' } });
    expect([...box.warnings]).toEqual([]);
    expect(await box.configuration.confirm(false)).toMatchObject({ code: 'settings-no-trial' });
    expect(await box.configuration.rollBack('web')).toMatchObject({ code: 'settings-no-trial' });
  });

  test('is not confirmed while a peer that was reachable is not, unless somebody insists', async () => {
    const box = openTestConfiguration();
    box.store.save(withPeers(0, 1), 'web');
    box.peers.set(hits[0], true).set(hits[1], false);
    await box.configuration.apply({ ...withPeers(0, 1), hostname: 'one' }, options);
    box.peers.set(hits[0], false);
    expect(await box.configuration.confirm(false)).toMatchObject({
      code: 'settings-not-proven',
      detail: `the peer peer 0 (${hits[0]}) does not answer through its tunnel`,
    });
    expect(await box.configuration.confirm(true)).toMatchObject({ ok: true });
  });

  test('is not confirmed where the page is served nowhere any more', async () => {
    const box = openTestConfiguration();
    await box.configuration.apply(named('one'), options);
    box.state.page = [];
    expect(await box.configuration.confirm(false)).toMatchObject({
      code: 'settings-not-proven',
      detail: 'the page is served nowhere any more',
    });
  });

  test('that takes a peer away does not wait for it', async () => {
    const box = openTestConfiguration();
    box.store.save(withPeers(0, 1), 'web');
    box.peers.set(hits[0], true).set(hits[1], true);
    await box.configuration.apply(withPeers(0), options);
    box.peers.set(hits[1], false);
    expect(await box.configuration.confirm(false)).toMatchObject({ ok: true });
  });

  test('confirms itself once the proof is there, where it may', async () => {
    const box = openTestConfiguration();
    box.store.save(withPeers(0), 'web');
    box.peers.set(hits[0], true);
    await box.configuration.apply({ ...withPeers(0), hostname: 'one' }, { ...options, automatic: true });
    box.peers.set(hits[0], false);
    await box.pass(30);
    expect(inForce(box).trial?.missing).toHaveLength(1);
    box.peers.set(hits[0], true);
    await box.pass(4);
    expect(inForce(box)).toMatchObject({ trial: null, revision: { id: 2, outcome: 'confirmed' } });
    expect(box.decided).toEqual(['config confirm: revision 2']);
  });

  test('that cuts the box off from its peers heals by itself, and says why', async () => {
    const box = openTestConfiguration();
    box.store.save(withPeers(0), 'web');
    box.peers.set(hits[0], true);
    await box.configuration.apply({ ...withPeers(0), hostname: 'one' }, { ...options, automatic: true });
    box.peers.set(hits[0], false);
    await box.pass(60);
    expect(inForce(box)).toMatchObject({ trial: null, revision: { id: 1 }, inForce: { hostname: 'hithe' } });
    expect(outcomes(box)[0]).toEqual([2, 'reverted', expect.stringContaining('does not answer')]);
  });

  test('that a room throws at is taken back, and cannot be kept', async () => {
    const box = openTestConfiguration(undefined, async ({ hostname }) => {
      if (hostname === 'thrown') throw new Error('nobody thought of this');
      return null;
    });
    expect(await box.configuration.apply(named('thrown'), options)).toMatchObject({
      code: 'settings-not-applied',
      detail: expect.stringContaining('nobody thought of this'),
    });
    expect(box.configuration.trial()).toBe(null);
    expect(await box.configuration.confirm(true)).toMatchObject({ code: 'settings-no-trial' });
  });

  test('that cannot be applied is taken back at once', async () => {
    const box = openTestConfiguration();
    expect(await box.configuration.apply(named('broken'), options)).toMatchObject({
      code: 'settings-not-applied',
      detail: 'it does not work',
    });
    expect(inForce(box)).toMatchObject({ trial: null, inForce: { hostname: 'hithe' } });
    expect(outcomes(box)).toEqual([[1, 'reverted', 'it could not be applied: it does not work']]);
  });

  test('does not outlive a power cut: the box comes up with what was confirmed', async () => {
    const before = openTestConfiguration();
    await before.configuration.apply(named('one'), options);
    await before.configuration.confirm(false);
    await before.configuration.apply(named('two'), options);
    const after = openTestConfiguration(before.store);
    expect(inForce(after)).toMatchObject({ trial: null, revision: { id: 1 }, inForce: { hostname: 'one' } });
    expect(after.warnings.get('SETTINGS_TRIAL_INTERRUPTED')).toContain('Revision 2');
    expect(outcomes(after)[0]).toEqual([2, 'interrupted', null]);
  });

  test('waits with what cannot be undone: an identity is given up only when it is confirmed', async () => {
    const box = openTestConfiguration();
    const replaces: SettingsLayer = { version: 1, identity: { replaces: hits[0] } };
    await box.configuration.apply(replaces, options);
    expect(box.applied.at(-1)?.identity.replaces).toBeUndefined();
    await box.configuration.confirm(false);
    expect(box.applied.at(-1)?.identity.replaces).toBe(hits[0]);
  });

  test('one at a time; one that changes nothing is none', async () => {
    const box = openTestConfiguration();
    const [first, second] = await Promise.all([
      box.configuration.apply(named('one'), options),
      box.configuration.apply(named('two'), options),
    ]);
    expect([first.ok, second]).toMatchObject([true, { code: 'settings-trial' }]);
    await box.configuration.confirm(false);
    expect(await box.configuration.apply(named('one'), options)).toMatchObject({
      code: 'settings-unchanged',
    });
  });

  test('is over when a settings disc brings others', async () => {
    const box = openTestConfiguration();
    await box.configuration.apply(named('one'), options);
    box.configuration.supersede('a settings disc was put in');
    expect(inForce(box)).toMatchObject({ trial: null, inForce: { hostname: 'hithe' } });
    await box.pass(100);
    expect(box.applied).toHaveLength(1);
  });
});

describe('the draft', () => {
  test('collects single changes, is planned, and is over when it was applied', async () => {
    const { configuration, ...box } = openTestConfiguration();
    expect(await configuration.plan(undefined)).toMatchObject({ code: 'settings-unchanged' });
    expect(configuration.edit('hostname', 'one')).toMatchObject({ value: { draft: { hostname: 'one' } } });
    configuration.edit('network.lan.address', '10.0.0.1/24');
    expect(box.applied).toEqual([]);
    expect(await configuration.plan(undefined)).toMatchObject({
      value: { changes: [{ path: 'hostname' }, { path: 'network.lan.address' }] },
    });
    expect(await configuration.apply(undefined, options)).toMatchObject({ ok: true });
    expect(configuration.read()).toMatchObject({ value: { draft: null } });
    await configuration.rollBack('web');
    configuration.edit('hostname', 'two');
    expect(configuration.discard()).toMatchObject({ value: { draft: null } });
  });

  test.each([
    ['hostname', 'not a name', 'settings-invalid'],
    ['network.lan.address', 7, 'settings-invalid'],
    ['nonsense', true, 'settings-invalid'],
    ['overlay.peers[0].name', 'x', 'settings-not-there'],
    ['a..b', 1, 'settings-not-there'],
    ['', null, 'settings-invalid'],
  ])('%s = %j is refused, and the draft stays as it was', (path, value, code) => {
    const { configuration } = openTestConfiguration();
    configuration.edit('hostname', 'one');
    expect(configuration.edit(path, value)).toMatchObject({ ok: false, code });
    expect(configuration.read()).toMatchObject({ value: { draft: { version: 1, hostname: 'one' } } });
  });
});

describe('history', () => {
  test('tells what each revision changed, against the one that was in force', async () => {
    const { configuration, store } = openTestConfiguration();
    store.save(named('one'), 'web');
    await configuration.apply(named('two'), options);
    await configuration.rollBack('web');
    await configuration.apply(named('three'), options);
    await configuration.confirm(false);
    expect(configuration.revision(3)).toMatchObject({
      value: { revision: { base: 1 }, changes: [{ before: '"one"', after: '"three"' }] },
    });
    expect(configuration.revision(9)).toMatchObject({ code: 'settings-not-there' });
    // Of any two.
    expect(configuration.revision(1, 3)).toMatchObject({
      value: { changes: [{ path: 'hostname', before: '"three"', after: '"one"' }] },
    });
    expect(configuration.revision(1, 9)).toMatchObject({ code: 'settings-not-there' });
  });

  test('an earlier revision comes back as a trial of its document', async () => {
    const box = openTestConfiguration();
    box.store.save(named('one'), 'web');
    box.store.save(named('two'), 'web');
    expect(await box.configuration.restore(1, options)).toMatchObject({ value: { revision: { id: 3 } } });
    expect(inForce(box)).toMatchObject({ revision: { id: 2 }, inForce: { hostname: 'one' } });
    expect(await box.configuration.restore(1, options)).toMatchObject({ code: 'settings-trial' });
    await box.configuration.confirm(false);
    expect(await box.configuration.restore(9, options)).toMatchObject({ code: 'settings-not-there' });
  });
});

import { describe, expect, test } from 'vitest';
import { packetTypes } from '../../../firmware/hip/packet.ts';
import type { DataPath } from '../../../firmware/netd/overlay/data-path.ts';
import { OverlayError } from '../../../firmware/netd/overlay/error.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { startOverlay } from '../../../firmware/netd/overlay/overlay.ts';
import type { PeerSettings } from '../../../firmware/store/settings-schema.ts';
import { newSigner } from '../../hip/two-hosts.ts';
import { Bench, CountingKernel, peer, states, working } from './overlay-bench.ts';

describe('an association that is to be kept up', () => {
  test('waits for a name to resolve, then connects', async () => {
    const bench = new Bench();
    const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: working() });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', 'gw-b.example', b)] });
    // B knows A's address, so a lost look-up must not keep them apart; here B is not there yet.
    await bench.pass(10);
    expect(
      states(a)[0]?.lastError === null || states(a)[0]?.lastError === 'gw-b.example has no address',
    ).toBe(true);
    bench.names = { 'gw-b.example': ['192.0.2.2'] };
    await bench.pass(5_000);
    expect([...states(a), ...states(b)].map(({ lastError }) => lastError)).toEqual([null, null]);
    expect(new Set([...states(a), ...states(b)].map(({ state }) => state))).toEqual(
      new Set(['R2-SENT', 'ESTABLISHED']),
    );
    await bench.pass(40_000);
    expect([...states(a), ...states(b)].map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect(bench.logs.filter((line) => line.includes('has no address')).length).toBeLessThanOrEqual(1);
  });

  test('one that takes another’s place without a gap says when it came about itself', async () => {
    const bench = new Bench();
    const real = newSigner();
    const a = await startOverlay(bench.ports('192.0.2.1', real), { peers: [] }, { dataPath: working() });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    const config = { peers: [peer('b', '192.0.2.2', b)] };
    await a.reconfigure(config);
    await bench.pass(60_000);
    const before = b.tunnels()[0]?.establishedAt;
    // A power cut: nobody is told, and the same identity starts anew.
    await startOverlay(bench.ports('192.0.2.1', real), config, { dataPath: working() });
    await bench.pass(10_000);
    const after = b.tunnels()[0];
    expect(['R2-SENT', 'ESTABLISHED']).toContain(after?.state);
    expect(Date.parse(after?.establishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(before ?? '') + 50_000);
  });

  test('a peer that is never there is tried for ever, ever more slowly, with the reason', async () => {
    const bench = new Bench();
    const a = await startOverlay(
      bench.ports('192.0.2.1'),
      { peers: [peer('b', '192.0.2.9', { hit: '2001:22::1' })] },
      { dataPath: working() },
    );
    await bench.pass(31_500);
    expect(states(a)).toEqual([{ state: 'E-FAILED', lastError: 'the peer does not answer' }]);
    await bench.pass(3_600_000);
    // A minute and a quarter in E-FAILED, half a minute of I1s: never idle beside that.
    for (let look = 0; look < 20; look++) {
      await bench.pass(7_000);
      expect(['I1-SENT', 'E-FAILED']).toContain(states(a)[0]?.state);
    }
    expect(bench.logs.filter((line) => line.startsWith('warning')).length).toBe(1);
  });

  test('a kernel that refuses is shown, logged, and asked again with back-off', async () => {
    const bench = new Bench();
    let refusals = 0;
    const refusing: DataPath = {
      ...working(),
      async apply(_, effects) {
        if (!effects.some(({ type }) => type === 'install-outbound')) return;
        refusals++;
        throw new OverlayError('command-failed', 'ip: RTNETLINK answers: Function not implemented');
      },
    };
    const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: refusing });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
    await bench.pass(1_900);
    expect(states(a)).toMatchObject([{ lastError: 'ip: RTNETLINK answers: Function not implemented' }]);
    expect(states(a)[0]?.state).not.toBe('ESTABLISHED');
    await bench.pass(600_000);
    expect(refusals).toBeGreaterThan(5);
    expect(refusals).toBeLessThan(60);
  });

  test('a host identity that cannot sign is shown, and works again once it can', async () => {
    const bench = new Bench();
    const real = newSigner();
    let broken = true;
    const signer = {
      identity: real.identity,
      sign: async (message: Uint8Array) =>
        broken ? Promise.reject(new Error('TPM is locked')) : real.sign(message),
    };
    const a = await startOverlay(bench.ports('192.0.2.1', signer), { peers: [] }, { dataPath: working() });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
    await bench.pass(5_000);
    expect(bench.logs).toContain('error the host identity cannot sign R1s: TPM is locked');
    broken = false;
    await bench.pass(180_000);
    expect([...states(a), ...states(b)].map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED']);
  });

  test('an I1 that comes before the first R1 is signed is answered as soon as one is', async () => {
    const bench = new Bench();
    const real = newSigner();
    const { promise, resolve: tpmIsReady } = Promise.withResolvers<void>();
    const signer = {
      identity: real.identity,
      sign: async (message: Uint8Array) => {
        await promise;
        return real.sign(message);
      },
    };
    const a = await startOverlay(bench.ports('192.0.2.1', signer), { peers: [] }, { dataPath: working() });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [{ ...peer('b', '192.0.2.2', b), connect: 'on-demand' }] });
    // Within the wait after B's second I1, so that a third has no part in it.
    await bench.pass(1_500);
    expect(states(b)).toEqual([{ state: 'I1-SENT', lastError: null }]);
    tpmIsReady();
    await bench.pass(100);
    expect(states(b)).toEqual([{ state: 'ESTABLISHED', lastError: null }]);
  });

  test('close tells the peer and leaves nothing running', async () => {
    const bench = new Bench();
    const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: working() });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
    await bench.pass(2_000);
    const closing = a.close();
    await bench.pass(100);
    await closing;
    expect(a.tunnels()).toEqual([]);
    expect(states(b)).toMatchObject([{ state: 'CLOSED' }]);
  });

  test('a peer that comes back before it is closed gets its new association after the old one has gone', async () => {
    const bench = new Bench();
    const applied: string[] = [];
    const recording: DataPath = {
      ...working(),
      apply: async (_, effects) => void applied.push(...effects.map(({ type }) => type)),
    };
    const real = newSigner();
    // A CLOSE is never signed: closing waits as long as it ever does.
    const signer = {
      identity: real.identity,
      sign: (message: Uint8Array) =>
        message[2] === packetTypes.CLOSE ? new Promise<never>(() => {}) : real.sign(message),
    };
    const a = await startOverlay(bench.ports('192.0.2.1', signer), { peers: [] }, { dataPath: recording });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    const peers = [peer('b', '192.0.2.2', b)];
    await a.reconfigure({ peers });
    await bench.pass(2_000);
    applied.length = 0;
    const changes = [a.reconfigure({ peers: [] }), a.reconfigure({ peers })];
    await bench.pass(10_000);
    await Promise.all(changes);
    expect(applied.indexOf('remove-esp')).toBe(0);
    expect(applied.lastIndexOf('remove-esp')).toBeLessThan(applied.indexOf('install-inbound'));
  });
});

describe('while the kernel is still being told of an association', () => {
  /** A asks B; the outbound half waits in one end's kernel until it is let go. */
  async function halted(end: 'initiator' | 'responder') {
    const bench = new Bench();
    const { promise, resolve: letGo } = Promise.withResolvers<void>();
    const slow: DataPath = {
      ...working(),
      apply: async (_, effects) => {
        if (effects.some(({ type }) => type === 'install-outbound')) await promise;
      },
    };
    const kernels = end === 'initiator' ? ([slow, working()] as const) : ([working(), slow] as const);
    const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: kernels[0] });
    const b = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [{ ...peer('a', '192.0.2.1', a), connect: 'on-demand' }] },
      { dataPath: kernels[1] },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
    await bench.pass(900);
    return { bench, a, b, letGo };
  }

  test('the initiator’s tunnel is not shown as established, though R2 has come', async () => {
    const { bench, a, b, letGo } = await halted('initiator');
    expect(states(b)).toEqual([{ state: 'R2-SENT', lastError: null }]);
    expect(a.tunnels()).toMatchObject([{ state: 'I2-SENT', role: null, establishedAt: null }]);
    letGo();
    await bench.pass(0);
    expect(a.tunnels()).toMatchObject([{ state: 'ESTABLISHED', role: 'initiator' }]);
    expect(a.tunnels()[0]?.establishedAt).not.toBeNull();
  });

  test('the responder’s tunnel is shown as it was, and no R2 is sent', async () => {
    const { bench, a, b, letGo } = await halted('responder');
    expect(states(a)).toEqual([{ state: 'I2-SENT', lastError: null }]);
    expect(b.tunnels()).toMatchObject([{ state: 'UNASSOCIATED', role: null, establishedAt: null }]);
    letGo();
    await bench.pass(0);
    expect(b.tunnels()).toMatchObject([{ state: 'R2-SENT', role: 'responder' }]);
    expect(states(a)).toEqual([{ state: 'ESTABLISHED', lastError: null }]);
  });
});

/** A with that kernel and its settings for B; B keeps the association up only as far as A asks. */
async function pair(settings: Partial<PeerSettings> = {}, hosts: { b?: string } = {}) {
  const bench = new Bench();
  const [kernel, farKernel] = [new CountingKernel(), new CountingKernel('192.0.2.2')];
  const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: kernel });
  const far = await startOverlay(
    bench.ports('192.0.2.2'),
    { peers: [{ ...peer('a', '192.0.2.1', a), connect: 'on-demand' }] },
    { dataPath: farKernel },
  );
  const b = { ...peer('b', hosts.b ?? '192.0.2.2', far), ...settings };
  await a.reconfigure({ peers: [b] });
  await bench.pass(3_000);
  const status = () => {
    const [tunnel] = a.tunnels();
    if (tunnel === undefined) throw new Error('no tunnel');
    return tunnel;
  };
  return { bench, kernel, farKernel, a, far, status, settings: b };
}

describe('what the kernel says', () => {
  test('counters of both directions, drops and the path MTU are in the status', async () => {
    const { bench, kernel, status } = await pair();
    kernel.carry(3, 2);
    kernel.wrong.set(kernel.spis.mark, 4);
    await bench.pass(limits.countersMs + 100);
    expect(status()).toMatchObject({
      role: 'initiator',
      connect: 'always',
      pathMtu: 1400,
      traffic: { receivedPackets: 3, receivedBytes: 300, sentPackets: 2, sentBytes: 200 },
      dropped: { wrongSource: 4, tooOld: 0, replayed: 0, forged: 0 },
    });
    // What connections through the tunnel are held to.
    expect(kernel.fitted.at(-1)).toEqual(new Map([[kernel.spis.mark, 1400]]));
    await bench.pass(limits.countersMs);
    expect(status().dropped.wrongSource).toBe(4);
  });

  test('RFC 7402 §6.8: at a soft limit the keys change, and the old outbound goes as the new one comes', async () => {
    const { bench, kernel, status } = await pair();
    const { inbound, outbound, mark } = kernel.spis;
    bench.kernelSays('192.0.2.1', { type: 'expire', mark, spi: outbound, hard: false });
    await bench.pass(1_000);
    expect(kernel.spis.inbound).not.toBe(inbound);
    expect(
      kernel.effects.find((effect) => effect.type === 'install-outbound' && effect.replaces === outbound),
    ).toBeDefined();
    expect(status()).toMatchObject({ state: 'ESTABLISHED', rekeys: 1 });
    await bench.pass(60_000);
    expect(kernel.effects.filter(({ type }) => type === 'remove-inbound')).toEqual([
      { type: 'remove-inbound', spi: inbound },
    ]);
  });

  test('what the kernel gave up is made anew; of somebody else’s or a former key nobody minds', async () => {
    const { bench, kernel, status } = await pair();
    const { inbound, outbound, mark } = kernel.spis;
    bench.kernelSays('192.0.2.1', { type: 'expire', mark: mark + 1, spi: outbound, hard: true });
    bench.kernelSays('192.0.2.1', { type: 'expire', mark, spi: 0x777, hard: true });
    await bench.pass(1_000);
    expect(kernel.spis.inbound).toBe(inbound);
    bench.kernelSays('192.0.2.1', { type: 'expire', mark, spi: outbound, hard: true });
    await bench.pass(3_000);
    expect(kernel.forgotten).toEqual([0x777, outbound]);
    expect(kernel.spis.inbound).not.toBe(inbound);
    expect(['R2-SENT', 'ESTABLISHED']).toContain(status().state);
  });

  test('an association that is renewed takes leave of the peer, and a new one with other keys stands at once', async () => {
    const { bench, a, kernel, status } = await pair();
    const { hit, spis } = status();
    expect(spis).toEqual({ ours: kernel.spis.inbound, theirs: kernel.spis.outbound });
    expect(a.renew('2001:22::77')).toBe(false);
    await bench.pass(1_000);
    expect(status().spis).toEqual(spis);
    expect(kernel.effects.some(({ type }) => type === 'remove-esp')).toBe(false);
    expect(a.renew(hit)).toBe(true);
    await bench.pass(5_000);
    expect(kernel.effects.some(({ type }) => type === 'remove-esp')).toBe(true);
    expect(['ESTABLISHED', 'R2-SENT']).toContain(status().state);
    expect(status().spis).not.toEqual(spis);
    expect(status().spis).not.toBeNull();
  });

  test('the MTU of the link in use reaches the kernel', async () => {
    const { bench, kernel } = await pair();
    bench.mtu = 1400;
    await bench.pass(limits.addressCheckMs + 100);
    expect(kernel.underlayMtus.at(-1)).toBe(1400);
    const times = kernel.underlayMtus.length;
    await bench.pass(10 * limits.addressCheckMs);
    expect(kernel.underlayMtus).toHaveLength(times);
  });
});

describe('an association on demand', () => {
  const onDemand = { connect: 'on-demand' } as const;

  test('waits for traffic, and is left when none comes any more', async () => {
    const { bench, kernel, farKernel, status, settings } = await pair(onDemand);
    expect(status()).toMatchObject({ state: 'UNASSOCIATED', connect: 'on-demand', lastError: null });
    const peerHit = settings.uri.slice(settings.uri.lastIndexOf('/') + 1);
    bench.kernelSays('192.0.2.1', { type: 'acquire', peerHit: '2001:22::77' });
    await bench.pass(3_000);
    expect(status().state).toBe('UNASSOCIATED');
    bench.kernelSays('192.0.2.1', { type: 'acquire', peerHit });
    await bench.pass(3_000);
    expect(status().state).toBe('ESTABLISHED');
    for (let period = 0; period < (2 * limits.idleMs) / limits.countersMs; period++) {
      kernel.carry(1, 0);
      farKernel.carry(0, 1);
      await bench.pass(limits.countersMs);
    }
    expect(status().state).toBe('ESTABLISHED');
    await bench.pass(limits.idleMs + 2 * limits.countersMs);
    await bench.pass(120_000);
    expect(status()).toMatchObject({ state: 'UNASSOCIATED', espSuite: null });
    bench.kernelSays('192.0.2.1', { type: 'acquire', peerHit });
    await bench.pass(3_000);
    expect(status().state).toBe('ESTABLISHED');
  });

  test('that cannot be had is not tried again before traffic asks; the wait after a failure holds', async () => {
    const { bench, status, far, settings } = await pair(onDemand);
    await far.reconfigure({ peers: [] });
    const peerHit = settings.uri.slice(settings.uri.lastIndexOf('/') + 1);
    bench.kernelSays('192.0.2.1', { type: 'acquire', peerHit });
    await bench.pass(31_500);
    expect(status()).toMatchObject({ state: 'E-FAILED', lastError: 'the peer does not answer' });
    bench.kernelSays('192.0.2.1', { type: 'acquire', peerHit });
    await bench.pass(0);
    expect(status().state).toBe('E-FAILED');
    await bench.pass(600_000);
    expect(status().state).toBe('UNASSOCIATED');
  });

  test('is closed by hand until traffic asks again', async () => {
    const { bench, a, status, settings } = await pair(onDemand);
    const peerHit = settings.uri.slice(settings.uri.lastIndexOf('/') + 1);
    bench.kernelSays('192.0.2.1', { type: 'acquire', peerHit });
    await bench.pass(3_000);
    a.renew(peerHit);
    await bench.pass(600_000);
    expect(status()).toMatchObject({ state: 'UNASSOCIATED', spis: null, lastError: null });
    bench.kernelSays('192.0.2.1', { type: 'acquire', peerHit });
    await bench.pass(3_000);
    expect(status().state).toBe('ESTABLISHED');
  });

  test('becomes one for always by a change of settings', async () => {
    const { bench, a, status, settings } = await pair(onDemand);
    const { connect: _, ...always } = settings;
    await a.reconfigure({ peers: [always] });
    await bench.pass(3_000);
    expect(status()).toMatchObject({ state: 'ESTABLISHED', connect: 'always' });
  });
});

test('a peer with several places is found at the one where it answers, soon', async () => {
  const { bench, status } = await pair({ locators: ['192.0.2.8', '192.0.2.2'] }, { b: '192.0.2.9' });
  await bench.pass(3 * limits.nextLocatorMs);
  expect(status()).toMatchObject({ locator: '192.0.2.2:10500', lastError: null });
});

import { describe, expect, test } from 'vitest';
import { startOverlay } from '../../../firmware/netd/overlay/overlay.ts';
import { Bench, CountingKernel, peer, states, working } from './overlay-bench.ts';

describe('the key log', () => {
  test('off, it is not written; on, it has every key from then on, rekeys too; off again, it is gone', async () => {
    const bench = new Bench();
    const kernel = new CountingKernel();
    let text: string | null = null;
    const keyLog = {
      append: (more: string) => {
        text = (text ?? '') + more;
      },
      remove: () => {
        text = null;
      },
    };
    const ports = { ...bench.ports('192.0.2.1'), keyLog };
    const a = await startOverlay(ports, { peers: [] }, { dataPath: kernel });
    const far = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [{ ...peer('a', '192.0.2.1', a), connect: 'on-demand' }] },
      { dataPath: working() },
    );
    const peers = [peer('b', '192.0.2.2', far)];
    await a.reconfigure({ peers });
    await bench.pass(3_000);
    expect([states(a), text]).toMatchObject([[{ state: 'ESTABLISHED' }], null]);

    await a.reconfigure({ peers, keyLog: true });
    const { outbound, mark } = kernel.spis;
    bench.kernelSays('192.0.2.1', { type: 'expire', mark, spi: outbound, hard: false });
    await bench.pass(1_000);
    const spis = [kernel.spis.inbound, kernel.spis.outbound];
    const rows = spis.map((spi) => `^"IPv4","\\*","\\*","0x${spi.toString(16).padStart(8, '0')}",`);
    for (const row of rows) expect(text).toMatch(new RegExp(row, 'm'));
    expect(text).toMatch(/^# DH secret 0x[0-9a-f]{64}$/m);
    expect(JSON.stringify(bench.logs)).not.toMatch(/0x[0-9a-f]{32}/);

    await a.reconfigure({ peers });
    expect(text).toBeNull();
    bench.kernelSays('192.0.2.1', { type: 'expire', mark, spi: kernel.spis.outbound, hard: false });
    await bench.pass(1_000);
    expect(text).toBeNull();
  });

  test('one that cannot be written is reported and stops no tunnel', async () => {
    const bench = new Bench();
    const keyLog = {
      append: () => {
        throw new Error('no space left');
      },
      remove: () => {},
    };
    const ports = { ...bench.ports('192.0.2.1'), keyLog };
    const a = await startOverlay(ports, { peers: [] }, { dataPath: working() });
    const far = await startOverlay(
      bench.ports('192.0.2.2'),
      { peers: [peer('a', '192.0.2.1', a)] },
      { dataPath: working() },
    );
    await a.reconfigure({ peers: [peer('b', '192.0.2.2', far)], keyLog: true });
    await bench.pass(3_000);
    expect(states(a)).toMatchObject([{ state: expect.stringMatching(/ESTABLISHED|R2-SENT/) }]);
    expect(bench.logs).toContainEqual('warning the key log cannot be written: no space left');
  });
});

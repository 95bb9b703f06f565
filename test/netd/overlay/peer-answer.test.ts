import { expect, test } from 'vitest';
import { limits as hipLimits } from '../../../firmware/hip/limits.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { startOverlay } from '../../../firmware/netd/overlay/overlay.ts';
import { Bench, CountingKernel, peer, states, working } from './overlay-bench.ts';

async function joined() {
  const bench = new Bench();
  const kernel = new CountingKernel();
  const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: kernel });
  const b = await startOverlay(
    bench.ports('192.0.2.2'),
    { peers: [peer('a', '192.0.2.1', a)] },
    { dataPath: working() },
  );
  await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
  await bench.pass(1_000);
  const silence = () => bench.ports('192.0.2.2').socket.onPacket(() => {});
  const carry = async (received: number, readings: number) => {
    for (let reading = 0; reading < readings; reading++) {
      kernel.carry(received, 1);
      await bench.pass(limits.countersMs);
    }
  };
  return { bench, a, b, silence, carry };
}

test('a peer that was heard answers, from the address of ours; an idle one says nothing', async () => {
  const { bench, a, carry } = await joined();
  await carry(1, 2);
  expect(a.peerAnswers()).toEqual([{ address: '192.0.2.1', answers: true }]);
  await bench.pass(3 * limits.countersMs);
  expect(a.peerAnswers()).toEqual([]);
});

test('traffic one way only is no silence as long as the peer acknowledges', async () => {
  const { a, carry } = await joined();
  for (let time = 0; time < 8; time++) {
    await carry(0, 1);
    expect(a.peerAnswers()).not.toContainEqual({ address: '192.0.2.1', answers: false });
  }
});

test('silence counts until the peer has been looked for in vain, and then no more', async () => {
  const { bench, a, silence, carry } = await joined();
  silence();
  await carry(0, 3);
  const silent = [{ address: '192.0.2.1', answers: false }];
  expect(a.peerAnswers()).toEqual(silent);
  // The association is given up; that this uplink lost it is remembered while its peer is looked for.
  await bench.pass(hipLimits.retransmitMs * 2 ** hipLimits.probeTransmissions);
  expect(states(a)[0]?.state).toBe('I1-SENT');
  expect(a.peerAnswers()).toEqual(silent);
  while (states(a)[0]?.state === 'I1-SENT') await bench.pass(500);
  expect(states(a)[0]?.state).toBe('E-FAILED');
  expect(a.peerAnswers()).toEqual([]);
});

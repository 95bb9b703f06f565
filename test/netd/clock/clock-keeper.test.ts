import { expect, test } from 'vitest';
import { ClockKeeper } from '../../../firmware/netd/clock/clock-keeper.ts';
import { limits } from '../../../firmware/netd/limits.ts';
import type { NetworkSystem } from '../../../firmware/netd/system-port.ts';
import { createNetworkSystem } from '../../../firmware/system/network-system.ts';
import { timeServerAnswer } from '../../../qemu/guest/time-server.ts';

const start = Date.UTC(2026, 10, 22);

/** A box whose clock is wrong, and servers that know the time, in virtual time; the way there takes 20 ms, and back too. */
function bench(wrongBy: number) {
  const [log, asked]: [string[], string[]] = [[], []];
  const state = { now: 0, wrongBy, down: new Set<string>() };
  const timers: { at: number; callback: () => void }[] = [];
  const time = () => start + state.now;
  const system: NetworkSystem = {
    ...createNetworkSystem({ log: (level, message) => void log.push(`${level} ${message}`) }),
    monotonic: () => state.now,
    wallClock: () => time() + state.wrongBy,
    correctClock: async (_, milliseconds) => {
      state.wrongBy += milliseconds;
      return null;
    },
    askByUdp: async (host, _port, question) => {
      asked.push(host);
      if (state.down.has(host)) return null;
      const sentAt = state.now;
      state.now += 20;
      const octets = timeServerAnswer(question, time());
      state.now += 20;
      return { octets, sentAt, receivedAt: state.now };
    },
    setTimer: (milliseconds, callback) => {
      timers.push({ at: state.now + milliseconds, callback });
      return { close: () => void timers.splice(0) };
    },
  };
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const next = async () => {
    await settle();
    const due = timers.shift();
    if (due === undefined) return null;
    const waited = due.at - state.now;
    state.now = due.at;
    due.callback();
    await settle();
    return waited;
  };
  return { state, system, log, asked, next, settle };
}

test.each([5 * 365 * 86_400_000, -40_000, 200, -3])(
  'a clock that is %i ms off is right afterwards, and asked about ever more seldom',
  async (wrongBy) => {
    const { state, system, asked, next, settle } = bench(wrongBy);
    const keeper = new ClockKeeper(system);
    keeper.follow(['ntp.example']);
    await settle();
    expect(Math.abs(state.wrongBy)).toBeLessThan(1);
    const waits: (number | null)[] = [];
    for (let round = 0; round < 9; round++) waits.push(await next());
    expect(waits[0]).toBe(limits.clockFirstMs);
    expect(waits.at(-1)).toBe(limits.clockLongestMs);
    expect(asked.every((host) => host === 'ntp.example')).toBe(true);
    keeper.close();
    expect(await next()).toBe(null);
  },
);

test('servers that do not answer are asked again soon, and told of once; others take their place', async () => {
  const { state, system, log, asked, next, settle } = bench(0);
  const keeper = new ClockKeeper(system);
  state.down.add('a.example');
  keeper.follow(['a.example']);
  await settle();
  for (let round = 0; round < 4; round++) expect(await next()).toBe(limits.clockFirstMs);
  expect(log).toEqual(['warning no time server answers']);
  keeper.follow(['a.example']);
  await settle();
  expect(asked).toHaveLength(5);
  keeper.follow(['a.example', 'b.example']);
  await settle();
  expect(log.at(-1)).toBe('info the clock is kept by time servers');
  keeper.follow([]);
  expect(await next()).toBe(null);
});

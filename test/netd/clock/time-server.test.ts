import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ClockState,
  readTimeAnswer,
  timeAnswer,
  timeQuestion,
} from '../../../firmware/netd/clock/sntp-packet.ts';
import { TimeServer } from '../../../firmware/netd/clock/time-server.ts';
import { limits } from '../../../firmware/netd/limits.ts';
import { createNetworkSystem } from '../../../firmware/system/network-system.ts';

const nonce = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const wall = Date.UTC(2026, 10, 22, 13, 0, 0, 250);
const state: ClockState = { at: 1000, stratum: 3, delay: 40, error: 9 };
const asked = (question: Uint8Array, of: ClockState | null = state, now = 101_000) =>
  timeAnswer(question, { wall, now, state: of });

test('an answer is one that our own client takes, with what is known of the clock', () => {
  const answer = asked(timeQuestion(nonce)) ?? new Uint8Array();
  expect(answer).toHaveLength(48);
  expect(readTimeAnswer(answer, nonce, wall)).toEqual({ receivedAt: wall, sentAt: wall, stratum: 3 });
  const view = new DataView(answer.buffer);
  expect(view.getInt8(3)).toBe(-10);
  const milliseconds = (at: number) => (view.getUint32(at) / 2 ** 16) * 1000;
  expect(milliseconds(4)).toBeCloseTo(40, 1);
  // A millisecond, what was not made good yet, and 15 µs a second for 100 s.
  expect(milliseconds(8)).toBeCloseTo(1 + 9 + 1.5, 1);
  expect(view.getUint32(32) - view.getUint32(16)).toBe(100);
});

test('a clock that nobody keeps is told as such, with the time that it shows', () => {
  const answer = asked(timeQuestion(nonce), null) ?? new Uint8Array();
  expect([...answer.subarray(0, 2), ...answer.subarray(12, 16)]).toEqual([0xe4, 0, ...Buffer.from('INIT')]);
  expect(readTimeAnswer(answer, nonce, wall)).toBe(null);
});

test.each([
  ['an answer', (octets: Uint8Array) => octets.with(0, 0x24)],
  ['a peer’s', (octets: Uint8Array) => octets.with(0, 0x21)],
  ['a control message', (octets: Uint8Array) => octets.with(0, 0x26)],
  ['a version that is to come', (octets: Uint8Array) => octets.with(0, 0x2b)],
  ['one that is cut off', (octets: Uint8Array) => octets.subarray(0, 47)],
])('%s is no question', (_, change) => expect(asked(change(timeQuestion(nonce)))).toBe(null));

test('older versions are answered as such; nothing is answered with more than it had', () => {
  expect(asked(timeQuestion(nonce).with(0, 0x1b))?.[0]).toBe(0x1c);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
      expect(asked(octets)?.length ?? 0).toBeLessThanOrEqual(octets.length);
    }),
  );
});

test('a host is answered so often within a second, and all together so often', () => {
  let now = 0;
  const system = { ...createNetworkSystem({ log: () => {} }), monotonic: () => now };
  const server = new TimeServer(system, () => state);
  const answers = (address: string, times: number) =>
    Array.from({ length: times }, () => server.answer(timeQuestion(nonce), { address })).filter(
      (answer) => answer !== null,
    ).length;
  expect(answers('192.168.1.5', 1000)).toBe(limits.timeAnswersEach);
  expect(answers('192.168.1.6', 1)).toBe(1);
  let rest = 0;
  for (let host = 0; host < 1000; host++) rest += answers(`fd00::${host}`, 1);
  expect(rest).toBe(limits.timeAnswers - limits.timeAnswersEach - 1);
  now = 1000;
  expect(answers('192.168.1.5', 1)).toBe(1);
});

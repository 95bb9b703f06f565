import { describe, expect, test } from 'vitest';
import { correctionOf } from '../../../firmware/netd/clock/clock-correction.ts';
import { limits } from '../../../firmware/netd/limits.ts';

const now = Date.UTC(2026, 10, 22);
const sample = (offset: number, delay = 10) => ({ offset, delay });

describe('what is done about the clock', () => {
  test('small differences are made good slowly, others at once', () => {
    const edge = limits.clockStepMs;
    expect(correctionOf([sample(edge - 1)], now)).toEqual({ do: 'slew', offset: edge - 1 });
    expect(correctionOf([sample(1 - edge)], now)).toEqual({ do: 'slew', offset: 1 - edge });
    expect(correctionOf([sample(edge)], now)).toEqual({ do: 'step', offset: edge });
    expect(correctionOf([sample(-edge)], now)).toEqual({ do: 'step', offset: -edge });
  });

  test('one server of three that lies decides nothing, whichever way', () => {
    for (const lie of [-9e9, 9e9])
      expect(correctionOf([sample(3), sample(lie), sample(5)], now)).toMatchObject({ do: 'slew' });
    expect(correctionOf([sample(3), sample(9e9), sample(5), sample(4)], now)).toEqual({
      ...{ do: 'slew', offset: 4 },
    });
  });

  test('answers that were under way for too long do not count', () => {
    const late = limits.clockDelayMs;
    expect(correctionOf([sample(7, late)], now)).toEqual({ do: 'slew', offset: 7 });
    for (const delay of [late + 1, -1])
      expect(correctionOf([sample(7, delay)], now)).toEqual({ do: 'nothing', because: 'no-answer' });
    expect(correctionOf([], now)).toEqual({ do: 'nothing', because: 'no-answer' });
  });

  test('a time that cannot be is not believed, from wherever the clock is', () => {
    for (const from of [0, now]) {
      const to = (time: number) => correctionOf([sample(time - from)], from).do;
      expect([limits.clockEarliest - 1, limits.clockEarliest].map(to)).toEqual(['nothing', 'step']);
      expect([limits.clockLatest, limits.clockLatest + 1].map(to)).toEqual(['step', 'nothing']);
    }
  });
});

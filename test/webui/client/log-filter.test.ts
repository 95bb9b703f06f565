import { describe, expect, test } from 'vitest';
import type { LogEntry } from '../../../firmware/webui/api/status-schema.ts';
import { linesAfter, matches, sourcesOf } from '../../../firmware/webui/client/pages/system/log-filter.ts';

const line = (second: number, message = 'words', source = 'hip'): LogEntry => ({
  ...{ time: `2026-06-01T12:00:0${second}.000Z`, level: 'warning', source, message },
});
const everything = { level: 'debug', source: '', words: '' } as const;

describe('lines of the log', () => {
  test.each([
    [everything, true],
    [{ ...everything, level: 'warning' as const }, true],
    [{ ...everything, level: 'error' as const }, false],
    [{ ...everything, source: 'hip' }, true],
    [{ ...everything, source: 'network' }, false],
    [{ ...everything, words: ' TUNNEL  wien' }, true],
    [{ ...everything, words: 'hip wien' }, true],
    [{ ...everything, words: 'wien plant' }, false],
  ])('%j', (filter, expected) => {
    expect(matches(line(0, 'wien: the tunnel is up'), filter)).toBe(expected);
  });

  test('sources are those that there are, and the one that is asked for', () => {
    expect(sourcesOf([line(0), line(1, '', 'boot'), line(2)], '')).toEqual(['boot', 'hip']);
    expect(sourcesOf([], 'page')).toEqual(['page']);
  });

  test('what came later is found by the last line that is known, said twice or forgotten', () => {
    const [first, second, third] = [line(1), line(2), line(3)];
    expect(linesAfter([], [first])).toEqual([first]);
    expect(linesAfter([first], [first, second, third])).toEqual([second, third]);
    expect(linesAfter([first, second, third], [second, third])).toEqual([]);
    // The same line once more is the same moment.
    expect(linesAfter([first], [first, first, second])).toEqual([second]);
    // The box has forgotten it, or it was restarted and its log begins anew.
    expect(linesAfter([first], [second, third])).toEqual([second, third]);
    expect(linesAfter([third], [first, second])).toEqual([]);
  });
});

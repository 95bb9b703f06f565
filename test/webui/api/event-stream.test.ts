import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { statusUpdate } from '../../../firmware/webui/api/status-schema.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, type TestSite, testTime } from '../test-site.ts';

let site: TestSite;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  site = await openTestSite();
});
afterEach(() => {
  site.close();
  vi.useRealTimers();
});

async function open() {
  const response = await site.request('/api/v1/events');
  if (response.body === null) throw new Error('no body');
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  return {
    response,
    reader,
    /** The messages of the next chunk, by the syntax of HTML § 9.2.5. */
    async next() {
      const { value } = await reader.read();
      const frames = decoder
        .decode(value)
        .split('\n\n')
        .filter((frame) => frame !== '');
      return frames.map((frame) => {
        const [event = '', data = '', ...more] = frame.split('\n');
        expect(more).toEqual([]);
        return { event: event.replace('event: ', ''), data: JSON.parse(data.replace('data: ', '')) };
      });
    },
  };
}

describe('GET /api/v1/events', () => {
  test('begins with the whole status and goes on without its log', async () => {
    const stream = await open();
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const [first] = await stream.next();
    expect(first?.event).toBe('status');
    expect(first?.data.log).toHaveLength(24);
    site.clock.at += 2000;
    vi.advanceTimersByTime(limits.statusEveryMs);
    const [second, ...more] = await stream.next();
    expect(more).toEqual([]);
    expect(statusUpdate.strict().parse(second?.data).time).toBe(new Date(testTime + 2000).toISOString());
  });

  test('tells each new line of the log once', async () => {
    const stream = await open();
    await stream.next();
    const [line] = site.log.lines;
    if (line === undefined) throw new Error('no lines');
    site.log.lines.push({ ...line, message: 'one' }, { ...line, message: 'two' });
    vi.advanceTimersByTime(limits.statusEveryMs);
    const [, log] = await stream.next();
    expect(log).toMatchObject({ event: 'log', data: [{ message: 'one' }, { message: 'two' }] });
    vi.advanceTimersByTime(limits.statusEveryMs);
    expect((await stream.next()).map(({ event }) => event)).toEqual(['status']);
  });

  test('a reader that is slow misses statuses but no line of the log', async () => {
    const stream = await open();
    vi.advanceTimersByTime(limits.statusEveryMs * 20);
    const [line] = site.log.lines;
    if (line === undefined) throw new Error('no lines');
    site.log.lines.push({ ...line, message: 'late' });
    vi.advanceTimersByTime(limits.statusEveryMs * 20);
    for (let index = 0; index < limits.queuedEvents; index++) {
      expect((await stream.next()).map(({ event }) => event)).toEqual(['status']);
    }
    vi.advanceTimersByTime(limits.statusEveryMs);
    expect(await stream.next()).toMatchObject([
      { event: 'status' },
      { event: 'log', data: [{ message: 'late' }] },
    ]);
  });

  test('is there for as many pages as the limit says; one that closes makes room', async () => {
    const streams = await Promise.all(Array.from({ length: limits.eventStreams }, open));
    const refused = await site.request('/api/v1/events');
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'too-many-streams' });
    await streams[3]?.reader.cancel();
    expect((await site.request('/api/v1/events')).status).toBe(200);
  });

  test('a connection that is lost makes room too', async () => {
    const lost = new AbortController();
    for (let index = 0; index < limits.eventStreams; index++) {
      await site.request('/api/v1/events', { signal: lost.signal });
    }
    lost.abort();
    expect((await site.request('/api/v1/events')).status).toBe(200);
  });

  test('HEAD takes no place', async () => {
    for (let index = 0; index <= limits.eventStreams; index++) {
      expect((await site.request('/api/v1/events', { method: 'HEAD' })).status).toBe(200);
    }
    expect((await site.request('/api/v1/events')).status).toBe(200);
  });

  test('no timer runs while nobody looks', async () => {
    expect(vi.getTimerCount()).toBe(0);
    const stream = await open();
    expect(vi.getTimerCount()).toBe(1);
    await stream.reader.cancel();
    expect(vi.getTimerCount()).toBe(0);
  });
});

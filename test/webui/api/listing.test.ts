import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { partOf } from '../../../firmware/webui/api/listing.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post, type TestSite } from '../test-site.ts';

type Listing = { readonly after: string | null };

/** All parts of a list, one after another. */
function partsOf(next: (after: string | undefined) => readonly string[], limit: number): readonly string[] {
  const parts: string[] = [];
  let after: string | undefined;
  for (;;) {
    const found = partOf(next(after), { after, limit }, (key) => key);
    expect(found.part.length).toBeLessThanOrEqual(limit);
    parts.push(...found.part);
    if (found.after === null) return parts;
    after = found.after;
  }
}

const keys = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 40 });

describe('a list in parts', () => {
  test('is the whole list, in the order of its keys, each once', () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 50 }), (list, limit) => {
        expect(partsOf(() => list, limit)).toEqual([...list].sort());
      }),
    );
  });

  test('has what stays in exactly one part, whatever comes and goes meanwhile', () => {
    fc.assert(
      fc.property(keys, fc.array(keys), fc.integer({ min: 1, max: 5 }), (stays, others, limit) => {
        let asked = 0;
        const changing = () => [...new Set([...stays, ...(others[asked++] ?? [])])];
        const found = partsOf(changing, limit);
        for (const key of stays) expect(found.filter((each) => each === key)).toEqual([key]);
      }),
    );
  });

  test('needs no limit', () => {
    expect(partOf(['b', 'a'], {}, (key) => key)).toEqual({ part: ['a', 'b'], after: null });
  });
});

describe('lists of the API', () => {
  let site: TestSite;
  beforeEach(async () => {
    site = await openTestSite();
  });
  afterEach(() => site.close());

  const get = async <Answer>(path: string): Promise<Answer> =>
    (await (await site.request(path, {}, 'local')).json()) as Answer;

  test.each([
    ['/api/v1/devices', 'devices'],
    ['/api/v1/associations', 'associations'],
  ])('%s comes in parts that are the whole', async (path, member) => {
    const read = (query: string) => get<Listing & Record<string, unknown[]>>(path + query);
    const whole = await read('');
    expect([whole.after, (whole[member]?.length ?? 0) > 1]).toEqual([null, true]);
    const parts: unknown[] = [];
    let query = '?limit=1';
    for (;;) {
      const part = await read(query);
      parts.push(...(part[member] ?? []));
      if (part.after === null) break;
      query = `?limit=1&after=${encodeURIComponent(part.after)}`;
    }
    expect(parts).toEqual(whole[member]);
  });

  test('the history of the settings goes on before a revision', async () => {
    for (const hostname of ['one', 'two', 'three']) {
      const body = JSON.stringify({ document: { version: 1, hostname } });
      await site.request('/api/v1/config/apply', post(body), 'local');
      await site.request('/api/v1/config/confirm', post('{}'), 'local');
    }
    const read = async (query: string) => {
      const { revisions, before } = await get<{ revisions: { id: number }[]; before: number | null }>(
        `/api/v1/config/history${query}`,
      );
      return [revisions.map(({ id }) => id), before];
    };
    expect(await read('')).toEqual([[3, 2, 1], null]);
    expect(await read('?limit=2')).toEqual([[3, 2], 2]);
    expect(await read('?limit=2&before=2')).toEqual([[1], null]);
    expect(await read('?before=1')).toEqual([[], null]);
  });

  test.each(['limit=0', `limit=${limits.listedAtOnce + 1}`, 'after=', `after=${'x'.repeat(257)}`])(
    '%s is refused',
    async (query) => {
      const answer = await site.request(`/api/v1/devices?${query}`, {}, 'local');
      expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'bad-request' }]);
    },
  );
});

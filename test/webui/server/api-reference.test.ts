import { describe, expect, test } from 'vitest';
import { type ApiDocument, referencePaths } from '../../../firmware/webui/server/api-reference.ts';
import { schemaText } from '../../../firmware/webui/server/schema-text.ts';
import { openTestSite } from '../test-site.ts';

describe('the reference of the API', () => {
  test('is for everybody, has each operation and type of the document, and its links lead somewhere', async () => {
    const site = await openTestSite();
    const document = (await (await site.request('/api/v1/openapi.json')).json()) as ApiDocument;
    const answer = await site.request(referencePaths.page);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8']);
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self'");
    const page = await answer.text();
    const anchors = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    for (const item of Object.values(document.paths))
      for (const { operationId } of Object.values(item)) expect(anchors).toContain(operationId);
    for (const name of Object.keys(document.components.schemas)) expect(anchors).toContain(`type-${name}`);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(anchors).toContain(target);
    // Nothing that the security policy would refuse.
    expect(page).not.toMatch(/<script|<style| style=| on[a-z]+=/);
    const style = await site.request(referencePaths.style);
    expect([style.status, style.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
    site.close();
  });

  test('and the document are those that the image holds, where it holds one', async () => {
    const site = await openTestSite();
    const document = (await (await site.request('/api/v1/openapi.json')).json()) as ApiDocument;
    const other = await openTestSite();
    other.image.apiDocument = JSON.stringify({
      ...document,
      info: { ...document.info, title: 'Another box' },
    });
    expect(await (await other.request('/api/v1/openapi.json')).text()).toBe(other.image.apiDocument);
    expect(await (await other.request(referencePaths.page)).text()).toContain(
      '<title>Another box: API</title>',
    );
    site.close();
    other.close();
  });

  test('is read, not written to', async () => {
    const site = await openTestSite();
    expect((await site.request(referencePaths.page, { method: 'POST' })).status).toBeGreaterThan(400);
    expect((await site.request('/api/v1/no-such')).status).toBe(404);
    site.close();
  });
});

test.each([
  [{ type: 'string' }, 'string'],
  [{ type: 'string', maxLength: 63 }, 'string (0 to 63)'],
  [{ type: ['integer', 'null'], minimum: 1 }, 'integer (1 or more) | null'],
  [{ type: 'string', enum: ['a', '<b>'] }, '&quot;a&quot; | &quot;&lt;b&gt;&quot;'],
  [{ $ref: '#/components/schemas/Log' }, '<a href="#type-Log">Log</a>'],
  [{ type: 'array', items: { type: 'number' } }, '[ number, … ]'],
  [{ anyOf: [{ type: 'boolean' }, { type: 'object', properties: {} }] }, 'boolean | { }'],
  [
    {
      type: 'object',
      properties: { a: { type: 'boolean', default: false }, b: { type: 'object', properties: { c: {} } } },
      required: ['b'],
    },
    '{\n  a?: boolean = false\n  b: {\n    c?: anything\n  }\n}',
  ],
  [
    {
      allOf: [
        { $ref: '#/components/schemas/Flow' },
        { type: 'object', properties: { id: { type: 'integer' } } },
      ],
    },
    '<a href="#type-Flow">Flow</a> &amp; {\n  id?: integer\n}',
  ],
  [{ type: 'object', additionalProperties: { type: 'number' } }, '{\n  …: number\n}'],
])('the schema %j reads %s', (schema, text) => {
  expect(schemaText(schema)).toBe(text);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flowFormats } from '../../../firmware/webui/api/flow-lines.ts';
import { anyFlow, madeFlow } from '../../flows/made-flows.ts';

/** Cells of a CSV text (RFC 4180 §2), read by another way than they were written. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gy;
  for (let match = cell.exec(text); match !== null; match = cell.exec(text)) {
    const [, value = '', end] = match;
    rows.at(-1)?.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (end === '\r\n') rows.push([]);
  }
  expect(cell.lastIndex).toBe(0);
  rows.pop();
  return rows;
}

const { csv, jsonl } = flowFormats;

describe('flows as CSV', () => {
  test('have a cell for each name of the head, whatever stands in them', () => {
    fc.assert(
      fc.property(anyFlow, fc.nat(), (flow, id) => {
        const [head = [], row = []] = readCsv(csv.head + csv.line({ ...flow, id }));
        expect(row).toHaveLength(head.length);
        const at = (name: string) => row[head.indexOf(name)]?.replace(/^'/, '');
        expect(at('from_devices')).toBe(flow.from.devices.join(' '));
        expect(at('to_labels')).toBe(flow.to.labels.join(' '));
        expect(at('received_bytes')).toBe(String(flow.received.bytes));
        expect(at('start')).toBe(new Date(flow.start).toISOString());
        expect(at('end')).toBe(flow.end === null ? '' : new Date(flow.end).toISOString());
      }),
    );
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '＝1', '\nx'])(
    '%j is text to a spreadsheet, and no formula',
    (name) => {
      const { from } = madeFlow();
      const line = csv.line({ ...madeFlow({ from: { ...from, devices: [name] } }), id: 1 });
      expect(readCsv(csv.head + line)[1]).toContain(`'${name}`);
    },
  );

  test.each(['hmi', 'a-b', '2001:22::1', 'zone=control'])('%j stays as it is', (name) => {
    const { from } = madeFlow();
    const line = csv.line({ ...madeFlow({ from: { ...from, devices: [name] } }), id: 1 });
    expect(line).toContain(`"${name}"`);
  });
});

test('flows as JSON lines are the API’s own, one a line', () => {
  const flow = { ...madeFlow({ to: { ...madeFlow().to, labels: ['a\nb'] } }), id: 7 };
  expect(jsonl.head).toBe('');
  expect(jsonl.line(flow).split('\n')).toHaveLength(2);
  expect(JSON.parse(jsonl.line(flow))).toEqual(flow);
});

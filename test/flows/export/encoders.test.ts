import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/flows/export/limits.ts';
import { flowLogRecord, type LogRecord } from '../../../firmware/flows/export/log-record.ts';
import { encodeOtlpLogs, readOtlpAnswer } from '../../../firmware/flows/export/otlp.ts';
import { waitAfter } from '../../../firmware/flows/export/retry.ts';
import { encodeSyslog, frameSyslog, utf8Length } from '../../../firmware/flows/export/syslog.ts';
import { anyFlow, madeFlow } from '../made-flows.ts';
import { parseSyslog } from './syslog-reader.ts';

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString();
const options = { host: 'gate', facility: 16, timestamp };
const source = { host: 'gate', hit: '2001:20::1', version: '1.2' };
const record: LogRecord = {
  ...{ kind: 'alarm', time: 1_000, observed: 2_000, severity: 'warning', text: 'it is full' },
  attributes: [
    ['alarm.name', 'store'],
    ['alarm.count', 3],
    ['alarm.of', ['a', 'b']],
  ],
};

describe('a flow as a log record', () => {
  test('a denied one, with all that is known of it', () => {
    const flow = madeFlow({
      verdict: 'deny',
      rule: null,
      reason: 'default',
      staged: { rule: 's', verdict: 'allow' },
    });
    const { text, severity, attributes, time, observed } = flowLogRecord(flow);
    expect(text).toBe('192.168.1.10 (hmi) to 192.168.2.20 (plc), tcp 502: denied, no rule lets it through');
    expect([severity, time, observed]).toEqual(['notice', 1_000_000, 1_005_000]);
    expect(Object.fromEntries(attributes)).toEqual({
      ...{
        'flow.verdict': 'deny',
        'flow.reason': 'default',
        'flow.direction': 'outbound',
        'flow.protocol': 'tcp',
      },
      ...{ 'source.address': '192.168.1.10', 'destination.address': '192.168.2.20', 'destination.port': 502 },
      ...{
        'network.transport': 'tcp',
        'network.type': 'ipv4',
        'flow.start': 1_000_000,
        'flow.end': 1_005_000,
      },
      ...{
        'flow.sent.packets': 7,
        'flow.sent.bytes': 700,
        'flow.received.packets': 5,
        'flow.received.bytes': 900,
      },
      ...{ 'flow.staged.rule': 's', 'flow.staged.verdict': 'allow', 'source.gateway': 'this' },
      ...{ 'destination.gateway': 'plant', 'source.devices': ['hmi'], 'destination.devices': ['plc'] },
      ...{ 'source.labels': ['zone=control'], 'destination.labels': ['zone=field', 'site=b'] },
    });
  });

  test('one that lives and is no TCP or UDP has no end and no port', () => {
    const { attributes, text } = flowLogRecord(madeFlow({ protocol: '47', port: 0, end: null }));
    const names = attributes.map(([name]) => name);
    for (const name of ['destination.port', 'network.transport', 'flow.end'])
      expect(names).not.toContain(name);
    expect(text).toContain(', 47: allowed, by rule modbus');
  });
});

describe('OTLP/HTTP, JSON encoding', () => {
  test('the request that the specification gives', () => {
    expect(JSON.parse(encodeOtlpLogs([record], source))).toEqual({
      resourceLogs: [
        {
          resource: {
            attributes: [
              { key: 'service.name', value: { stringValue: 'hithe' } },
              { key: 'service.version', value: { stringValue: '1.2' } },
              { key: 'host.name', value: { stringValue: 'gate' } },
              { key: 'hithe.hit', value: { stringValue: '2001:20::1' } },
            ],
          },
          scopeLogs: [
            {
              scope: { name: 'hithe', version: '1.2' },
              logRecords: [
                {
                  timeUnixNano: '1000000000',
                  observedTimeUnixNano: '2000000000',
                  severityNumber: 13,
                  severityText: 'WARN',
                  eventName: 'hithe.alarm',
                  body: { stringValue: 'it is full' },
                  attributes: [
                    { key: 'alarm.name', value: { stringValue: 'store' } },
                    { key: 'alarm.count', value: { intValue: '3' } },
                    {
                      key: 'alarm.of',
                      value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } },
                    },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test('times beyond 2^53 nanoseconds are exact', () => {
    const [only] = JSON.parse(encodeOtlpLogs([{ ...record, time: 1_790_000_000_123 }], source))
      .resourceLogs[0].scopeLogs[0].logRecords;
    expect(only.timeUnixNano).toBe('1790000000123000000');
  });

  const answer = (status: number, body = '', retryAfterMs: number | null = null) =>
    readOtlpAnswer({ status, body, retryAfterMs });

  test.each([429, 502, 503, 504])('%i is asked again, when the receiver says', (status) => {
    expect(answer(status, '', 7_000)).toMatchObject({ outcome: 'again', afterMs: 7_000 });
    expect(answer(status)).toMatchObject({ outcome: 'again', afterMs: null });
  });

  test.each([301, 400, 401, 404, 413, 500, 501])('%i is never asked again', (status) => {
    expect(answer(status, '', 7_000)).toEqual({
      outcome: 'refused',
      reason: `it answered with status ${status}`,
    });
  });

  test('success, in part too, is success', () => {
    const taken = { outcome: 'taken', rejected: 0, reason: null };
    for (const body of [
      '',
      '{}',
      '{"partialSuccess":{}}',
      'nonsense',
      'null',
      '[1]',
      '{"partialSuccess":{"rejectedLogRecords":"-3"}}',
    ])
      expect(answer(200, body)).toEqual(taken);
    const partly = '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}';
    expect(answer(200, partly)).toEqual({ outcome: 'taken', rejected: 2, reason: 'too old' });
    const wordy = JSON.stringify({ partialSuccess: { errorMessage: 'x'.repeat(limits.reasonLength + 1) } });
    expect(answer(202, wordy)).toMatchObject({ reason: 'x'.repeat(limits.reasonLength) });
  });
});

describe('RFC 5424', () => {
  test('§ 6 a message', () => {
    expect(encodeSyslog(record, options)).toBe(
      '<132>1 1970-01-01T00:00:01.000Z gate hithe - ALARM [alarm@32473 alarm.name="store" alarm.count="3" alarm.of="a,b"] it is full',
    );
  });

  test('§ 6.3.3 and § 6.4: whatever devices are called, a reader of the grammar finds it again', () => {
    fc.assert(
      fc.property(anyFlow, fc.string({ unit: 'grapheme' }), (flow, host) => {
        const log = flowLogRecord(flow);
        const message = encodeSyslog(log, { ...options, host });
        const read = parseSyslog(message);
        expect(read).toMatchObject({
          facility: 16,
          time: timestamp(flow.start),
          appName: 'hithe',
          id: 'FLOW',
        });
        expect(message).not.toMatch(/[\p{Cc}]/u);
        const shown = (value: unknown) =>
          [value]
            .flat()
            .join(',')
            .replaceAll(/\p{Cc}/gu, '?');
        for (const [name, value] of log.attributes) expect(read?.params[name]).toBe(shown(value));
        expect(utf8Length(message)).toBe(Buffer.byteLength(message));
      }),
    );
  });

  test('RFC 5426 § 3.2: no message is longer than receivers take; what says least is left out', () => {
    const labels = Array.from({ length: 32 }, (_, index) => `${'ü'.repeat(60)}${index}`);
    const from = { ...madeFlow().from, devices: ['\u{1f600}'.repeat(200)], labels };
    const to = { ...madeFlow().to, devices: ['\u{1f600}'.repeat(200)], labels };
    const message = encodeSyslog(flowLogRecord(madeFlow({ from, to })), {
      ...options,
      host: 'h'.repeat(300),
    });
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(limits.syslogOctets);
    const { params = {} } = parseSyslog(message) ?? {};
    expect(params['flow.verdict']).toBe('allow');
    expect(params).not.toHaveProperty('destination.labels');
    const value = (length: number) =>
      encodeSyslog(
        { ...record, attributes: Array.from({ length: 7 }, (_, index) => [`a${index}`, 'x'.repeat(length)]) },
        options,
      );
    expect(parseSyslog(value(limits.valueLength + 1))?.params['a0']).toHaveLength(limits.valueLength);
    // Filled to the octet, and by one octet more.
    const base = Buffer.byteLength(value(limits.valueLength));
    const filled = (length: number) =>
      encodeSyslog(
        {
          ...record,
          text: 'x'.repeat(record.text.length + length),
          attributes: Array.from({ length: 7 }, (_, index) => [`a${index}`, 'x'.repeat(limits.valueLength)]),
        },
        options,
      );
    const room = limits.syslogOctets - base;
    expect(Buffer.byteLength(filled(room))).toBe(limits.syslogOctets);
    expect(parseSyslog(filled(room))?.params).toHaveProperty('a6');
    expect(parseSyslog(filled(room + 1))?.params).not.toHaveProperty('a6');
  });

  test('RFC 6587 § 3.4.1: the length before a message is in octets', () => {
    expect(frameSyslog('äb')).toBe('3 äb');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(frameSyslog(text)).toBe(`${Buffer.byteLength(text)} ${text}`);
      }),
    );
    expect(utf8Length('\ud800x')).toBe(Buffer.byteLength('\ud800x'));
  });
});

describe('waiting for a receiver that fails', () => {
  test('doubles up to a bound, and never less than it asks for, up to another', () => {
    expect([1, 2, 3].map((failures) => waitAfter(failures, null))).toEqual([1_000, 2_000, 4_000]);
    expect(waitAfter(1_000, null)).toBe(limits.longestWaitMs);
    expect(waitAfter(1, 9_000)).toBe(9_000);
    expect(waitAfter(5, 9_000)).toBe(16_000);
    expect(waitAfter(1, limits.longestAskedMs + 1)).toBe(limits.longestAskedMs);
  });
});

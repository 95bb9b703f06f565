import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import {
  hiddenSecret,
  withoutHidden,
  withoutSecrets,
  withSecretsOf,
} from '../../firmware/store/secret-settings.ts';
import { settingsDifference } from '../../firmware/store/settings-diff.ts';
import { settingsLayerJsonSchema } from '../../firmware/store/settings-json-schema.ts';
import { mergeLayers, parseSettingsLayer } from '../../firmware/store/settings-layers.ts';

const otlp = { name: 'collector', type: 'otlp', url: 'https://collector.example/v1/logs' };
const syslog = {
  name: 'siem',
  type: 'syslog',
  host: '192.0.2.1',
  port: 6514,
  transport: 'tls',
  facility: 16,
};
const problemsOf = (...receivers: readonly object[]) => {
  const parsed = parseSettingsLayer(JSON.stringify({ version: 1, flows: { export: receivers } }));
  if (!parsed.ok) return parsed.problems.map(({ path }) => path);
  const merged = mergeLayers({ saved: parsed.value });
  return merged.ok ? [] : merged.problems.map(({ path }) => path);
};

describe('receivers of flows', () => {
  test('over OTLP and syslog', () => {
    expect(problemsOf(otlp, syslog)).toEqual([]);
    const withAll = {
      ...otlp,
      headers: { authorization: 'Bearer x' },
      ca: '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----',
    };
    expect(problemsOf(withAll, { ...syslog, host: 'siem.example', transport: 'udp' })).toEqual([]);
  });

  test.each([
    [{ ...otlp, url: 'ftp://collector.example/' }, 'flows.export[0].url'],
    [{ ...otlp, url: 'https://user:word@collector.example/' }, 'flows.export[0].url'],
    [{ ...otlp, name: 'Großer Sammler' }, 'flows.export[0].name'],
    [{ ...otlp, headers: { 'x y': '1' } }, 'flows.export[0].headers'],
    [{ ...otlp, headers: { token: 'a\r\nb: c' } }, 'flows.export[0].headers.token'],
    [{ ...otlp, headers: { token: hiddenSecret } }, 'flows.export[0].headers.token'],
    [{ ...otlp, ca: 'a file' }, 'flows.export[0].ca'],
    [{ ...syslog, port: 0 }, 'flows.export[0].port'],
    [{ ...syslog, facility: 24 }, 'flows.export[0].facility'],
    [{ ...syslog, transport: 'http' }, 'flows.export[0].transport'],
    [{ ...syslog, host: 'a b' }, 'flows.export[0].host'],
  ])('%j is refused', (receiver, path) => {
    expect(problemsOf(receiver)[0]).toContain(path);
  });

  test('as many as limits say, each with a name of its own', () => {
    const some = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ ...otlp, name: `r${index}` }));
    expect(problemsOf(...some(limits.flowReceivers))).toEqual([]);
    expect(problemsOf(...some(limits.flowReceivers + 1))).toHaveLength(1);
    expect(problemsOf(otlp, { ...syslog, name: otlp.name })).toEqual(['flows.export[1].name']);
  });

  test('with as many and as long headers as limits say', () => {
    const headers = (count: number, length: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, 'x'.repeat(length)]));
    expect(
      problemsOf({ ...otlp, headers: headers(limits.receiverHeaders, limits.receiverHeaderLength) }),
    ).toEqual([]);
    expect(problemsOf({ ...otlp, headers: headers(limits.receiverHeaders + 1, 1) })).toHaveLength(1);
    expect(problemsOf({ ...otlp, headers: headers(1, limits.receiverHeaderLength + 1) })).toHaveLength(1);
  });
});

describe('secrets', () => {
  const document = (token: string) => ({
    version: 1,
    flows: { record: true, export: [{ ...otlp, headers: { token, other: 'b' } }, syslog] },
  });

  test('are hidden, and nothing else is', () => {
    expect(withoutSecrets(document('s3cret'))).toEqual({
      version: 1,
      flows: {
        record: true,
        export: [{ ...otlp, headers: { token: hiddenSecret, other: hiddenSecret } }, syslog],
      },
    });
    for (const other of [{ version: 1 }, null, { flows: null }, { flows: { export: 'none' } }])
      expect(withoutSecrets(other)).toBe(other);
  });

  test('come back to where they were sent before, and nowhere else', () => {
    const known = document('s3cret');
    expect(withSecretsOf(withoutSecrets(known), known)).toEqual(known);
    const moved = document(hiddenSecret);
    const elsewhere = {
      ...moved,
      flows: { export: [{ ...otlp, url: 'https://evil.example/v1/logs', headers: { token: hiddenSecret } }] },
    };
    expect(withSecretsOf(elsewhere, known)).toEqual(elsewhere);
    expect(withSecretsOf(withoutSecrets(known), undefined)).toEqual(withoutSecrets(known));
    for (const other of [null, 'text', { flows: { export: [null, 7, { headers: 'x' }] } }])
      expect(withSecretsOf(other, known)).toEqual(other);
  });

  test('that are not known are left out and told', () => {
    expect(withoutHidden(document(hiddenSecret))).toMatchObject({
      document: { flows: { export: [{ headers: { other: 'b' } }, syslog] } },
      missing: ['collector: token'],
    });
  });

  test('that change are told as changed, and not what they are', () => {
    const { changes } = settingsDifference(document('old-s3cret'), document('new-s3cret'));
    expect(changes).toEqual([
      {
        path: 'flows.export.collector.headers.token',
        before: `"${hiddenSecret}"`,
        after: `"${hiddenSecret}"`,
      },
    ]);
    expect(JSON.stringify(settingsDifference({}, document('s3cret')))).not.toContain('s3cret');
  });

  test('are said to be such by the JSON Schema', () => {
    expect(JSON.stringify(settingsLayerJsonSchema())).toContain('"writeOnly":true');
  });
});

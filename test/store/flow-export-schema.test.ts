import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import { hiddenSecret } from '../../firmware/store/secret-settings.ts';
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

import { describe, expect, test } from 'vitest';
import {
  hiddenSecret,
  withoutHidden,
  withoutSecrets,
  withSecretsOf,
} from '../../firmware/store/secret-settings.ts';
import { settingsDifference } from '../../firmware/store/settings-diff.ts';
import { settingsLayerJsonSchema } from '../../firmware/store/settings-json-schema.ts';

const otlp = { name: 'collector', type: 'otlp', url: 'https://collector.example/v1/logs' };
const syslog = { name: 'siem', type: 'syslog', host: '192.0.2.1', transport: 'tls' };

describe('headers of receivers', () => {
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

describe('the PIN of a SIM', () => {
  const document = (pin: unknown, device = 'ttyUSB2') => ({
    version: 1,
    network: {
      lan: { dhcpServer: true },
      underlay: {
        ipv4: 'dhcp',
        uplinks: { port1: { vlan: 7 }, port2: { priority: 1, modem: { device, apn: 'internet', pin } } },
      },
    },
  });

  test.each(['4711', 4711, { pin: '4711' }])('%j is hidden, and nothing else is', (pin) => {
    expect(withoutSecrets(document(pin))).toEqual(document(hiddenSecret));
  });

  test('comes back for the modem that it was for, and for no other', () => {
    expect(withSecretsOf(document(hiddenSecret), document('4711'))).toEqual(document('4711'));
    const other = document(hiddenSecret, 'ttyS0');
    expect(withSecretsOf(other, document('4711'))).toEqual(other);
    expect(withSecretsOf(document(hiddenSecret), undefined)).toEqual(document(hiddenSecret));
    expect(withSecretsOf(document('0815'), document('4711'))).toEqual(document('0815'));
  });

  test('that is not known is left out and told', () => {
    const { document: kept, missing } = withoutHidden(document(hiddenSecret));
    expect(JSON.stringify(kept)).toBe(JSON.stringify(document(undefined)));
    expect(missing).toEqual(['network.underlay.uplinks.port2.modem.pin']);
  });

  test('that changes is told as changed, and not what it is', () => {
    const { changes } = settingsDifference(document('4711'), document('0815'));
    const hidden = `"${hiddenSecret}"`;
    expect(changes).toEqual([
      { path: 'network.underlay.uplinks.port2.modem.pin', before: hidden, after: hidden },
    ]);
  });

  test.each([
    { network: null },
    { network: { underlay: { uplinks: 'x' } } },
    { network: { underlay: { uplinks: { port2: null, port3: { modem: 'x' } } } } },
  ])('%j has none', (other) => {
    expect(withoutSecrets(other)).toBe(other);
  });
});

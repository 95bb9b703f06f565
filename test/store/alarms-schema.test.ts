import { describe, expect, test } from 'vitest';
import { alarmsSettings, defaultAlarms } from '../../firmware/store/alarms-schema.ts';
import { flowExportSettings } from '../../firmware/store/flow-export-schema.ts';
import { limits } from '../../firmware/store/limits.ts';

describe('thresholds of alarms', () => {
  test.each([
    ['deniedPerMinute', limits.alarmPackets],
    ['tunnelDownMinutes', limits.alarmMinutes],
    ['receiverDownMinutes', limits.alarmMinutes],
    ['newTalkersAfterHours', limits.alarmHours],
  ])('%s is 0 to %i', (name, most) => {
    const accepts = (value: number) => alarmsSettings.safeParse({ ...defaultAlarms, [name]: value }).success;
    expect([-1, 0, 0.5, most, most + 1].map(accepts)).toEqual([false, true, false, true, false]);
  });
});

test('certificates of a receiver are as long as limits say', () => {
  const frame = '-----BEGIN CERTIFICATE----------END CERTIFICATE-----';
  const accepts = (length: number) =>
    flowExportSettings.safeParse({
      ...{ name: 'siem', type: 'syslog', host: 'siem', port: 1, transport: 'tls', facility: 0 },
      ca: frame.replace('----------', `-----${'A'.repeat(length - frame.length)}-----`),
    }).success;
  expect([limits.receiverCertificates, limits.receiverCertificates + 1].map(accepts)).toEqual([true, false]);
});

import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import { mergeLayers } from '../../firmware/store/settings-layers.ts';
import type { SettingsLayer } from '../../firmware/store/settings-schema.ts';

const merged = (flows: SettingsLayer['flows']) => mergeLayers({ saved: { version: 1, flows } });

describe('settings of flows', () => {
  test('are on with bounds unless told otherwise; a layer may say any part', () => {
    expect(merged({ keep: { days: 7 } })).toMatchObject({
      ok: true,
      value: { flows: { record: true, keep: { days: 7, mebibytes: 256 } } },
    });
    expect(merged({ record: false })).toMatchObject({ ok: true, value: { flows: { record: false } } });
  });

  const [least, most] = limits.flowMebibytes;
  test.each([
    ['days', 1, 0],
    ['days', limits.flowDays, limits.flowDays + 1],
    ['mebibytes', least, least - 1],
    ['mebibytes', most, most + 1],
  ])('%s: %i is allowed, %i is not', (name, allowed, refused) => {
    expect(merged({ keep: { [name]: allowed } }).ok).toBe(true);
    expect(merged({ keep: { [name]: refused } })).toMatchObject({
      ok: false,
      problems: [{ path: `flows.keep.${name}` }],
    });
  });
});

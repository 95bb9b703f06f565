import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SettingsLayer } from '../../../../firmware/store/settings-schema.ts';
import { put, take } from '../../../../firmware/webui/client/settings/document.ts';

const saved: SettingsLayer = { version: 1, network: { ports: { port2: 'lan' }, lan: { dhcpServer: true } } };

describe('a settings document that is edited', () => {
  test('a value is put in its place, in groups that are made where they are missing', () => {
    expect(put(saved, ['network', 'ports', 'port3'], 'underlay')).toEqual({
      version: 1,
      network: { ports: { port2: 'lan', port3: 'underlay' }, lan: { dhcpServer: true } },
    });
    expect(put({ version: 1 }, ['network', 'lan', 'address'], '192.168.5.1/24')).toEqual({
      version: 1,
      network: { lan: { address: '192.168.5.1/24' } },
    });
  });

  test('what is no group gives way to one', () =>
    expect(take(put(saved, ['network', 'ports', 'port2', 'mtu'], 1400), ['network', 'ports'])).toEqual({
      port2: { mtu: 1400 },
    }));

  test('what is taken away leaves no empty group', () => {
    const one = put(saved, ['network', 'ports', 'port2'], undefined);
    expect(one).toEqual({ version: 1, network: { lan: { dhcpServer: true } } });
    expect(put(one, ['network', 'lan', 'dhcpServer'], undefined)).toEqual({ version: 1 });
    expect(put(saved, ['overlay', 'peers'], undefined)).toEqual(saved);
  });

  test('the document that was given stays as it was', () => {
    const before = structuredClone(saved);
    put(saved, ['network', 'ports', 'port2'], 'unused');
    expect(saved).toEqual(before);
  });

  test('what was put can be taken, under any name', () => {
    const names = fc.array(fc.oneof(fc.string({ minLength: 1 }), fc.constant('__proto__')), { minLength: 1 });
    fc.assert(
      fc.property(names, fc.oneof(fc.string(), fc.integer()), (path, value) => {
        fc.pre(path[0] !== 'version');
        const written = put(saved, path, value);
        expect(take(written, path)).toBe(value);
        expect(written.version).toBe(1);
        expect(Object.prototype).not.toHaveProperty([path.length > 1 ? (path.at(-1) ?? '') : ' '], value);
      }),
    );
  });
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAddressRange } from '../../firmware/policy/address-line.ts';
import { renderLanGuard } from '../../firmware/policy/lan-guard.ts';

const ranges = (...texts: string[]) =>
  texts.map((text) => parseAddressRange(text)).filter((range) => range !== undefined);

test('golden: devices with addresses and networks of both families, on two links', () => {
  const guard = renderLanGuard(
    [
      { mac: '02:00:00:00:00:01', ranges: ranges('192.168.1.10', 'fd20:1::10') },
      { mac: '02:00:00:00:00:02', ranges: ranges('192.168.1.16/28', 'fd20:1:0:0:8000::/65') },
    ],
    ['br-lan', 'br-guest'],
  );
  expect(guard).toBe(readFileSync(new URL('../golden/policy/lan-guard.nft', import.meta.url), 'utf8'));
});

test('two owners of one address are both heard; what is said twice of a MAC stands once', () => {
  const [one, two] = ['02:00:00:00:00:01', '02:00:00:00:00:02'];
  const guard = renderLanGuard(
    [
      { mac: one, ranges: ranges('192.168.1.10') },
      { mac: two, ranges: ranges('192.168.1.10') },
      { mac: one, ranges: ranges('192.168.1.8/30') },
    ],
    ['br-lan'],
  );
  expect(guard).toContain('bound { 192.168.1.8-192.168.1.11 }');
  expect(guard).toContain(`owners { 192.168.1.8-192.168.1.11 . ${one}, 192.168.1.10 . ${two} }`);
  expect(guard).toContain(`macs { ${one}, ${two} }`);
});

test('without hosts’ networks there is nothing to guard, and what was guarded goes', () => {
  expect(renderLanGuard([], [])).toBe(
    ['arp', 'inet']
      .flatMap((family) => ['add', 'delete'].map((verb) => `${verb} table ${family} hithe_lan\n`))
      .join(''),
  );
});

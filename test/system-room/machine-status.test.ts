import { release, totalmem, uptime } from 'node:os';
import { describe, expect, test } from 'vitest';
import {
  parseKernelCommandLine,
  parseMemory,
  parseUptime,
  readKernelCommandLine,
  readKernelRelease,
  readMemory,
  readUptimeSeconds,
} from '../../firmware/system/machine-status.ts';

const meminfo = `MemTotal:         494932 kB
MemFree:           57904 kB
MemAvailable:     297908 kB
Buffers:            3456 kB
HugePages_Total:       0
`;

describe('/proc/meminfo', () => {
  test('in octets; what could be had counts as available', () => {
    expect(parseMemory(meminfo)).toEqual({
      totalBytes: 494932 * 1024,
      usedBytes: (494932 - 297908) * 1024,
      availableBytes: 297908 * 1024,
    });
  });

  test('nothing there is nothing known', () => {
    expect(parseMemory('')).toEqual({ totalBytes: 0, usedBytes: 0, availableBytes: 0 });
  });
});

test.each([
  ['12.34 45.67\n', 12.34],
  ['350735.47 234388.90\n', 350735.47],
  ['', 0],
  ['nonsense', 0],
])('/proc/uptime %j', (text, seconds) => {
  expect(parseUptime(text)).toBe(seconds);
});

test.each<[string, [string, string][]]>([
  [
    'ro console=ttyS0,115200 roothash=00ff\n',
    [
      ['ro', ''],
      ['console', 'ttyS0,115200'],
      ['roothash', '00ff'],
    ],
  ],
  ['console=tty0 console=ttyS0', [['console', 'ttyS0']]],
  [
    'dyndbg="file drivers/usb/* +p" quiet',
    [
      ['dyndbg', 'file drivers/usb/* +p'],
      ['quiet', ''],
    ],
  ],
  [
    '"hithe.name=two words" a==b',
    [
      ['hithe.name', 'two words'],
      ['a', '=b'],
    ],
  ],
  ['open="never closed', [['open', 'never closed']]],
  ['  \n', []],
  ['__proto__=x', [['__proto__', 'x']]],
])('the kernel command line %j', (text, parameters) => {
  expect([...parseKernelCommandLine(text)]).toEqual(parameters);
});

test('this machine, as Node sees it too', () => {
  expect(readMemory().totalBytes).toBe(totalmem());
  expect(readMemory().availableBytes).toBeGreaterThan(0);
  expect(Math.abs(readUptimeSeconds() - uptime())).toBeLessThan(60);
  expect(readKernelRelease()).toBe(release());
  expect(readKernelCommandLine().size).toBeGreaterThan(0);
});

import { expect, test } from 'vitest';
import { parsePing } from '../../qemu/ping.ts';

test('busybox ping: counts and round-trip times', () => {
  const output = [
    'PING 192.168.20.10 (192.168.20.10): 56 data bytes',
    '64 bytes from 192.168.20.10: seq=0 ttl=62 time=12.345 ms',
    '',
    '--- 192.168.20.10 ping statistics ---',
    '3 packets transmitted, 2 packets received, 33% packet loss',
    'round-trip min/avg/max = 4.750/8.547/12.345 ms',
  ].join('\n');
  expect(parsePing(output)).toEqual({
    sent: 3,
    received: 2,
    rttMs: { min: 4.75, average: 8.547, max: 12.345 },
  });
});

test('busybox ping: nothing came back', () => {
  expect(parsePing('3 packets transmitted, 0 packets received, 100% packet loss')).toEqual({
    ...{ sent: 3, received: 0, rttMs: null },
  });
});

test('a ping that could not start is an error with its words', () => {
  expect(() => parsePing('ping: sendto: Network is unreachable')).toThrow('Network is unreachable');
});

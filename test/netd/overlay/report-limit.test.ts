import { expect, test } from 'vitest';
import { packetTypes } from '../../../firmware/hip/packet.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { startOverlay } from '../../../firmware/netd/overlay/overlay.ts';
import { ReportLimit } from '../../../firmware/netd/overlay/report-limit.ts';
import { Bench, peer, working } from './overlay-bench.ts';

test('each message is told once in a window, and again in the next', () => {
  const reports = new ReportLimit();
  expect(['a', 'b', 'a', 'b'].map((message) => reports.allow(message, 0))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(reports.allow('a', limits.reportWindowMs - 1)).toBe(false);
  expect(reports.allow('a', limits.reportWindowMs)).toBe(true);
});

test('no more than so many different ones are told in a window', () => {
  const reports = new ReportLimit();
  const told = Array.from({ length: limits.reportsInWindow + 5 }, (_, index) => reports.allow(`${index}`, 0));
  expect(told.filter(Boolean)).toHaveLength(limits.reportsInWindow);
  expect(reports.allow('another', limits.reportWindowMs)).toBe(true);
});

test('who repeats a peer’s packet from elsewhere fills no log', async () => {
  const bench = new Bench();
  const a = await startOverlay(bench.ports('192.0.2.1'), { peers: [] }, { dataPath: working() });
  const ports = bench.ports('192.0.2.2');
  const sent: Uint8Array[] = [];
  const socket: typeof ports.socket = {
    ...ports.socket,
    send(packet, to) {
      sent.push(packet);
      return ports.socket.send(packet, to);
    },
  };
  const b = await startOverlay(
    { ...ports, socket },
    { peers: [peer('a', '192.0.2.1', a)] },
    { dataPath: working() },
  );
  await a.reconfigure({ peers: [peer('b', '192.0.2.2', b)] });
  await bench.pass(20_000);
  // The packet type is HIP's third octet (RFC 7401 §5.1); which of the two is the initiator their HITs decide.
  const packet = sent.find((octets) => [packetTypes.I2, packetTypes.R2].some((type) => octets[2] === type));
  if (packet === undefined) throw new Error('b took no part in an exchange');
  const altered = packet.with(packet.length - 1, 1 ^ (packet.at(-1) ?? 0));
  const before = bench.logs.length;
  const stranger = bench.ports('192.0.2.66').socket;
  for (let count = 0; count < 100; count++) stranger.send(altered, { address: '192.0.2.1', port: 10500 });
  await bench.pass(1);
  const told = bench.logs.slice(before).filter((line) => line.includes(' b: '));
  expect(told).toHaveLength(1);
});

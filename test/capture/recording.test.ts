import { describe, expect, test } from 'vitest';
import { Recording, type RecordingOptions } from '../../firmware/capture/recording.ts';
import { items, joined } from './capture-file.ts';

const start = Date.parse('2026-06-01T12:00:00.250Z');
const frame = Uint8Array.from({ length: 100 }, (_, index) => index);

function record(options: Partial<RecordingOptions>) {
  const parts: Uint8Array[] = [];
  const whole = {
    linkType: 1,
    snapLength: 64,
    filter: () => true,
    count: 10,
    size: 10_000,
    rate: 10,
    ...options,
  };
  const recording = new Recording(whole, (octets) => parts.push(octets), start);
  return { recording, file: () => joined(parts) };
}

describe('a capture that is being written', () => {
  test('is a pcap file of cut frames with their times', async () => {
    const { recording, file } = record({});
    expect(recording.take(frame, 1500, start + 0.125)).toBeNull();
    expect(await items(file())).toMatchObject([
      { frame: { linkType: 1, time: '2026-06-01T12:00:00.250125Z', octets: frame.subarray(0, 64) } },
    ]);
    expect(recording.counts).toEqual({ written: 1, filtered: 0, overRate: 0, octets: file().length });
  });

  test('ends with the last frame that was asked for', () => {
    const { recording } = record({ count: 2 });
    expect([recording.take(frame, 100, start), recording.take(frame, 100, start)]).toEqual([null, 'count']);
  });

  test('ends before the file is larger than it may be', () => {
    const { recording, file } = record({ size: 24 + 80 });
    expect([recording.take(frame, 100, start), recording.take(frame, 100, start)]).toEqual([null, 'size']);
    expect(file().length).toBe(24 + 80);
  });

  test('keeps to the rate, after as many at once, and whatever the clock does', () => {
    const { recording } = record({ rate: 2, count: 100 });
    const at = (...times: number[]) => {
      for (const time of times) recording.take(frame, 100, start + time);
      return recording.counts;
    };
    expect(at(0, 0, 0)).toMatchObject({ written: 2, overRate: 1 });
    expect(at(499, 500)).toMatchObject({ written: 3, overRate: 2 });
    expect(at(-10_000, -10_000)).toMatchObject({ written: 3, overRate: 4 });
    expect(at(60_000, 60_000, 60_000)).toMatchObject({ written: 5, overRate: 5 });
  });

  test('what is not wanted costs no rate', () => {
    const { recording } = record({ filter: ({ isArp }) => isArp, rate: 1 });
    const arp = frame.slice();
    arp.set([0x08, 0x06], 12);
    for (let count = 0; count < 5; count++) recording.take(frame, 100, start);
    recording.take(arp, 100, start);
    expect(recording.counts).toMatchObject({ written: 1, filtered: 5, overRate: 0 });
  });
});

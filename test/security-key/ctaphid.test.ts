import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Assembly,
  assemble,
  hidCommands,
  packetsOf,
  readInit,
  reportOctets,
} from '../../firmware/security-key/ctaphid.ts';
import { limits } from '../../firmware/security-key/limits.ts';

const channel = 0x01020304;

/** What comes of reports, one after the other. */
function events(reports: readonly Uint8Array[]) {
  const seen = [];
  let assembly: Assembly = null;
  for (const report of reports) {
    const taken = assemble(assembly, channel, report);
    assembly = taken.assembly;
    if (taken.event !== null) seen.push(taken.event);
  }
  return { seen, assembly };
}

const packet = (...head: readonly number[]) => {
  const report = new Uint8Array(reportOctets);
  report.set([1, 2, 3, 4, ...head]);
  return report;
};

describe('a message', () => {
  test('is cut into packets as the specification draws them', () => {
    const message = Uint8Array.from({ length: 57 + 59 + 1 }, (_, index) => index);
    const [first, second, third, ...more] = packetsOf(channel, hidCommands.message, message);
    expect(more).toEqual([]);
    expect(first?.subarray(0, 8)).toEqual(Uint8Array.of(1, 2, 3, 4, 0x83, 0, 117, 0));
    expect(second?.subarray(0, 6)).toEqual(Uint8Array.of(1, 2, 3, 4, 0, 57));
    expect(third?.subarray(0, 7)).toEqual(Uint8Array.of(1, 2, 3, 4, 1, 116, 0));
  });

  test('of any length comes together again, up to the longest', () => {
    const length = fc.integer({ min: 0, max: limits.messageOctets });
    fc.assert(
      fc.property(length, (octets) => {
        const message = Uint8Array.from({ length: octets }, (_, index) => index % 251);
        const packets = packetsOf(channel, hidCommands.init, message);
        for (const each of packets) expect(each).toHaveLength(reportOctets);
        const { seen, assembly } = events(packets);
        expect(seen).toEqual([{ kind: 'message', command: hidCommands.init, message }]);
        expect(assembly).toBeNull();
      }),
      { examples: [[0], [57], [58], [57 + 59], [limits.messageOctets]] },
    );
    expect(packetsOf(channel, 1, new Uint8Array(limits.messageOctets))).toHaveLength(129);
    expect(() => packetsOf(channel, 1, new Uint8Array(limits.messageOctets + 1))).toThrow(RangeError);
  });

  test('that is longer than any is broken at once', () => {
    const [high, low] = [limits.messageOctets >> 8, limits.messageOctets & 0xff];
    expect(events([packet(0x83, high, low)]).seen).toEqual([]);
    expect(events([packet(0x83, high, low + 1)]).seen).toMatchObject([{ kind: 'broken' }]);
  });

  test('is broken by a packet that is not its next, and what comes after is a new one', () => {
    const begin = packet(0x83, 0, 200);
    for (const wrong of [packet(1), packet(127), packet(0x83, 0, 1), packet(0x86, 0, 1)]) {
      const { seen, assembly } = events([begin, wrong]);
      expect(seen).toMatchObject([{ kind: 'broken' }]);
      expect(assembly).toBeNull();
    }
    expect(events([begin, packet(1), packet(0x83, 0, 1, 9)]).seen).toMatchObject([
      { kind: 'broken' },
      { kind: 'message', message: Uint8Array.of(9) },
    ]);
    expect(events([begin, packet(0), packet(0)]).seen).toMatchObject([{ kind: 'broken' }]);
  });

  test('is not touched by other channels, nor by what continues nothing', () => {
    const other = packet(0x83, 0, 1);
    other[0] = 9;
    const stray = packet(0);
    const message = new Uint8Array(100).fill(7);
    const [first, second] = packetsOf(channel, 3, message);
    if (first === undefined || second === undefined) throw new Error('no packets');
    expect(events([stray, other, first, other, second, stray]).seen).toEqual([
      { kind: 'message', command: 3, message },
    ]);
  });

  test('is broken by a report of another length', () => {
    for (const length of [0, 1, 63, 65, 4096])
      expect(events([new Uint8Array(length)]).seen).toMatchObject([{ kind: 'broken' }]);
  });

  test('of any reports never takes more than the longest, and throws nothing', () => {
    const report = fc.uint8Array({ minLength: 0, maxLength: 70 }).map((octets) => {
      const near = new Uint8Array(octets.length > 60 ? reportOctets : octets.length);
      near.set(octets.subarray(0, near.length));
      if (near.length > 4 && (octets[5] ?? 0) % 2 === 0) near.set([1, 2, 3, 4]);
      if (near.length > 4 && (octets[6] ?? 0) % 2 === 0) near[4] = (near[4] ?? 0) % 4;
      return near;
    });
    fc.assert(
      fc.property(fc.array(report, { maxLength: 200 }), (reports) => {
        const { seen, assembly } = events(reports);
        for (const event of seen)
          if (event.kind === 'message')
            expect(event.message.length).toBeLessThanOrEqual(limits.messageOctets);
        expect(assembly?.octets.length ?? 0).toBeLessThanOrEqual(limits.messageOctets);
      }),
    );
  });
});

describe('the answer to INIT', () => {
  const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const answer = (id: readonly number[], capabilities: number) =>
    Uint8Array.of(...nonce, ...id, 2, 5, 4, 3, capabilities);

  test('has a channel and says whether the key speaks U2F', () => {
    expect(readInit(answer([1, 2, 3, 4], 0x05), nonce)).toEqual({ channel, speaksU2f: true });
    expect(readInit(answer([1, 2, 3, 4], 0x0c), nonce)).toEqual({ channel, speaksU2f: false });
  });

  test('to another nonce, cut short, or with a channel that nobody has, is none', () => {
    const good = answer([1, 2, 3, 4], 1);
    for (const at of [0, 7]) {
      const other = good.slice();
      other[at] = 0;
      expect(readInit(other, nonce)).toBeNull();
    }
    expect(readInit(good.subarray(0, 16), nonce)).toBeNull();
    expect(readInit(new Uint8Array(0), nonce)).toBeNull();
    for (const octet of [0, 255]) expect(readInit(answer([octet, octet, octet, octet], 1), nonce)).toBeNull();
  });
});

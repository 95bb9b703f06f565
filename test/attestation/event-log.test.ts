import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEventLog } from '../../firmware/attestation/event-log.ts';
import { limits } from '../../firmware/attestation/limits.ts';
import { replayEventLog } from '../../firmware/attestation/replay.ts';
import { concatBytes, toHex } from '../../firmware/bytes/bytes.ts';
import type { HashName } from '../../firmware/tpm/constants.ts';
import {
  agileEvent,
  algorithmIds,
  ascii,
  expectedPcrs,
  header,
  localityEvent,
  recordedLog,
  sha,
  sha1Event,
  specIdEvent,
  u16,
  u32,
} from './made-log.ts';

const replay = (octets: Uint8Array) => {
  const log = parseEventLog(octets);
  return { log, pcrs: replayEventLog(log, sha) };
};
const pcr = (octets: Uint8Array, bank: HashName, index: number) =>
  toHex(replay(octets).pcrs.get(bank)?.get(index) ?? new Uint8Array());

const extended = (start: Uint8Array, ...data: readonly Uint8Array[]) =>
  toHex(data.reduce((value, item) => sha('sha256', concatBytes(value, sha('sha256', item))), start));
const zeros = new Uint8Array(32);
const text = (pcrIndex: number, content: string, type = 5) => ({ pcr: pcrIndex, type, data: ascii(content) });

describe('published PCR values', () => {
  test.each(Object.entries(expectedPcrs))('%s', (name, banks) => {
    const { log, pcrs } = replay(recordedLog(name));
    expect(log.error).toBeNull();
    for (const [bank, values] of Object.entries(banks)) {
      const replayed = [...(pcrs.get(bank as HashName) ?? [])].map(([index, value]) => [
        String(index),
        toHex(value),
      ]);
      expect(Object.fromEntries(replayed)).toMatchObject(values);
    }
  });

  test('a log of TPM 1.2 form has SHA-1 alone', () => {
    const { log, pcrs } = replay(recordedLog('gt-debian-10.bin'));
    expect(log.format).toBe('sha1');
    expect(log.error).toBeNull();
    expect(log.events).toHaveLength(25);
    expect([...pcrs.keys()]).toEqual(['sha1']);
    const values = [...(pcrs.get('sha1') ?? [])].map(([index, value]) => [index, toHex(value)]);
    expect(values).toEqual([
      [0, '0f2d3a2a1adaa479aeeca8f5df76aadc41b862ea'],
      [1, 'b1676439cac1531683990fefe2218a43239d6fe8'],
      [2, 'b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236'],
      [3, 'b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236'],
      [4, '1eb30816474a3f144e99b24e4ad480b2e51fd9e1'],
      [5, '019079179dbc0eb5992c500dcf8a095910ac590d'],
      [6, 'b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236'],
      [7, '9e6c57e850f371c2a7fe02bca552149363952318'],
    ]);
  });
});

describe('replay (PC Client Platform Firmware Profile §10.4)', () => {
  test('each event extends its PCR by its digest, in order', () => {
    const log = concatBytes(
      header('sha256'),
      agileEvent(text(4, 'a'), 'sha256'),
      agileEvent(text(7, 'b'), 'sha256'),
      agileEvent(text(4, 'c'), 'sha256'),
    );
    expect(pcr(log, 'sha256', 4)).toBe(extended(zeros, ascii('a'), ascii('c')));
    expect(pcr(log, 'sha256', 7)).toBe(extended(zeros, ascii('b')));
    expect([...(replay(log).pcrs.get('sha256')?.keys() ?? [])]).toEqual([4, 7]);
  });

  test('EV_NO_ACTION extends nothing, whatever digest and PCR it names', () => {
    const digest = concatBytes(u16(algorithmIds.sha256), new Uint8Array(32).fill(7));
    const told = concatBytes(u32(0xffffffff), u32(3), u32(1), digest, u32(0));
    const log = concatBytes(header('sha256'), agileEvent(text(1, 'a'), 'sha256'), told);
    expect(replay(log).log.error).toBeNull();
    expect([...(replay(log).pcrs.get('sha256') ?? [])].map(([index]) => index)).toEqual([1]);
  });

  test.each([0, 3, 4])('StartupLocality: PCR 0 begins with locality %i, other PCRs do not', (locality) => {
    const log = concatBytes(
      header('sha256'),
      agileEvent(localityEvent(locality), 'sha256'),
      agileEvent(text(0, 'firmware'), 'sha256'),
      agileEvent(text(1, 'settings'), 'sha256'),
    );
    const start = new Uint8Array(32);
    start[31] = locality;
    expect(replay(log).log.startupLocality).toBe(locality);
    expect(pcr(log, 'sha256', 0)).toBe(extended(start, ascii('firmware')));
    expect(pcr(log, 'sha256', 1)).toBe(extended(zeros, ascii('settings')));
  });

  test('StartupLocality counts in a log of TPM 1.2 form too', () => {
    const log = concatBytes(sha1Event(localityEvent(3)), sha1Event(text(0, 'firmware')));
    const start = new Uint8Array(20);
    start[19] = 3;
    expect(pcr(log, 'sha1', 0)).toBe(toHex(sha('sha1', concatBytes(start, sha('sha1', ascii('firmware'))))));
  });

  test('every bank that the header names is replayed, one without a hash here is passed over', () => {
    const sm3 = 0x0012;
    const event = concatBytes(
      ...[
        u32(4),
        u32(5),
        u32(2),
        u16(sm3),
        new Uint8Array(32),
        u16(algorithmIds.sha256),
        sha('sha256', ascii('a')),
      ],
      ...[u32(1), ascii('a')],
    );
    const log = concatBytes(
      specIdEvent([
        [algorithmIds.sha256, 32],
        [sm3, 32],
      ]),
      event,
    );
    expect(replay(log).log.error).toBeNull();
    expect([...replay(log).pcrs.keys()]).toEqual(['sha256']);
    expect(pcr(log, 'sha256', 4)).toBe(extended(zeros, ascii('a')));
  });
});

describe('what is no event log ends the reading, names the place and keeps what came before', () => {
  const good = concatBytes(header('sha256'), agileEvent(text(4, 'a'), 'sha256'));
  const agile = (event: Uint8Array) => concatBytes(good, event);
  const digest = concatBytes(u16(algorithmIds.sha256), new Uint8Array(32));
  test.each<[string, Uint8Array, string, RegExp, number]>([
    ['nothing at all', new Uint8Array(), 'log', /empty/, 0],
    ['a cut event', good.subarray(0, good.length - 1), 'events[1].event', /needs 1 octets, 0 are left/, 1],
    ['a cut digest', good.subarray(0, good.length - 10), 'events[1].digests[0].digest', /needs 32 octets/, 1],
    [
      'an event of 4 GiB',
      agile(concatBytes(u32(4), u32(5), u32(1), digest, u32(0xffffffff))),
      'events[2].event',
      /4294967295/,
      2,
    ],
    [
      'an algorithm that the header does not name',
      agile(concatBytes(u32(4), u32(5), u32(1), u16(0x0c), new Uint8Array(48), u32(0))),
      'events[2].digests[0].hashAlg',
      /0x000c.*header does not name/,
      2,
    ],
    [
      'too few digests',
      agile(concatBytes(u32(4), u32(5), u32(0), u32(0))),
      'events[2].digests.count',
      /0 digests/,
      2,
    ],
    [
      'too many digests',
      agile(concatBytes(u32(4), u32(5), u32(2), digest, digest, u32(0))),
      'events[2].digests.count',
      /2 digests/,
      2,
    ],
    [
      'a PCR that no TPM has',
      agile(agileEvent(text(24, 'a'), 'sha256')),
      'events[2].pcrIndex',
      /no PCR 24/,
      2,
    ],
    [
      'a second locality',
      concatBytes(
        header('sha256'),
        agileEvent(localityEvent(0), 'sha256'),
        agileEvent(localityEvent(3), 'sha256'),
      ),
      'events[2].startupLocality',
      /second time/,
      2,
    ],
    [
      'a locality after PCR 0 was extended',
      concatBytes(
        header('sha256'),
        agileEvent(text(0, 'a'), 'sha256'),
        agileEvent(localityEvent(3), 'sha256'),
      ),
      'events[2].startupLocality',
      /after PCR 0/,
      2,
    ],
    [
      'a locality that starts no TPM',
      concatBytes(header('sha256'), agileEvent(localityEvent(2), 'sha256')),
      'events[1].startupLocality',
      /locality 2/,
      1,
    ],
    [
      'a locality event that is longer',
      concatBytes(
        header('sha256'),
        agileEvent({ pcr: 0, type: 3, data: ascii('StartupLocality\0\0\0') }, 'sha256'),
      ),
      'events[1].startupLocality',
      /18 octets/,
      1,
    ],
    [
      'a header without algorithms',
      specIdEvent([]),
      'events[0].specId.numberOfAlgorithms',
      /0 algorithms/,
      0,
    ],
    [
      'a header that names one twice',
      specIdEvent([
        [4, 20],
        [4, 20],
      ]),
      'events[0].specId.digestSizes[1].algorithmId',
      /twice/,
      0,
    ],
    [
      'a header with SHA-256 of 20 octets',
      specIdEvent([[0x0b, 20]]),
      'events[0].specId.digestSizes[0].digestSize',
      /sha256 with 20/,
      0,
    ],
    [
      'a header that ends early',
      specIdEvent([[4, 20]], 2),
      'events[0].specId.digestSizes[1].algorithmId',
      /needs 2 octets/,
      0,
    ],
  ])('%s', (_, octets, path, problem, events) => {
    const log = parseEventLog(octets);
    expect(log.error).toMatchObject({ path, problem: expect.stringMatching(problem) });
    expect(log.events).toHaveLength(events);
  });

  test('the PCRs are those up to there', () => {
    const broken = agile(concatBytes(agileEvent(text(4, 'b'), 'sha256'), Uint8Array.of(1, 2, 3)));
    expect(parseEventLog(broken).error).not.toBeNull();
    expect(pcr(broken, 'sha256', 4)).toBe(extended(zeros, ascii('a'), ascii('b')));
  });

  test('the offset is that of the field', () => {
    const octets = agile(concatBytes(u32(4), u32(5), u32(3)));
    expect(parseEventLog(octets).error?.offset).toBe(good.length + 8);
    const named = specIdEvent([
      [4, 20],
      [4, 20],
    ]);
    // Past the second entry's identifier: after PCR, type, digest, size, 28 octets and one entry of 4.
    expect(parseEventLog(named).error?.offset).toBe(32 + 28 + 4 + 4);
  });
});

describe('the area that the firmware keeps for the log', () => {
  test.each([0x00, 0xff])('may go on with octets of %i', (filler) => {
    const log = concatBytes(
      header('sha256'),
      agileEvent(text(4, 'a'), 'sha256'),
      new Uint8Array(500).fill(filler),
    );
    expect(parseEventLog(log)).toMatchObject({ error: null, events: { length: 2 } });
  });

  test('an event of zeros with anything behind it is an event', () => {
    const log = concatBytes(sha1Event(text(4, 'a')), new Uint8Array(32), sha1Event(text(4, 'b')));
    expect(parseEventLog(log)).toMatchObject({ error: null, events: { length: 3 } });
  });
});

describe('limits at their edges', () => {
  test('events', () => {
    const event = sha1Event({ pcr: 1, type: 5, data: new Uint8Array() });
    const log = (count: number) => concatBytes(...Array.from({ length: count }, () => event));
    expect(parseEventLog(log(limits.events)).error).toBeNull();
    const over = parseEventLog(log(limits.events + 1));
    expect(over.error).toMatchObject({ path: `events[${limits.events}]` });
    expect(over.events).toHaveLength(limits.events);
  });

  test('octets of the log: what lies within is read', () => {
    const small = sha1Event(text(1, 'a'));
    const frame = sha1Event({ pcr: 1, type: 5, data: new Uint8Array() }).length;
    const log = (size: number) =>
      concatBytes(small, sha1Event({ pcr: 2, type: 5, data: new Uint8Array(size - small.length - frame) }));
    expect(parseEventLog(log(limits.logSize))).toMatchObject({ error: null, events: { length: 2 } });
    expect(parseEventLog(log(limits.logSize + 1))).toMatchObject({
      error: { path: 'log', offset: limits.logSize },
      events: { length: 1 },
    });
  });

  test('algorithms', () => {
    const sizes = (count: number) =>
      Array.from({ length: count }, (_, index): [number, number] => [0x100 + index, 8]);
    expect(parseEventLog(specIdEvent(sizes(limits.algorithms))).algorithms).toHaveLength(limits.algorithms);
    expect(parseEventLog(specIdEvent(sizes(limits.algorithms + 1))).error?.problem).toContain('algorithms');
  });

  test('PCRs', () => {
    expect(parseEventLog(sha1Event(text(limits.pcrs - 1, 'a'))).error).toBeNull();
    expect(parseEventLog(sha1Event(text(limits.pcrs, 'a'))).error).not.toBeNull();
  });
});

describe('any octets', () => {
  const check = (octets: Uint8Array) => {
    const { log } = replay(octets);
    let end = 0;
    for (const [index, event] of log.events.entries()) {
      expect(event.index).toBe(index);
      expect(event.offset).toBeGreaterThanOrEqual(end);
      end = event.offset + event.data.length;
    }
    expect(end).toBeLessThanOrEqual(octets.length);
    if (log.error !== null) expect(log.error.offset).toBeLessThanOrEqual(octets.length);
  };

  test('never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check));
  });

  test('behind a header, never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (rest) =>
        check(concatBytes(header('sha1', 'sha256'), rest)),
      ),
    );
  });

  test('a recorded log with changed octets or cut anywhere never throws', () => {
    const recorded = recordedLog('own-ovmf-stub-257.bin');
    const changes = fc.array(fc.tuple(fc.nat(recorded.length - 1), fc.integer({ min: 0, max: 255 })), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(changes, fc.nat(recorded.length), (list, length) => {
        const octets = recorded.slice(0, length);
        for (const [place, octet] of list) if (place < length) octets[place] = octet;
        check(octets);
      }),
    );
  });
});

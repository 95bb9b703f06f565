import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/netd/limits.ts';
import { nameInAnswer } from '../../../firmware/netd/policy/multicast-names.ts';
import { parseAddress } from '../../../firmware/policy/address-line.ts';
import { answer, name, own, record } from './multicast-answer.ts';

const place = parseAddress('192.168.1.10') ?? 0n;
const heard = (...records: Uint8Array[]) => nameInAnswer(answer(records), place);

describe('names in multicast DNS (RFC 6762)', () => {
  test('a host names itself by a record of the address that it speaks from', () => {
    expect(heard(record(name('press', 'local'), own))).toBe('press');
    expect(heard(record(name('Press-7', 'LOCAL'), { ...own, kind: 1 }))).toBe('Press-7');
    const ipv6 = {
      type: 28,
      data: Uint8Array.from({ length: 16 }, (_, index) => (index === 0 ? 0xfd : index === 15 ? 1 : 0)),
    };
    expect(nameInAnswer(answer([record(name('press', 'local'), ipv6)]), parseAddress('fd00::1') ?? 0n)).toBe(
      'press',
    );
  });

  test('other records are passed over, and names may refer to what stands before (RFC 1035 § 4.1.4)', () => {
    const service = record(name('_http', '_tcp', 'local'), { type: 12, data: Uint8Array.of(0xc0, 12) });
    // The label at 12 + 1 + 5 + 1 + 4 is `local` of the first record's name.
    expect(
      heard(service, record(Uint8Array.of(5, ...new TextEncoder().encode('press'), 0xc0, 23), own)),
    ).toBe('press');
  });

  test.each([
    ['another’s address', record(name('press', 'local'), { data: Uint8Array.of(192, 168, 1, 11) })],
    ['a name of the world', record(name('press', 'example'), own)],
    ['a name below another', record(name('a', 'press', 'local'), own)],
    ['a name that is markup', record(name('<b>', 'local'), own)],
    ['another class', record(name('press', 'local'), { ...own, kind: 3 })],
    ['a length that is no address’s', record(name('press', 'local'), { data: Uint8Array.of(1, 2, 3) })],
    ['a reference to itself', record(Uint8Array.of(0xc0, 12), own)],
    ['a reference forwards', record(Uint8Array.of(0xc0, 200), own)],
    ['a label that leads out', record(Uint8Array.of(63, 1), own)],
  ])('%s is no name', (_, given) => expect(heard(given)).toBeNull());

  test('questions and messages that are cut are no answers', () => {
    const whole = answer([record(name('press', 'local'), own)]);
    for (let length = 0; length < whole.length; length++)
      expect(nameInAnswer(whole.subarray(0, length), place)).toBeNull();
    expect(nameInAnswer(answer([record(name('press', 'local'), own)], { flags: 0 }), place)).toBeNull();
    expect(nameInAnswer(answer([record(name('press', 'local'), own)], { questions: 1 }), place)).toBeNull();
  });

  test(`${limits.nameRecords} records are read, and ${limits.nameSteps} steps of a name`, () => {
    const others = (count: number) =>
      Array.from({ length: count }, () => record(name('x', 'local'), { type: 16 }));
    const press = record(name('press', 'local'), own);
    expect(heard(...others(limits.nameRecords - 1), press)).toBe('press');
    expect(heard(...others(limits.nameRecords), press)).toBeNull();
    const long = (labels: number) => record(name(...Array.from({ length: labels }, () => 'x')), { type: 16 });
    expect(heard(long(limits.nameSteps - 1), press)).toBe('press');
    expect(heard(long(limits.nameSteps), press)).toBeNull();
  });

  test('whatever the octets are: a name or none, never an exception', () => {
    const labels = fc.array(fc.constantFrom(0, 1, 5, 63, 64, 0xc0, 12, 0xff, 0x41), { maxLength: 60 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          labels.map((octets) => answer([Uint8Array.from(octets)])),
        ),
        (octets) => {
          const found = nameInAnswer(octets, place);
          expect(found === null || /^[A-Za-z0-9-]{1,63}$/.test(found)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

import { describe, expect, test } from 'vitest';
import { type ChainLink, chainLinks, describeBootChain } from '../../firmware/attestation/boot-chain.ts';
import { parseEventLog } from '../../firmware/attestation/event-log.ts';
import { attestedPcrs, runtimePcr } from '../../firmware/attestation/measured-pcrs.ts';
import { replayEventLog } from '../../firmware/attestation/replay.ts';
import { replayRuntimeLog } from '../../firmware/attestation/runtime-log.ts';
import { toHex } from '../../firmware/bytes/bytes.ts';
import {
  type BootedEvent,
  digest,
  logOf,
  reference,
  releasedBoot,
  runtimeLogOf,
  runtimeMeasurements,
} from './attested-box.ts';
import { ascii, expectedPcrs, recordedLog, sha } from './made-log.ts';

/** What a machine holds that booted so. */
function machine(events: readonly BootedEvent[] = releasedBoot, measurements = runtimeMeasurements) {
  const bootLog = logOf(events);
  const runtimeLog = runtimeLogOf(measurements);
  const replayed = replayEventLog(parseEventLog(bootLog), digest).get('sha256');
  const pcrs = new Map(
    attestedPcrs.map((index): [number, Uint8Array] => [
      index,
      index === runtimePcr
        ? replayRuntimeLog(runtimeLog, digest)
        : (replayed?.get(index) ?? new Uint8Array(32)),
    ]),
  );
  return { bootLog, runtimeLog, pcrs };
}

const comparisons = (chain: readonly ChainLink[]) =>
  Object.fromEntries(chain.map(({ name, comparison }) => [name, comparison]));
const linkOf = (chain: readonly ChainLink[], name: ChainLink['name']) =>
  chain.find((link) => link.name === name);

/** A boot with one event's data replaced. */
const with_ = (wanted: (event: BootedEvent) => boolean, data: string) =>
  releasedBoot.map((event) => (wanted(event) ? { ...event, data: ascii(data) } : event));

describe('the chain of a boot', () => {
  test('of the release is as released where a release decides, and the machine’s own elsewhere', () => {
    const chain = describeBootChain(machine(), reference(), digest);
    expect(chain.map(({ name }) => name)).toEqual(chainLinks);
    expect(comparisons(chain)).toEqual({
      ...{ firmware: 'unknown', loader: 'same', image: 'same', bundle: 'same', settings: 'unknown' },
    });
    for (const { comparison, expected, actual } of chain)
      expect(expected).toBe(comparison === 'same' ? actual : null);
    expect(linkOf(chain, 'settings')?.actual).toBe(toHex(sha('sha256', ascii('settings'))));
    expect(chain.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test.each([
    ['loader', 'loader', 'this is not the released boot loader'],
    ['uki', 'image', 'this is not the released kernel image'],
    ['content .cmdline', 'image', 'this is not the released content of section .cmdline'],
    ['initial RAM disk', 'image', 'this is not the released initial RAM disk'],
  ])('with another %s breaks at the %s alone, with what was expected and what came', (was, name, problem) => {
    const tampered = with_(({ data }) => Buffer.from(data).equals(Buffer.from(ascii(was))), 'tampered');
    const chain = describeBootChain(machine(tampered), reference(), digest);
    expect(chain.filter(({ comparison }) => comparison === 'different').map((link) => link.name)).toEqual([
      name,
    ]);
    const link = linkOf(chain, name as ChainLink['name']);
    expect(link?.problems[0]).toMatchObject({ problem });
    expect(link?.problems[0]?.actual).toBe(toHex(sha('sha256', ascii('tampered'))));
  });

  test('with another bundle breaks at the bundle', () => {
    const other = runtimeMeasurements.map((one) =>
      one.subject === 'bundle' ? { ...one, sha256: 'ab'.repeat(32) } : one,
    );
    const chain = describeBootChain(machine(releasedBoot, other), reference(), digest);
    expect(comparisons(chain)).toMatchObject({ image: 'same', bundle: 'different', settings: 'unknown' });
    expect(linkOf(chain, 'bundle')).toMatchObject({ actual: 'ab'.repeat(32) });
  });

  test('whose log does not lead to the TPM’s values breaks wherever it does not, with and without a release', () => {
    const held = machine();
    for (const pcr of [0, 4, 11, 15]) held.pcrs.set(pcr, new Uint8Array(32).fill(9));
    for (const against of [reference(), null])
      expect(new Set(Object.values(comparisons(describeBootChain(held, against, digest))))).toEqual(
        new Set(['different']),
      );
  });

  test('without a release says what was measured and compares nothing', () => {
    const chain = describeBootChain(machine(), null, digest);
    expect(new Set(chain.map(({ comparison }) => comparison))).toEqual(new Set(['unknown']));
    expect(linkOf(chain, 'loader')?.actual).toBe(toHex(sha('sha256', ascii('loader'))));
    expect(chain.map(({ expected }) => expected)).toEqual(chainLinks.map(() => null));
  });

  test('of a recorded machine that booted something else is told from its own log', () => {
    const log = 'own-ovmf-stub-257.bin';
    const pcrs = new Map(attestedPcrs.map((index): [number, Uint8Array] => [index, new Uint8Array(32)]));
    for (const [index, value] of Object.entries(expectedPcrs[log]?.['sha256'] ?? {}))
      pcrs.set(Number(index), new Uint8Array(Buffer.from(value, 'hex')));
    const chain = describeBootChain({ pcrs, bootLog: recordedLog(log), runtimeLog: [] }, reference(), digest);
    expect(comparisons(chain)).toEqual({
      ...{ firmware: 'unknown', loader: 'different', image: 'different', bundle: 'different' },
      settings: 'unknown',
    });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Evidence } from '../../firmware/attestation/evidence.ts';
import { type Swtpm, startSwtpm } from '../tpm/swtpm.ts';
import {
  type BootedEvent,
  bootInto,
  evidenceOf,
  logOf,
  reference,
  releasedBoot,
  runtimeLogOf,
  runtimeMeasurements,
} from './attested-box.ts';
import { type EnrolledBox, failedChecks, nonce, startEnrolledBox } from './enrolled-box.ts';
import { ascii, utf16 } from './made-log.ts';

let enrolled: EnrolledBox;
let box: Swtpm;
let evidence: Evidence;

beforeAll(async () => {
  enrolled = await startEnrolledBox();
  ({ box, evidence } = enrolled);
});
afterAll(async () => {
  await enrolled[Symbol.asyncDispose]();
});

const appraised: EnrolledBox['appraised'] = (shown, changes) => enrolled.appraised(shown, changes);

describe('5: the event log', () => {
  const withLog = (events: readonly BootedEvent[]) => appraised({ ...evidence, bootLog: logOf(events) });
  const placeOf = (text: string) => {
    const index = releasedBoot.findIndex(({ data }) => Buffer.from(data).toString('latin1').includes(text));
    expect(index).toBeGreaterThanOrEqual(0);
    return index;
  };

  test('an event that was removed is named by its PCR and by what stands in its place', () => {
    const place = placeOf('content .cmdline');
    const verdict = withLog(releasedBoot.toSpliced(place, 1));
    expect(failedChecks(verdict)).toEqual(['event-log', 'boot']);
    expect(verdict.findings).toContainEqual(
      expect.objectContaining({
        check: 'boot',
        pcr: 11,
        problem: 'this is not the released content of section .cmdline',
        // The header is event 0.
        event: expect.objectContaining({ index: place + 1 }),
      }),
    );
  });

  test('events in another order are named', () => {
    const [left, right] = [placeOf('loader'), placeOf('uki')];
    const events = releasedBoot
      .with(left, releasedBoot[right] as BootedEvent)
      .with(right, releasedBoot[left] as BootedEvent);
    const verdict = withLog(events);
    expect(failedChecks(verdict)).toEqual(['event-log', 'boot']);
    expect(verdict.findings.map(({ pcr, event }) => [pcr, event?.index])).toEqual([
      [4, left + 1],
      [4, left + 1],
      [4, right + 1],
    ]);
  });

  test('an event of the machine’s own PCRs that was removed is noticed by the PCR', () => {
    const verdict = withLog(releasedBoot.slice(1));
    expect(failedChecks(verdict)).toEqual(['event-log']);
    expect(verdict.findings[0]).toMatchObject({
      pcr: 0,
      problem: 'the boot log does not lead to what the TPM holds',
    });
  });

  test.each([0, 1, 40, 400])('a log of %i octets is refused', (size) => {
    const verdict = appraised({ ...evidence, bootLog: evidence.bootLog.subarray(0, size) });
    expect(failedChecks(verdict)).toContain('event-log');
  });

  test('data and types of events do not count, digests do', () => {
    const lying = new Uint8Array(evidence.bootLog);
    const place = Buffer.from(lying).indexOf('initial RAM disk');
    lying.set(ascii('INITIAL'), place);
    expect(appraised({ ...evidence, bootLog: lying }).status).toBe('affirming');
  });
});

describe('5: what booted, by other TPMs that booted it', () => {
  const booted = async (events: readonly BootedEvent[]) => {
    await using swtpm = await startSwtpm();
    const shown = await swtpm.use(async (tpm) => {
      await bootInto(tpm, events);
      return evidenceOf(tpm, nonce, events);
    });
    const verdict = appraised(shown, { anyTpm: true, activation: null });
    expect(failedChecks(verdict)).toEqual(['boot']);
    return verdict.findings;
  };
  const replaced = (from: string, to: Uint8Array) => {
    const index = releasedBoot.findIndex(({ data }) => Buffer.from(data).equals(Buffer.from(ascii(from))));
    return releasedBoot.with(index, { ...(releasedBoot[index] as BootedEvent), data: to });
  };

  test('another kernel image', async () => {
    expect(await booted(replaced('uki', ascii('other uki')))).toMatchObject([
      { pcr: 4, problem: 'this is not the released kernel image' },
    ]);
  });

  test('another initial RAM disk inside the kernel image', async () => {
    expect(await booted(replaced('content .initrd', ascii('other')))).toMatchObject([
      { pcr: 11, problem: 'this is not the released content of section .initrd' },
    ]);
  });

  test('another kernel, and an initial RAM disk to which something was added: each is named', async () => {
    const events = replaced('content .linux', ascii('other')).map((event) =>
      event.pcr === 9 && Buffer.from(event.data).equals(ascii('initial RAM disk'))
        ? { ...event, data: ascii('initial RAM disk, and more') }
        : event,
    );
    const withInitrd = events.map((event) =>
      Buffer.from(event.data).equals(ascii('content .initrd')) ? { ...event, data: ascii('more') } : event,
    );
    expect(await booted(withInitrd)).toMatchObject([
      { pcr: 9, problem: 'this is not the released initial RAM disk' },
      { pcr: 11, problem: 'this is not the released content of section .linux' },
      { pcr: 11, problem: 'this is not the released content of section .initrd' },
    ]);
  });

  test('another command line, which comes from outside', async () => {
    const line = utf16('init=/bin/sh\0');
    const events = [
      ...releasedBoot.map((event) =>
        Buffer.from(event.data).toString('utf16le').startsWith('roothash=')
          ? { ...event, data: line }
          : event,
      ),
      { pcr: 12, type: 0x0d, data: line },
    ];
    expect(await booted(events)).toMatchObject([
      { pcr: 9, problem: 'this is not the released command line' },
      { pcr: 12, problem: expect.stringContaining('command line'), expected: 'nothing more' },
    ]);
  });

  test('something that is started before the boot loader', async () => {
    const early = { pcr: 4, type: 0x8000_0003, data: ascii('implant') };
    expect(await booted([early, ...releasedBoot])).toMatchObject([
      { pcr: 4, problem: 'something was started before the boot loader', event: { index: 1 } },
    ]);
  });

  test('firmware that never ends its part', async () => {
    const events = releasedBoot.filter(({ pcr, type }) => type !== 4 || pcr === 4);
    const findings = await booted(events);
    expect(findings.map(({ pcr }) => pcr)).toEqual([0, 1, 2, 3, 5, 6, 7]);
  });
});

describe('5: the runtime', () => {
  const withRuntime = (runtimeLog: Evidence['runtimeLog']) => appraised({ ...evidence, runtimeLog });
  test('a record that is missing, in another place or changed is noticed', () => {
    const log = runtimeLogOf(runtimeMeasurements);
    for (const changed of [log.slice(1), log.slice(0, -1), log.toReversed(), []])
      expect(failedChecks(withRuntime(changed))).toEqual(['runtime']);
  });

  test('a log that is behind the TPM for some seconds is waited for, and for longer shown as it is', async () => {
    const collected = (behind: number) => box.use((tpm) => evidenceOf(tpm, nonce, releasedBoot, behind));
    expect(failedChecks(appraised(await collected(5)))).toEqual([]);
    expect(failedChecks(appraised(await collected(6)))).toEqual(['runtime']);
  });

  test('another bundle than the release’s is named', () => {
    const other = { ...reference(), bundle: 'ab'.repeat(32) };
    const verdict = appraised(evidence, { reference: other });
    expect(verdict.findings).toMatchObject([
      { check: 'runtime', pcr: 15, event: { text: 'bundle' }, expected: other.bundle },
    ]);
  });
});

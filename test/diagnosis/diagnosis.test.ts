import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CaptureQuery } from '../../firmware/webui/api/diagnostics-route.ts';
import { limits } from '../../firmware/webui/limits.ts';
import { items } from '../capture/capture-file.ts';
import { openTestDiagnosis } from '../webui/test-diagnostics.ts';

const query: CaptureQuery = {
  ...{ link: 'br-lan', filter: '', snapLength: 1600, count: 1000 },
  ...{ kibibytes: 64, rate: 1000, seconds: 60 },
};
/** An Ethernet frame of IPv4 with nothing in it. */
const frame = new Uint8Array(60);
frame.set([0x08, 0x00, 0x45], 12);

describe('a ping', () => {
  test('one at a time', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { diagnosis } = openTestDiagnosis({
      echo: async () => {
        await promise;
        return { ok: false, problem: 'nothing' };
      },
    });
    const first = diagnosis.ping({ to: 'wien', count: 1 });
    expect(await diagnosis.ping({ to: 'wien', count: 1 })).toMatchObject({ code: 'diagnosis-running' });
    resolve();
    expect(await first).toMatchObject({ ok: true });
    expect(await diagnosis.ping({ to: 'wien', count: 1 })).toMatchObject({ ok: true });
  });
});

describe('a trace', () => {
  test('is seen while it runs, and afterwards', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const hops = [
      { hop: 1, address: '192.0.2.1', ms: 1, note: null },
      { hop: 2, address: '10.1.2.3', ms: 2, note: null },
    ];
    const { diagnosis } = openTestDiagnosis({
      trace: async (_, { onHops }) => {
        onHops(hops.slice(0, 1));
        await promise;
        return { ok: true, value: hops };
      },
    });
    expect(diagnosis.traceroute()).toBeNull();
    const asked = { to: '10.1.2.3', underlay: false, hops: 5 };
    expect(await diagnosis.startTraceroute(asked)).toMatchObject({ ok: true });
    expect(diagnosis.traceroute()).toMatchObject({
      state: 'running',
      reached: false,
      hops: hops.slice(0, 1),
    });
    expect(await diagnosis.startTraceroute(asked)).toMatchObject({ code: 'diagnosis-running' });
    resolve();
    await vi.waitFor(() =>
      expect(diagnosis.traceroute()).toMatchObject({ state: 'ended', reached: true, hops }),
    );
  });
});

describe('a capture', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is counted while it runs, fetched once it is over, and then gone', async () => {
    const { diagnosis, system } = openTestDiagnosis();
    expect(await diagnosis.startCapture(query)).toMatchObject({ ok: true, value: { state: 'running' } });
    system.frame(frame);
    expect(diagnosis.capture()).toMatchObject({ written: 1, octets: 24 + 16 + 60, deletedAt: null });
    expect(diagnosis.readCapture()).toMatchObject({ code: 'diagnosis-running' });
    expect(await diagnosis.startCapture(query)).toMatchObject({ code: 'diagnosis-running' });
    expect(await diagnosis.stopCapture()).toMatchObject({
      value: { state: 'ended', ended: 'stopped', written: 1 },
    });
    expect(system.listening).toBe(0);
    const read = diagnosis.readCapture();
    if (!read.ok) throw new Error(read.detail);
    const content = new Uint8Array(await new Response(read.value.content).arrayBuffer());
    expect(content.length).toBe(read.value.octets);
    expect(await items(content)).toMatchObject([{ type: 'frame' }]);
    expect([diagnosis.capture(), system.file]).toEqual([null, null]);
    expect(diagnosis.readCapture()).toMatchObject({ code: 'diagnosis-none' });
  });

  test('ends by itself, and its file does not wait for ever', async () => {
    const { diagnosis, system } = openTestDiagnosis();
    await diagnosis.startCapture({ ...query, seconds: 2 });
    await vi.advanceTimersByTimeAsync(2000);
    expect(diagnosis.capture()).toMatchObject({ state: 'ended', ended: 'time' });
    await vi.advanceTimersByTimeAsync(limits.captureKeptMs - 1);
    expect(system.file).not.toBeNull();
    await vi.advanceTimersByTimeAsync(1);
    expect([diagnosis.capture(), system.file]).toEqual([null, null]);
  });

  test('a new one takes the place of one that was not fetched, and is not deleted in its stead', async () => {
    const { diagnosis, system } = openTestDiagnosis();
    await diagnosis.startCapture({ ...query, seconds: 1 });
    await vi.advanceTimersByTimeAsync(1000);
    const before = diagnosis.readCapture();
    await diagnosis.startCapture({ ...query, seconds: 3600 });
    await vi.advanceTimersByTimeAsync(limits.captureKeptMs);
    // The end of a download that began before deletes nothing that came since.
    if (before.ok) await new Response(before.value.content).arrayBuffer();
    expect([diagnosis.capture()?.state, system.file?.length]).toEqual(['running', 24]);
  });

  test('ends at its bounds of frames and octets, and where the file cannot be written on', async () => {
    const { diagnosis, system } = openTestDiagnosis();
    await diagnosis.startCapture({ ...query, count: 1 });
    system.frame(frame);
    system.frame(frame);
    await diagnosis.stopCapture();
    expect(diagnosis.capture()).toMatchObject({ ended: 'count', written: 1 });
    await diagnosis.startCapture({ ...query, kibibytes: 1 });
    for (let count = 0; count < 20; count++) system.frame(frame);
    expect(await diagnosis.stopCapture()).toMatchObject({ value: { ended: 'size' } });
    expect(system.file?.length).toBeLessThanOrEqual(1024);

    let full = false;
    const broken = openTestDiagnosis({
      captureFile: {
        create: () => ({
          write: () => {
            if (full) throw new Error('ENOSPC');
          },
          close: () => {},
        }),
        read: () => new ReadableStream(),
        remove: async () => {},
      },
    });
    await broken.diagnosis.startCapture(query);
    full = true;
    broken.system.frame(frame);
    expect(await broken.diagnosis.stopCapture()).toMatchObject({ value: { ended: 'size' } });
    expect(broken.system.listening).toBe(0);
  });

  test('only what the filter wants', async () => {
    const { diagnosis, system } = openTestDiagnosis();
    await diagnosis.startCapture({ ...query, filter: 'tcp' });
    system.frame(frame);
    expect(diagnosis.capture()).toMatchObject({ written: 0, filtered: 1 });
    await diagnosis.close();
    expect([system.listening, system.file]).toEqual([0, null]);
  });

  test.each([
    [{ filter: 'vlan 7' }, { code: 'bad-request', field: 'filter' }],
    [{ link: 'no-such' }, { code: 'bad-request', field: 'link' }],
    [{ link: 'tunnel' }, { code: 'diagnosis-failed', detail: expect.stringContaining('no such device') }],
  ])('%j is refused, and nothing is left open', async (asked, refusal) => {
    const { diagnosis, system } = openTestDiagnosis();
    expect(await diagnosis.startCapture({ ...query, ...asked })).toMatchObject({ ok: false, ...refusal });
    expect([diagnosis.capture(), system.listening]).toEqual([null, 0]);
  });

  test('a port of the box is known by its name', async () => {
    const { diagnosis } = openTestDiagnosis();
    const [port] = (await import('../webui/status-fixtures.ts')).normalStatus(0).network.interfaces;
    expect(await diagnosis.startCapture({ ...query, link: port?.name ?? '' })).toMatchObject({ ok: true });
  });
});

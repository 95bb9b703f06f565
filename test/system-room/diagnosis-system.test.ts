import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Diagnosis } from '../../firmware/diagnosis/diagnosis.ts';
import { diagnosisSystem } from '../../firmware/system/diagnosis-system.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { items } from '../capture/capture-file.ts';
import { missingForNamespaces } from '../netd/namespace.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { testPolicy } from '../webui/test-policy.ts';

vi.setConfig({ testTimeout: 60_000 });
const missing = missingForNamespaces();
const own = '127.0.0.2';

/** As the box has it: this gateway speaks from an address of its own. */
const explain: typeof testPolicy.explain = (query) => {
  const result = testPolicy.explain(query);
  return result.ok
    ? { ok: true, value: { ...result.value, from: { ...result.value.from, address: own } } }
    : result;
};

describe.skipIf(missing !== null)(
  `diagnosis on this system${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('what a ping sends is in the capture that ran meanwhile, and the file is gone once it was read', async () => {
      using folder = new ScratchFolder();
      const diagnosis = new Diagnosis({
        ...diagnosisSystem(folder.path),
        explain,
        status: () => normalStatus(0),
      });
      const bounds = { snapLength: 64, count: 1000, kibibytes: 64, rate: 1000, seconds: 60 };
      expect(
        await diagnosis.startCapture({ link: 'lo', filter: `icmp and host ${own}`, ...bounds }),
      ).toMatchObject({ ok: true });
      const file = join(folder.path, 'capture.pcap');
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(await diagnosis.ping({ to: '127.0.0.1', count: 2 })).toMatchObject({
        value: { outcome: 'answered', echo: { from: own, sent: 2, received: 2 } },
      });
      // The loopback shows each of them going and coming.
      await vi.waitFor(() => expect(diagnosis.capture()?.written).toBeGreaterThanOrEqual(8), 20_000);
      const stopped = await diagnosis.stopCapture();
      const read = diagnosis.readCapture();
      if (!stopped.ok || !read.ok) throw new Error('The capture is gone.');
      const octets = new Uint8Array(await new Response(read.value.content).arrayBuffer());
      expect(octets.length).toBe(read.value.octets);
      expect(await items(octets)).toHaveLength(stopped.value.written);
      await vi.waitFor(() => expect(existsSync(file)).toBe(false));
    });

    test('a trace tells of hops and its end', async () => {
      using folder = new ScratchFolder();
      const diagnosis = new Diagnosis({
        ...diagnosisSystem(folder.path),
        explain,
        status: () => normalStatus(0),
      });
      await diagnosis.startTraceroute({ to: '127.0.0.1', underlay: false, hops: 3 });
      await vi.waitFor(() => expect(diagnosis.traceroute()?.state).toBe('ended'), 20_000);
      expect(diagnosis.traceroute()).toMatchObject({
        reached: true,
        hops: [{ hop: 1, address: '127.0.0.1' }],
      });
    });
  },
);

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { items } from '../capture/capture-file.ts';
import { eventually, Laboratory, missingForNamespaces } from '../netd/namespace.ts';

vi.setConfig({ testTimeout: 60_000 });
const missing = missingForNamespaces();
const main = fileURLToPath(new URL('../../firmware/main.ts', import.meta.url));

describe.skipIf(missing !== null)(`hithe capture${missing === null ? '' : ` (${missing})`}`, () => {
  async function site(lab: Laboratory): Promise<void> {
    await lab.namespaces('box', 'host');
    await lab.cable('box:lan', 'host:eth0');
    for (const words of ['link set lan up', 'address add 192.168.1.1/24 dev lan']) await lab.ip('box', words);
    for (const words of ['link set eth0 up', 'address add 192.168.1.10/24 dev eth0'])
      await lab.ip('host', words);
  }
  const hithe = (lab: Laboratory, ...args: readonly string[]) =>
    lab.run('box', process.execPath, [main, 'capture', ...args]);

  test('writes both directions of what the filter wants, cut, for root’s eyes alone', async () => {
    await using lab = new Laboratory();
    await site(lab);
    const file = join(lab.folder, 'ping.pcap');
    const bounds = [
      '--filter',
      'icmp and host 192.168.1.10',
      '--count',
      '4',
      '--snaplen',
      '64',
      '--seconds',
      '30',
    ];
    const running = hithe(lab, 'lan', '--out', file, '--json', ...bounds);
    await eventually(
      async () => {
        await lab.pings('host', '192.168.1.1');
        return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      },
      (size) => size === 24 + 4 * (16 + 64),
      30_000,
    );
    const { status, stdout } = await running;
    expect([status, JSON.parse(stdout)]).toMatchObject([
      0,
      { ended: 'count', written: 4, overRate: 0, dropped: 0 },
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const frames = await items(readFileSync(file));
    // ICMP's type: requests of one side, answers of the other.
    const types = frames?.map((frame) => (frame.type === 'frame' ? frame.frame.octets[34] : null));
    expect(types?.toSorted()).toEqual([0, 0, 8, 8]);
    // What is there already is not written over.
    expect(await hithe(lab, 'lan', '--out', file)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('EEXIST'),
    });
  });

  test('ends when its time is up, and says that there is no such link', async () => {
    await using lab = new Laboratory();
    await site(lab);
    const file = join(lab.folder, 'nothing.pcap');
    const { status, stdout } = await hithe(lab, 'lan', '--out', file, '--seconds', '1', '--filter', 'esp');
    expect([status, stdout]).toEqual([0, expect.stringContaining('0 frames, 24 octets')]);
    expect(await items(readFileSync(file))).toEqual([]);
    const none = await hithe(lab, 'tunnel', '--out', join(lab.folder, 'no.pcap'));
    expect(none).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing was captured') });
    expect(statSync(join(lab.folder, 'no.pcap'), { throwIfNoEntry: false })).toBeUndefined();
    expect(await hithe(lab, 'lan', '--out', file, '--filter', 'vlan 7')).toMatchObject({ status: 2 });
  });
});

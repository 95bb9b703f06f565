import { describe, expect, test, vi } from 'vitest';
import { eventually, Laboratory, missingForNamespaces } from '../namespace.ts';
import { answer, name, own, record } from './multicast-answer.ts';
import type { DiscoveryAnswer } from './namespace-discovery.ts';
import type { Say } from './namespace-say.ts';

vi.setConfig({ testTimeout: 60_000 });
const missing = missingForNamespaces();

describe.skipIf(missing !== null)(`who is on the LAN${missing === null ? '' : ` (${missing})`}`, () => {
  test('a host is listed once the gateway has heard it, by the name that it tells the others', async () => {
    await using lab = new Laboratory();
    await lab.namespaces('box', 'host');
    const plug = async () => {
      await lab.cable('box:lan', 'host:eth0');
      for (const words of [
        'link set lan up',
        'address add 192.168.1.1/24 dev lan',
        'address add fd01::1/64 dev lan nodad',
      ])
        await lab.ip('box', words);
      for (const words of [
        'link set eth0 address 02:00:00:00:00:10 up',
        'address add 192.168.1.10/24 dev eth0',
        'address add fd01::10/64 dev eth0 nodad',
      ])
        await lab.ip('host', words);
    };
    await plug();
    const box = lab.converse('box', './policy/namespace-discovery.ts', [lab.folder]);
    const list = () => box.ask<DiscoveryAnswer>('list');
    expect(await list()).toEqual([]);
    const say = (octets: Uint8Array) =>
      lab.node('host', './policy/namespace-say.ts', {
        ...{ from: '192.168.1.10', to: '224.0.0.251', port: 5353 },
        octets: Buffer.from(octets).toString('hex'),
      } satisfies Say);
    await lab.pings('host', '192.168.1.1');
    const seen = { mac: '02:00:00:00:00:10', address: '192.168.1.10', state: 'not seen', hostName: null };
    expect(await list()).toMatchObject([seen]);
    await say(answer([record(name('other', 'local'), { data: Uint8Array.of(192, 168, 1, 11) })]));
    await say(answer([record(name('press', 'local'), own)]));
    const named = (found: DiscoveryAnswer) => found[0]?.hostName === 'press';
    expect(await eventually(list, named)).toMatchObject([{ ...seen, hostName: 'press' }]);

    // A link that goes and comes back is listened to again.
    await lab.ip('box', 'link delete lan');
    await list();
    await plug();
    await list();
    await lab.pings('host', '192.168.1.1');
    await say(answer([record(name('robot', 'local'), own)]));
    const renamed = (found: DiscoveryAnswer) => found[0]?.hostName === 'robot';
    expect(await eventually(list, renamed)).toMatchObject([{ hostName: 'robot' }]);
  });
});

import { describe, expect, test, vi } from 'vitest';
import type { SettingsLayer } from '../../firmware/store/settings-schema.ts';
import { type Conversation, eventually, Laboratory, missingForNamespaces } from '../netd/namespace.ts';
import type { ConfigurationAnswer, ConfigurationRequest } from './configuration-daemon.fixture.ts';

// Namespaces, programs and countdowns take their time on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

const missing = missingForNamespaces();
const hit = '2001:20::1';
const layer = (address: string, hostname = 'gate'): SettingsLayer => ({
  ...{ version: 1, hostname },
  network: { underlay: { ipv4: { address, gateway: '10.0.0.1', dns: [] }, ipv6: 'off' } },
  overlay: { peers: [{ name: 'plant', uri: `hip://10.0.0.1/${hit}`, protectedPrefixes: [] }] },
});
const [good, bad] = ['10.0.0.2/24', '10.66.0.2/24'];

async function site(lab: Laboratory): Promise<() => Promise<Conversation>> {
  await lab.namespaces('box', 'provider', 'lan');
  await lab.cable('box:eth0', 'provider:wan');
  await lab.cable('box:eth1', 'lan:eth0');
  await lab.ip('provider', 'link set wan up');
  await lab.ip('provider', 'address add 10.0.0.1/24 dev wan');
  return async () => {
    const box = lab.converse('box', '../boot/configuration-daemon.fixture.ts', [lab.folder, hit, '10.0.0.1']);
    await box.next();
    return box;
  };
}

const addresses = (lab: Laboratory) => lab.ip('box', '-4 -o address show dev eth0');

async function tell(box: Conversation, request: ConfigurationRequest): Promise<ConfigurationAnswer> {
  box.send(request);
  return await box.next<ConfigurationAnswer>(() => true, 60_000);
}

describe.skipIf(missing !== null)(
  `settings on trial on a kernel${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('a change that cuts the box off from its peer heals by itself; one that does not stays', async () => {
      await using lab = new Laboratory();
      const box = await (await site(lab))();
      const first = await tell(box, { do: 'apply', layer: layer(good), seconds: 30, automatic: false });
      expect(first).toMatchObject({ ok: true, onTrial: 1 });
      expect(await tell(box, { do: 'confirm' })).toMatchObject({ ok: true, revision: 1, onTrial: null });
      expect(await lab.pings('box', '10.0.0.1')).toBe(true);

      const worse = { do: 'apply', layer: layer(bad), seconds: 5, automatic: true } as const;
      expect(await tell(box, worse)).toMatchObject({ ok: true, onTrial: 2 });
      expect(await addresses(lab)).toContain(bad);
      expect(await lab.pings('box', '10.0.0.1')).toBe(false);
      const over = () => tell(box, { do: 'read' });
      expect(await eventually(over, ({ onTrial }) => onTrial === null, 30_000)).toMatchObject({
        ...{ revision: 1, onTrial: null, outcomes: ['reverted', 'confirmed'] },
      });
      // The outcome is written down first, so that a power cut meanwhile finds it.
      const healed = await eventually(
        () => addresses(lab),
        (text) => text.includes(good),
        10_000,
      );
      expect(healed).toContain(good);
      expect(await lab.pings('box', '10.0.0.1')).toBe(true);

      const better = { do: 'apply', layer: layer(good, 'plant-7'), seconds: 60, automatic: true } as const;
      expect(await tell(box, better)).toMatchObject({ ok: true, onTrial: 3 });
      expect(await eventually(over, ({ onTrial }) => onTrial === null, 30_000)).toMatchObject({
        revision: 3,
      });
    });

    test('after a power cut in the countdown the box has what was confirmed last', async () => {
      await using lab = new Laboratory();
      const start = await site(lab);
      const before = await start();
      await tell(before, { do: 'apply', layer: layer(good), seconds: 60, automatic: false });
      await tell(before, { do: 'confirm' });
      await tell(before, { do: 'apply', layer: layer(bad), seconds: 600, automatic: false });
      expect(await addresses(lab)).toContain(bad);
      before.kill();
      const after = await start();
      expect(await tell(after, { do: 'read' })).toMatchObject({
        ...{ revision: 1, onTrial: null, outcomes: ['interrupted', 'confirmed'] },
      });
      expect(await addresses(lab)).toContain(good);
      expect(await addresses(lab)).not.toContain(bad);
    });
  },
);

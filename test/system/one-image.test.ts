import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import type { BuiltImage } from '../../image-builder/build.ts';
import { Gateway, type GatewayOptions } from '../../qemu/gateway.ts';
import { disguises } from '../../qemu/smbios.ts';
import { assertUntouched, bootableImage } from './image.ts';

type Disguise = {
  readonly name: string;
  readonly hardware: Partial<GatewayOptions>;
  readonly platform: Partial<Status['platform']>;
  readonly driver: string;
};

const cases: readonly Disguise[] = [
  {
    name: 'aws',
    // NitroTPM is an option that most instances do without. Other clouds: clouds.test.ts.
    hardware: { smbios: disguises.aws, diskBus: 'nvme', tpm: false },
    platform: { platform: 'aws', kind: 'cloud', boardProfile: 'aws-nitro' },
    driver: 'virtio_net',
  },
  {
    name: 'physical',
    hardware: {
      smbios: disguises.protectli,
      looksPhysical: true,
      diskBus: 'ahci',
      cardModel: 'e1000e',
      tpm: false,
    },
    platform: { platform: 'board', kind: 'board', boardProfile: 'protectli-vp2420' },
    driver: 'e1000e',
  },
];

let image: BuiltImage;
beforeAll(async () => {
  image = await bootableImage();
});
afterAll(() => assertUntouched(image));

describe.each(cases)(
  'the image on a machine that looks like $name',
  ({ name, hardware, platform, driver }) => {
    test('knows where it is, has its ports up and serves its page', async () => {
      await using gateway = await Gateway.start({ name: `image-${name}`, image, ...hardware });
      await gateway.waitForPage();
      const status = await gateway.page.waitForStatus(
        'network applied, TPM looked for',
        ({ network, tpm }) => network.state === 'applied' && tpm.state !== 'pending',
        60_000,
      );
      expect(status.platform).toMatchObject(platform);
      expect(status.image).toMatchObject({ version: image.version, rootHash: image.rootHash });
      const ports = status.network.interfaces.filter((card) => /^port\d$/.test(card.name));
      expect(ports.map((port) => [port.name, port.role, port.driver, port.link])).toEqual([
        ['port1', 'underlay', driver, 'up'],
        ['port2', 'lan', driver, 'up'],
      ]);
      expect(status.tpm.state).toBe(hardware.tpm === false ? 'absent' : 'present');
      // A key that is a file is for somebody to allow.
      if (hardware.tpm === false) {
        const { identity } = await gateway.page.waitForStatus(
          'why there is no identity',
          ({ identity: found }) => found.problem !== null,
          60_000,
        );
        expect(identity).toMatchObject({ keyStorage: 'none', problem: 'SOFTWARE_REFUSED' });
      }
    });
  },
);

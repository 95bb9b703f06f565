import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BuiltImage } from '../../image-builder/build.ts';
import { Gateway } from '../../qemu/gateway.ts';
import { disguises } from '../../qemu/smbios.ts';
import { assertUntouched, bootableImage } from './image.ts';

/** The bytes that clouds.test.ts boots as instances, on a machine that looks like a small box with no TPM. */
let image: BuiltImage;
beforeAll(async () => {
  image = await bootableImage();
});
afterAll(() => assertUntouched(image));

test('the image on a physical box knows where it is, has its ports up and serves its page', async () => {
  await using gateway = await Gateway.start({
    ...{ name: 'image-physical', image, smbios: disguises.protectli, looksPhysical: true, tpm: false },
    ...{ diskBus: 'ahci', cardModel: 'e1000e' },
  });
  await gateway.waitForPage();
  const status = await gateway.page.waitForStatus(
    'network applied, TPM looked for, why there is no identity',
    ({ network, tpm, identity }) =>
      network.state === 'applied' && tpm.state !== 'pending' && identity.problem !== null,
    120_000,
  );
  expect(status.platform).toMatchObject({
    ...{ platform: 'board', kind: 'board', boardProfile: 'protectli-vp2420' },
  });
  expect(status.image).toMatchObject({ version: image.version, rootHash: image.rootHash });
  const ports = status.network.interfaces.filter((card) => /^port\d$/.test(card.name));
  expect(ports.map((port) => [port.name, port.role, port.driver, port.link])).toEqual([
    ['port1', 'underlay', 'e1000e', 'up'],
    ['port2', 'lan', 'e1000e', 'up'],
  ]);
  expect(status.tpm.state).toBe('absent');
  // A key that is a file is for somebody to allow.
  expect(status.identity).toMatchObject({ keyStorage: 'none', problem: 'SOFTWARE_REFUSED' });
});

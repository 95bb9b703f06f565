import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import type { BuiltImage } from '../../image-builder/build.ts';
import { cardMac, gatewayDiskMiB } from '../../qemu/gateway.ts';
import { Machine } from '../../qemu/machine.ts';
import { userNetwork } from '../../qemu/network.ts';
import { PageClient } from '../../qemu/page-client.ts';
import { disguises } from '../../qemu/smbios.ts';
import { metadataService } from '../boot/platform/metadata-service.ts';
import { assertUntouched, bootableImage } from './image.ts';

/**
 * A gateway with one port, which says that it is an instance of EC2 and stands beside EC2's metadata service: link-local
 * addresses, tokens insisted on.
 */
const conductor = 'hip://conductor.example:10500/2001:20::7';
const service = createServer(metadataService.linkLocal);
let image: BuiltImage;
let machine: Machine;
let page: PageClient;
let status: Status;

beforeAll(async () => {
  image = await bootableImage();
  metadataService.become({
    behaviour: 'broken-once',
    userData: JSON.stringify({ version: 1, hostname: 'cloud-7', conductor: { uri: conductor } }),
  });
  await once(service.listen(0, '127.0.0.1'), 'listening');
  const underlay = await userNetwork({
    ...{ prefix: '169.254.0.0/16', host: '169.254.0.1' },
    // The first address that QEMU's DHCP server gives.
    forward: { address: '169.254.2.15', port: 443 },
    service: { address: '169.254.169.254', localPort: (service.address() as AddressInfo).port },
  });
  machine = await Machine.start({
    ...{ name: 'cloud', boot: 'uefi', memoryMiB: 512, cpus: 2, tpm: true, watchdog: true },
    ...{
      diskMiB: gatewayDiskMiB,
      image: image.imagePath,
      probeKernel: image.kernelPath,
      smbios: disguises.aws,
    },
    networkCards: [{ model: 'virtio-net-pci', mac: cardMac(1, 1), network: underlay }],
  });
  page = new PageClient(underlay.forwardedPort);
  await page.waitForPage();
  status = await page.waitForStatus(
    'the user-data was taken',
    ({ hostname, network }) => hostname === 'cloud-7' && network.state === 'applied',
    120_000,
  );
});
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  service.close();
  if (image !== undefined) await assertUntouched(image);
});

describe('a gateway with one port in a cloud', () => {
  test('has its page on the underlay while nobody has claimed it', () => {
    expect(status.claimed).toBe(false);
    expect(status.network).toMatchObject({ state: 'applied', detail: null });
    // The overlay's device comes a moment later.
    const ports = status.network.interfaces.filter(({ name }) => /^port\d+$/.test(name));
    expect(ports).toMatchObject([
      {
        ...{ name: 'port1', role: 'underlay', link: 'up' },
        addresses: expect.arrayContaining(['169.254.2.15/16']),
      },
    ]);
  });

  test('knows where it is and takes its settings from the metadata service, asked again when it was not ready', () => {
    expect(status.conductor).toBe(conductor);
    expect(status.platform).toMatchObject({ platform: 'aws', dataSource: 'imds' });
    const messages = status.log.map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringContaining('it answers with status 503'));
    expect(messages).toContainEqual('Settings taken from the user-data of aws as revision 1');
    expect(status.warnings.map(({ code }) => code)).not.toContain('NO_METADATA');
  });
});

import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import type { BuiltImage } from '../../image-builder/build.ts';
import { cardMac, gatewayDiskMiB } from '../../qemu/gateway.ts';
import { Machine } from '../../qemu/machine.ts';
import type { Disc, DiskBus } from '../../qemu/machine-arguments.ts';
import { userNetwork } from '../../qemu/network.ts';
import { PageClient } from '../../qemu/page-client.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { disguises, type SmbiosIdentity } from '../../qemu/smbios.ts';
import { metadataService, type ServiceRequest } from '../boot/platform/metadata-service.ts';
import { assertUntouched, bootableImage } from './image.ts';

/**
 * The image as a machine with one processor and one port in each cloud: firmware tables that say so, and the cloud's metadata service at
 * its own address beside the port, as strict as it is and at first not at its best. The kernel is given by hand: UEFI's
 * part is the same everywhere, and other files' matter. A settings disc (NoCloud) is theirs, too.
 */
const conductor = 'hip://conductor.example:10500/2001:20::7';
const line = `hithe: ${conductor}\n`;
const document = (hostname: string) =>
  JSON.stringify({ version: 1, hostname, conductor: { uri: conductor } });

const services = {
  linkLocal: { prefix: '169.254.0.0/16', host: '169.254.0.1', at: '169.254.169.254', box: '169.254.2.15' },
  alibaba: { prefix: '100.64.0.0/10', host: '100.64.0.1', at: '100.100.100.200', box: '100.64.2.15' },
} as const;

type Cloud = {
  readonly name: string;
  readonly smbios: SmbiosIdentity;
  readonly diskBus?: DiskBus;
  readonly service: keyof typeof services;
  readonly has: ServiceRequest;
  /** The recording of an optical disc. */
  readonly disc?: string;
  /** Files of a volume that is there from the start, by its label. */
  readonly volume?: { readonly label: string; readonly files: Readonly<Record<string, string>> };
  readonly platform: Partial<Status['platform']>;
  readonly hostname: string;
  /** What the log says of the way there. */
  readonly said: readonly RegExp[];
};

const clouds: readonly Cloud[] = [
  {
    ...{ name: 'aws', smbios: disguises.aws, service: 'linkLocal', hostname: 'cloud-7', diskBus: 'nvme' },
    has: { behaviour: 'broken', times: 1, userData: document('cloud-7') },
    platform: { platform: 'aws', boardProfile: 'aws-nitro', dataSource: 'imds' },
    said: [/it answers with status 503/, /^Settings taken from the user-data of aws as revision 1$/],
  },
  {
    ...{ name: 'azure', smbios: disguises.azure, service: 'linkLocal', hostname: 'cloud-8' },
    // Custom data is on the disc from which the platform provisions, user-data in the service; the latter came later.
    disc: 'test/golden/azure/provisioning.iso.gz',
    has: { behaviour: 'serves', userData: document('cloud-8') },
    platform: { platform: 'azure', boardProfile: 'azure-gen2', dataSource: 'imds' },
    said: [
      /^Settings taken from the disc sr0 as revision 1$/,
      /^Settings taken from the user-data of azure as revision 2$/,
    ],
  },
  {
    ...{ name: 'gcp', smbios: disguises.gcp, service: 'linkLocal', hostname: 'hithe' },
    has: { behaviour: 'drips', times: 1, userData: line },
    platform: { platform: 'gcp', boardProfile: 'gcp', dataSource: 'imds' },
    said: [/it is too slow/, /^Settings taken from the user-data of gcp as revision 1$/],
  },
  {
    ...{ name: 'alibaba', smbios: disguises.alibaba, service: 'alibaba', hostname: 'cloud-9' },
    has: { behaviour: 'hangs-up', times: 2, userData: document('cloud-9') },
    platform: { platform: 'alibaba', boardProfile: 'alibaba', dataSource: 'imds' },
    said: [/does not serve yet/, /^Settings taken from the user-data of alibaba as revision 1$/],
  },
  {
    ...{ name: 'oracle', smbios: disguises.oracle, service: 'linkLocal', hostname: 'hithe' },
    has: { behaviour: 'floods', times: 1, userData: line },
    platform: { platform: 'oracle', boardProfile: 'generic-x86-64', dataSource: 'opc' },
    said: [/larger than|too slow/, /^Settings taken from the user-data of oracle as revision 1$/],
  },
  {
    ...{ name: 'openstack', smbios: disguises.openstack, service: 'linkLocal', hostname: 'cloud-10' },
    has: { behaviour: 'serves', userData: document('cloud-10') },
    platform: { platform: 'openstack', dataSource: 'openstack' },
    said: [/^Settings taken from the user-data of openstack as revision 1$/],
  },
  {
    ...{ name: 'configdrive', smbios: disguises.openstack, service: 'linkLocal', hostname: 'cloud-11' },
    // Whoever attached a drive wanted that: the service is not asked.
    has: { behaviour: 'serves', userData: document('not-this-one') },
    volume: { label: 'config-2', files: { 'openstack/latest/user_data': document('cloud-11') } },
    platform: { platform: 'openstack', dataSource: 'configdrive' },
    said: [/^Settings taken from the disc vd[a-z]1 as revision 1$/],
  },
];

let image: BuiltImage;
beforeAll(async () => {
  image = await bootableImage();
});
afterAll(() => assertUntouched(image));

function discsOf({ disc, volume }: Cloud, folder: string): Disc[] {
  const copied = join(folder, 'disc.iso');
  if (disc !== undefined) writeFileSync(copied, gunzipSync(readFileSync(disc)));
  return [
    ...(disc === undefined ? [] : [{ image: copied }]),
    ...(volume === undefined ? [] : [writeVolume(join(folder, 'volume'), volume)]),
  ];
}

function writeVolume(folder: string, { label, files }: NonNullable<Cloud['volume']>): Disc {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return { folder, label };
}

describe.each(clouds)('$name', (cloud) => {
  const { name, smbios, diskBus = 'virtio', service, has, platform, hostname, said } = cloud;
  test('the image knows where it is, and takes what the platform has for it', async () => {
    await using parts = new AsyncDisposableStack();
    const scratch = parts.use(new ScratchFolder());
    const { at, box, ...network } = services[service];
    metadataService.become(has);
    const server = createServer(metadataService[service]).listen(0, '127.0.0.1');
    parts.defer(() => void server.close());
    await once(server, 'listening');
    const underlay = await userNetwork({
      ...network,
      forward: { address: box, port: 443 },
      service: { address: at, localPort: (server.address() as AddressInfo).port },
    });
    const { kernelPath: kernel, initrdPath: initrd, commandLine } = image;
    parts.use(
      await Machine.start({
        ...{ name: `cloud-${name}`, memoryMiB: 512, cpus: 1, diskMiB: gatewayDiskMiB, diskBus },
        ...{ boot: { kernel, initrd, commandLine }, image: image.imagePath, probeKernel: kernel, smbios },
        discs: discsOf(cloud, scratch.path),
        networkCards: [{ model: 'virtio-net-pci', mac: cardMac(1, 1), network: underlay }],
      }),
    );
    const page = new PageClient(underlay.forwardedPort);
    // Unclaimed and with one port, it has its page on the underlay.
    await page.waitForPage();
    const status = await page.waitForStatus('settings', (now) => now.conductor !== null, 120_000);
    expect(status).toMatchObject({ claimed: false, conductor, hostname, platform });
    expect(status.network.interfaces.find((port) => port.name === 'port1')).toMatchObject({
      ...{ role: 'underlay', link: 'up', addresses: expect.arrayContaining([expect.stringContaining(box)]) },
    });
    const messages = status.log.map(({ message }) => message);
    for (const pattern of said) expect(messages).toContainEqual(expect.stringMatching(pattern));
    expect(status.warnings.map(({ code }) => code)).not.toContain('NO_METADATA');
  });
});

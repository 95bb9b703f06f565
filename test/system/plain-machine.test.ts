import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import type { BuiltImage } from '../../image-builder/build.ts';
import { Gateway, gatewayDiskMiB } from '../../qemu/gateway.ts';
import { readBootEntries } from './boot-entries.ts';
import { openPage } from './browser.ts';
import { assertUntouched, bootableImage } from './image.ts';
import { partition } from './partitions.ts';
import { isUnmounted, RawDisk } from './raw-disk.ts';

/** One machine, booted once, looked at from every side; then its power is cut, and at last switched off. Tests run in order. */
let image: BuiltImage;
let gateway: Gateway;
let status: Status;
let fingerprint: string;

const settled = ({ network, tpm, identity }: Status) =>
  network.state === 'applied' && tpm.state === 'present' && identity.hit !== null;

beforeAll(async () => {
  image = await bootableImage();
  gateway = await Gateway.start({ name: 'plain', image });
  fingerprint = (await gateway.waitForPage()).answer.fingerprint;
  status = await gateway.page.waitForStatus('network, TPM and identity are there', settled, 60_000);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await assertUntouched(image);
});

describe('the page of a gateway in QEMU', () => {
  test('names the platform and the fact that decided it', () => {
    expect(status.platform).toMatchObject({
      platform: 'qemu',
      kind: 'hypervisor',
      vendor: 'QEMU',
      boardProfile: 'qemu-q35',
    });
    expect(status.platform.decidedBy).not.toBe('');
  });

  test('names the image: version, root hash, bundle, and that the sources’ key signed it', () => {
    expect(status.image).toMatchObject({
      version: image.version,
      rootHash: image.rootHash,
      bundleSha256: image.manifest.bundle.sha256,
      development: true,
    });
  });

  test('shows PCRs and a quote over them that verified', () => {
    const { tpm } = status;
    if (tpm.state !== 'present') throw new Error(`the TPM is ${tpm.state}`);
    expect(tpm.quote.verified).toBe(true);
    const digests = new Map(tpm.pcrs.map(({ index, digest }) => [index, digest]));
    // What UEFI, the loader and the stub measured: firmware 0, loader 4, loader's files 9, UKI 11.
    for (const index of [0, 4, 9, 11]) expect(digests.get(index)).toMatch(/^(?!0+$)[0-9a-f]{64}$/);
  });

  test('shows the ports as the box labels them', () => {
    const ports = new Map(status.network.interfaces.map((card) => [card.name, card]));
    expect(ports.get('port1')).toMatchObject({ role: 'underlay', link: 'up', driver: 'virtio_net' });
    // The first address that QEMU's DHCP server gives.
    expect(ports.get('port1')?.addresses).toContain('10.98.0.15/24');
    expect(ports.get('port2')).toMatchObject({ role: 'lan', link: 'up' });
    const addresses = status.network.interfaces
      .filter(({ role }) => role === 'lan')
      .flatMap((card) => card.addresses);
    expect(addresses).toContain('192.168.1.1/24');
  });

  test('has the certificate whose fingerprint the console shows, beside the claim code', () => {
    const octets = fingerprint.split(':');
    expect(gateway.machine.console.text).toContain(octets.slice(0, 16).join(':'));
    expect(gateway.machine.console.text).toContain(octets.slice(16).join(':'));
    expect(gateway.machine.console.text).toMatch(/Claim code\s+\S{4,}/);
  });

  test('opens in a browser, without an error, and shows what the API says', async () => {
    await using page = await openPage(gateway.page.url);
    // The HIT is shown short, the whole of it to who points at it.
    await page.tab
      .getByTitle(status.identity.hit ?? '')
      .first()
      .waitFor();
    const { version, rootHash } = image;
    for (const shown of [version, rootHash.slice(0, 8), 'development build', 'port1', 'port2']) {
      await page.tab.getByText(shown).first().waitFor();
    }
    expect(page.complaints).toEqual([]);
  });

  test('has grown its state to the end of the disk, and armed the watchdog', async () => {
    await gateway.page.waitForStatus('inventory is there', ({ inventory }) => inventory !== null, 60_000);
    const { entries } = JSON.parse((await gateway.page.get('/api/v1/log?limit=500')).body) as {
      entries: Status['log'];
    };
    const said = (pattern: RegExp) =>
      entries.map(({ message }) => pattern.exec(message)?.[1]).find((found) => found !== undefined);
    // What the image leaves of the disk, less what ext4 keeps for itself.
    const left = gatewayDiskMiB - image.manifest.image.size / 1024 / 1024;
    expect(Number(said(/^State: (\d+) MiB$/))).toBeGreaterThan(left * 0.9);
    expect(said(/^Watchdog (\S+) is armed/)).toMatch(/^\/dev\/watchdog/);
  });

  test('describes its API', async () => {
    const { statusCode, body } = await gateway.page.get('/api/v1/openapi.json');
    expect(statusCode).toBe(200);
    expect(Object.keys(JSON.parse(body).paths)).toContain('/api/v1/status');
  });
});

describe('after a cut of power', () => {
  test('the identity and the certificate are the same, the TPM has counted the restart', async () => {
    const before = status;
    // What is not on the disk by then is lost, as in life: ext4 writes its journal every five seconds.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    await gateway.machine.kill();
    await gateway.machine.powerOn();
    const again = await gateway.waitForPage();
    expect(again.answer.fingerprint).toBe(fingerprint);
    status = await gateway.page.waitForStatus('network, TPM and identity are there', settled, 60_000);
    expect(status.identity.hit).toBe(before.identity.hit);
    const clocks = [before, status].map(({ tpm }) => (tpm.state === 'present' ? tpm.quote.resetCount : null));
    expect(clocks[1]).toBe((clocks[0] ?? Number.NaN) + 1);
  });
});

describe('when the power button is pressed', () => {
  test('the machine ends in order, and its state partition is unmounted', async () => {
    expect(await gateway.machine.powerDown(60_000)).toBe('powered-off');
    using disk = await RawDisk.of(gateway.machine);
    expect(isUnmounted(disk.path, partition(disk.path, 'state').offset)).toBe(true);
  });

  test('the slot is marked good: the boot loader counts its tries no longer', async () => {
    expect(await readBootEntries(gateway.machine, image)).toEqual([`hithe_${image.version}.efi`]);
  });
});

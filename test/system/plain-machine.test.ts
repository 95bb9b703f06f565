import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contents } from '../../firmware/support/contents.ts';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import { hitGroups } from '../../firmware/webui/client/format.ts';
import type { BuiltImage } from '../../image-builder/build.ts';
import { Gateway, gatewayDiskMiB } from '../../qemu/gateway.ts';
import { PageClient } from '../../qemu/page-client.ts';
import { unpackBundle } from '../support/unpack-bundle.ts';
import { launchBrowser, openPage } from '../webui/browser.ts';
import { openTestSite } from '../webui/test-site.ts';
import { readBootEntries } from './boot-entries.ts';
import { ConsoleWalk } from './console-walk.ts';
import { assertUntouched, bootableImage } from './image.ts';
import { partition } from './partitions.ts';
import { isUnmounted, RawDisk, readRange } from './raw-disk.ts';

/** One machine, booted once, looked at from every side; then its power is cut, and at last switched off. Tests run in order. */
let image: BuiltImage;
let gateway: Gateway;
let status: Status;
let fingerprint: string;

const settled = ({ network, tpm, identity }: Status) =>
  network.state === 'applied' && tpm.state === 'present' && identity.hit !== null;

beforeAll(async () => {
  image = await bootableImage();
  gateway = await Gateway.start({ name: 'plain', image, screen: true });
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

  test('opens in a browser, without an error: the first use, and on its pages what the API says', async () => {
    const browser = await launchBrowser();
    try {
      const { page, complaints } = await openPage(browser, gateway.page.url);
      await page.getByRole('heading', { name: 'What is the claim code?' }).waitFor();
      const { version, rootHash } = image;
      const facts = {
        '/network': ['port1', 'port2'],
        '/trust': [hitGroups(status.identity.hit ?? '').join(':')],
        '/system': [version, 'development build', rootHash.slice(0, 8)],
      };
      for (const [path, shown] of Object.entries(facts)) {
        await page.goto(new URL(path, gateway.page.url).href);
        for (const text of shown) await page.getByText(text).first().waitFor();
      }
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
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

  test('describes its API, as the image holds it', async () => {
    const { statusCode, body } = await gateway.page.get('/api/v1/openapi.json');
    expect(statusCode).toBe(200);
    const site = await openTestSite();
    const written = await (await site.request('/api/v1/openapi.json')).json();
    site.close();
    expect(JSON.parse(body)).toEqual(written);
    // squashfs holds a file's first 128 KiB in one piece, and ours compresses nothing.
    const { offset, bytes } = partition(image.imagePath, 'root-a');
    expect(readRange(image.imagePath, offset, bytes).includes(body.slice(0, 100_000))).toBe(true);
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

describe('whoever stands at the serial console', () => {
  const password = 'three herons at dusk';
  const newPassword = 'four herons at dawn';
  const secrets = [password, newPassword, 'PRIVATE KEY'];
  let walk: ConsoleWalk;
  let before: { readonly claimCode: string; readonly hit: string | null };
  const claimed = async (code: string, secret: string) =>
    (await gateway.page.post('/api/v1/claim', { code, password: secret })).statusCode;

  test('reads the address, the claim code, the identity and what was booted', async () => {
    walk = await ConsoleWalk.fromSerialPort(gateway);
    const [, claimCode = ''] = await walk.press('\f', /Claim code +(\S{4}-\S{4})/);
    before = { claimCode, hit: status.identity.hit };
    await walk.press('\r', /4 {2}Factory reset/);
    await walk.press('\x03', new RegExp(`https://192\\.168\\.1\\.1/[\\s\\S]*${before.hit}`));
    await walk.sees(/Boot +measured; no release/, 60_000);
  });

  test('sees the same on the screen', async () => {
    const picture = join(gateway.machine.logFolder, 'screen.ppm');
    await gateway.machine.qmp.execute('screendump', { filename: picture });
    // A portable pixmap: its text has some thousand lit dots, a dark screen none.
    expect(readFileSync(picture).filter((octet) => octet > 0x80).length).toBeGreaterThan(10_000);
  });

  test('gets a code with which the page sets a new password, once', async () => {
    expect(await claimed(before.claimCode, password)).toBe(200);
    await walk.menu();
    const [, code = ''] = await walk.press('2', /Code: (\S{4}-\S{4})/);
    expect(await claimed(code, newPassword)).toBe(200);
    expect(await claimed(code, 'five herons at noon')).not.toBe(200);
    secrets.push(before.claimCode, code);
  });

  test('gives whoever has it a support bundle that is whole, and holds none of the secrets', async () => {
    const path = '/api/v1/support';
    const stranger = new PageClient(Number(new URL(gateway.page.url).port));
    expect((await stranger.get(path)).statusCode).toBe(401);
    await gateway.page.signIn('admin', newPassword);
    const { statusCode, contentType, octets } = await gateway.page.get(path, 120_000);
    expect([statusCode, contentType]).toEqual([200, 'application/gzip']);
    const entries = unpackBundle(octets);
    const { missing } = JSON.parse(entries.get('manifest.json') ?? '{}');
    expect([missing, [...entries.keys()].sort()]).toEqual([
      {},
      ['manifest.json', ...Object.keys(contents)].sort(),
    ]);
    expect(entries.get('box/status.json')).toContain(before.hit);
    for (const [name, text] of entries)
      for (const secret of secrets) expect(text.includes(secret), `${secret} in ${name}`).toBe(false);
  });

  describe('meanwhile, settings of any shape and size', () => {
    const path = '/api/v1/config/plan';
    const document = (value: string) => `{"document":${value}}`;
    const filled = (part: string, octets: number) => part.repeat(Math.floor(octets / part.length));
    const largest = 8 * 1024 * 1024;

    const members = Array.from({ length: 390_000 }, (_, index) => `"x${index}":0`);
    test.each<[string, string, number, string]>([
      ['ten megabytes', document(`{"hostname":"${filled('a', 10_000_000)}"}`), 413, 'body-too-large'],
      ['brackets that never end', document(filled('[', largest)), 400, 'bad-request'],
      [
        'brackets in brackets',
        document(filled('[', largest / 2) + filled(']', largest / 2)),
        400,
        'bad-request',
      ],
      [
        'four million rules',
        document(`{"policy":{"rules":[${filled('0,', largest)}0]}}`),
        400,
        'bad-request',
      ],
      [
        'what nobody knows, as much as there may be',
        document(`{${members.join()}}`),
        400,
        'settings-invalid',
      ],
    ])('are refused with a reason: %s', async (_name, text, statusCode, code) => {
      const answer = await gateway.page.postText(path, text, 120_000);
      expect([answer.statusCode, JSON.parse(answer.body).code]).toEqual([statusCode, code]);
      expect((await gateway.page.status()).claimed).toBe(true);
    });
  });

  test('changes the LAN’s address on trial, and keeps it', async () => {
    await walk.menu();
    await walk.press('1', /port1 +underlay +up/);
    await walk.press('1', /New address of the LAN/);
    await walk.press('192.168.77.1/24\r', /On trial for 120 s/, 60_000);
    await walk.press('\r', /5 {2}KEEP the change on trial/);
    await walk.press('5', /The change stays/);
    await walk.press('\r\x03\x03', /https:\/\/192\.168\.77\.1\//);
  });

  test('has the box forget everything but who it is', async () => {
    // Power that is cut as soon as the box restarts, which is a start from nothing for the emulator, too.
    await gateway.machine.qmp.execute('set-action', { reboot: 'shutdown' });
    await walk.menu();
    await walk.press('4', /Keep the identity/);
    await walk.press('1', /Type (\S+) to go on/);
    await walk.press('hithe\r', /forgets everything/);
    await gateway.machine.ended;
    await gateway.machine.powerOn();
    walk = new ConsoleWalk(gateway.machine.console);
    // At the address of before the change.
    const again = await gateway.waitForPage();
    expect(again.answer.fingerprint).not.toBe(fingerprint);
    status = await gateway.page.waitForStatus('network, TPM and identity are there', settled, 60_000);
    expect([status.claimed, status.identity.hit]).toEqual([false, before.hit]);
    const [, claimCode] = await walk.sees(/Claim code +(\S{4}-\S{4})/);
    expect(claimCode).not.toBe(before.claimCode);
    expect(await claimed(before.claimCode, password)).toBe(403);
    expect((await gateway.page.get('/api/v1/log?limit=500')).body).toContain('Factory reset: state is empty');
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

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gateway } from '../../qemu/gateway.ts';
import { UsbHidDevice } from '../../qemu/usb-hid-device.ts';
import { VirtualKey } from '../security-key/virtual-key.ts';
import { launchBrowser, openPage } from '../webui/browser.ts';
import { ConsoleWalk } from './console-walk.ts';
import { bootableImage } from './image.ts';

/**
 * A security key that is plugged into a booted gateway's USB port: found by the image's own drivers, touched by somebody
 * who uses the page. Tests run in order.
 */
let gateway: Gateway;
let browser: Browser;
let page: Page;
let key: VirtualKey;
let device: UsbHidDevice;
let pull: () => Promise<void>;

const password = 'seven green bicycles';
/** An emulated box answers in seconds what a real one does at once. */
const patienceMs = 90_000;
const touchIt = 'Touch the security key in the box’s USB port.';

/** As keys describe themselves (FIDO U2F HID Protocol 1.2, 2.2). */
const fidoReports = Buffer.from(
  '06d0f10901a10109201500' + '26ff007508954081020921150026ff00750895409102c0',
  'hex',
);

beforeAll(async () => {
  const image = await bootableImage();
  gateway = await Gateway.start({ name: 'security-key', image });
  key = await VirtualKey.make();
  device = await UsbHidDevice.listen(
    {
      // Ids for tests; the board's profile has the first of them for a front panel.
      ...{ vendorId: 0x1209, productId: 0x0002, product: 'Security key of a test' },
      reportDescriptor: fidoReports,
    },
    (report) => key.take(report),
  );
  key.emit = (report) => device.send(report);
  await gateway.waitForPage();
  browser = await launchBrowser();
  ({ page } = await openPage(browser, gateway.page.url));
  page.setDefaultTimeout(patienceMs);
  page.setDefaultNavigationTimeout(patienceMs);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.[Symbol.asyncDispose]();
  await device?.[Symbol.asyncDispose]();
});

const plug = async () => {
  pull = await gateway.machine.plugUsbDevice(device);
};
const section = () => page.locator('section#security-keys');
const alone = () => section().getByText('You sign in with your password alone.').waitFor();
const submit = () => page.getByRole('button', { name: 'Sign in', exact: true });
const refused = (text: string) => page.getByRole('alert').filter({ hasText: text }).waitFor();
const blinks = () => expect.poll(() => key.blinks, { timeout: patienceMs }).toBe(true);

async function touch(): Promise<void> {
  await blinks();
  key.touch();
}

async function signIn(secret: string): Promise<void> {
  await page.getByLabel('Password', { exact: true }).fill(secret);
  await submit().click();
}

async function signOut(): Promise<void> {
  await page.getByRole('button', { name: 'admin: account' }).click();
  await page.locator('#user-menu').getByRole('button', { name: 'Sign out' }).click();
  await submit().waitFor();
}

describe('a security key in the USB port of a booted gateway', () => {
  test('is added with the password and a touch, though it was plugged in after the start', async () => {
    const [, code = ''] = /Claim code +([0-9A-Z]{4}-[0-9A-Z]{4})/.exec(gateway.machine.console.text) ?? [];
    expect((await gateway.page.post('/api/v1/claim', { code, password })).statusCode).toBe(200);
    await page.goto(new URL('/system?tab=access', gateway.page.url).href);
    await signIn(password);
    await alone();
    await plug();
    await section().getByRole('button', { name: 'Add a key' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a key' });
    await dialog.getByLabel('Name').fill('On my key ring');
    await page.keyboard.press('Enter');
    await page.locator('#prompt-password').fill(password);
    await page.keyboard.press('Enter');
    await touch();
    await section()
      .getByRole('row', { name: /On my key ring/ })
      .waitFor();
  });

  test('lets its owner in with a touch', async () => {
    await signOut();
    await signIn(password);
    await page.getByText(touchIt).waitFor();
    const { counter } = key;
    await touch();
    await page.waitForSelector('#security-keys');
    expect(key.counter).toBe(counter + 1);
  });

  test('keeps out whoever has the password and does not touch it, and whoever it is pulled out for', async () => {
    await signOut();
    await signIn(password);
    await refused('Nobody touched the security key');
    key.blinks = false;
    await submit().click();
    await blinks();
    await pull();
    await refused('No security key is in the box');
    await plug();
    key.forgetConversation();
    await submit().click();
    await touch();
    await page.waitForSelector('#security-keys');
  });

  test('that counts backwards is refused as a copy', async () => {
    await signOut();
    key.flaws.add('counter-falls');
    key.blinks = false;
    await signIn(password);
    await touch();
    await refused('somebody has a copy of it');
    key.flaws.clear();
  });

  test('is not asked for any more after a new password by the console’s code', async () => {
    const walk = await ConsoleWalk.fromSerialPort(gateway);
    await walk.menu();
    const [, code = ''] = await walk.press('2', /Code: (\S{4}-\S{4})[\s\S]*security keys/);
    await page.getByRole('button', { name: 'The password is lost' }).click();
    await page.getByLabel('Recovery code').fill(code);
    await page.getByLabel('New password', { exact: true }).fill('eight red tricycles');
    await page.keyboard.press('Enter');
    await alone();
    await signOut();
    await signIn('eight red tricycles');
    await alone();
  });
});

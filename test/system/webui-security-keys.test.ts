import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { VirtualKey } from '../security-key/virtual-key.ts';
import { type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { keepScreens } from '../webui/screens.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';

let browser: Browser;
let box: TestBox;
let owner: Awaited<ReturnType<TestBox['claim']>>;
let opened: OpenedPage;
let page: Page;
let key: VirtualKey;

beforeAll(async () => {
  browser = await sharedBrowser();
});
beforeEach(async () => {
  box = await startTestBox({ page: pageFiles, readStatus: () => normalStatus(Date.now()) });
  owner = await box.claim();
  key = await VirtualKey.make();
  opened = await openPage(browser, `${box.url}/system?tab=access`, { owner });
  page = opened.page;
});
afterEach(async () => {
  await page.context().close();
  await box.close();
});

const section = () => page.locator('section#security-keys');
const dialog = () => page.getByRole('dialog', { name: 'Add a key' });
const touchIt = 'Touch the security key in the box’s USB port.';
const blinks = () => expect.poll(() => key.blinks).toBe(true);

async function add(name: string): Promise<void> {
  await section().getByRole('button', { name: 'Add a key' }).click();
  await dialog().getByLabel('Name').fill(name);
  await page.keyboard.press('Enter');
}

async function givePassword(): Promise<void> {
  await page.locator('#prompt-password').fill(owner.password);
  await page.keyboard.press('Enter');
}

async function signIn(): Promise<void> {
  await page.getByLabel('Password', { exact: true }).fill(owner.password);
  await page.keyboard.press('Enter');
}

/** The owner has it, and the page is signed out. */
async function withKey(): Promise<void> {
  box.keys.plug(key);
  await add('On my key ring');
  await givePassword();
  await blinks();
  key.touch();
  await section()
    .getByRole('row', { name: /On my key ring/ })
    .waitFor();
  await page.getByRole('button', { name: 'admin: account' }).click();
  await page.locator('#user-menu').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to gate-hamburg' }).waitFor();
}

describe('security keys', () => {
  test('are added with the password and a touch, listed, and removed with both again', async () => {
    await section().getByText('You sign in with your password alone.').waitFor();
    await section().getByRole('button', { name: 'Add a key' }).click();
    await dialog().waitFor();
    await keepScreens(page, 'security-key-add');
    box.keys.plug(key);
    await dialog().getByLabel('Name').fill('On my key ring');
    await page.keyboard.press('Enter');
    await givePassword();
    await blinks();
    await eventually(() => dialog().getByRole('status').textContent()).toBe(touchIt);
    await keepScreens(page, 'security-key-add-touch');
    key.touch();
    await dialog().waitFor({ state: 'detached' });
    const row = section().getByRole('row', { name: /On my key ring/ });
    await row.waitFor();
    await keepScreens(page, 'security-keys');
    // The password was given a moment ago.
    await row.getByRole('button', { name: 'Remove' }).click();
    await section().getByText('You sign in with your password alone.').waitFor();
    expect(opened.complaints).toEqual([]);
  });

  test('that are none are told at the form, and what was typed stays', async () => {
    key.flaws.add('no-u2f');
    box.keys.plug(key);
    await add('Old one');
    await givePassword();
    await eventually(() => dialog().getByRole('alert').textContent()).toContain('does not speak U2F');
    await eventually(() => dialog().getByLabel('Name').inputValue()).toBe('Old one');
    await keepScreens(page, 'security-key-unfit');
  });

  test('whoever leaves the dialog adds none: the key is let be', async () => {
    box.keys.plug(key);
    await add('blue');
    await givePassword();
    await blinks();
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    // Long before the box would have given up by itself.
    await expect.poll(() => box.keys.openLines, { timeout: 3000 }).toBe(0);
    key.touch();
    await eventually(() => section().getByRole('row').count()).toBe(0);
  });
});

describe('signing in with a key', () => {
  test('says that it has to be touched, and goes on with the touch', async () => {
    await withKey();
    await signIn();
    await page.getByText(touchIt).waitFor();
    await keepScreens(page, 'sign-in-touch');
    await blinks();
    key.touch();
    await page.waitForSelector('#system');
    expect(opened.complaints).toEqual([]);
  });

  test('that nobody touches, or that was pulled out, says so; then with a touch it goes on', async () => {
    await withKey();
    await signIn();
    await eventually(() => page.getByRole('alert').textContent()).toContain('Nobody touched');
    await eventually(() => page.getByText(touchIt).count()).toBe(0);
    await keepScreens(page, 'sign-in-untouched');
    const again = page.getByRole('button', { name: 'Sign in', exact: true });
    await again.click();
    await blinks();
    box.keys.pull(key);
    await eventually(() => page.getByRole('alert').textContent()).toContain('No security key is in');
    await again.click();
    await page.getByText(touchIt).waitFor();
    box.keys.plug(key);
    await blinks();
    key.touch();
    await page.waitForSelector('#system');
  });

  test('before a dangerous act asks for it, too', async () => {
    await withKey();
    await signIn();
    await blinks();
    key.touch();
    await page.waitForSelector('#system');
    await section()
      .getByRole('row', { name: /key ring/ })
      .getByRole('button', { name: 'Remove' })
      .click();
    await givePassword();
    const prompt = page.getByRole('dialog', { name: 'Is it still you?' });
    await eventually(() => prompt.getByRole('status').textContent()).toBe(touchIt);
    await keepScreens(page, 'confirm-touch');
    await blinks();
    key.touch();
    await section().getByText('You sign in with your password alone.').waitFor();
  });

  test('is not needed with the new password of the console’s code, which takes the keys away', async () => {
    await withKey();
    const code = box.ui.offerRecovery() ?? '';
    await page.getByRole('button', { name: 'The password is lost' }).click();
    await page.getByText('the owner’s security keys are removed').waitFor();
    await page.getByLabel('Recovery code').fill(code);
    await page.getByLabel('New password', { exact: true }).fill('another fine sentence');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#system');
    await section().getByText('You sign in with your password alone.').waitFor();
  });
});

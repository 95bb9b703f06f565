import type { Browser } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { accessibilityFindings, type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { keepScreens } from '../webui/screens.ts';
import { logLines, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';

let browser: Browser;
let box: TestBox;
let owner: Awaited<ReturnType<TestBox['claim']>>;
let opened: OpenedPage;

beforeAll(async () => {
  browser = await sharedBrowser();
});
beforeEach(async () => {
  box = await startTestBox({
    page: pageFiles,
    readStatus: () => normalStatus(Date.now()),
    lines: logLines(Date.now()),
  });
  owner = await box.claim();
});
afterEach(async () => {
  await opened.page.context().close();
  await box.close();
});

/** As another tab does when somebody signs out there: this one is told nothing. */
async function endSession(): Promise<void> {
  const { csrfToken } = await (await fetch('/api/v1/session')).json();
  await fetch('/api/v1/session', { method: 'DELETE', headers: { 'x-csrf-token': csrfToken } });
}

describe('signing in', () => {
  test('a claimed box shows nothing before, and then the page that was asked for', async () => {
    opened = await openPage(browser, `${box.url}/system?log=error`);
    const { page, complaints } = opened;
    await page.getByRole('heading', { name: 'Sign in to gate-hamburg' }).waitFor();
    await eventually(() => page.locator('nav').count()).toBe(0);
    expect(await page.content()).not.toContain('203.0.113.17');
    const fingerprint = page.getByText(box.ui.fingerprint);
    await fingerprint.waitFor();
    await keepScreens(page, 'sign-in');

    const password = page.getByLabel('Password', { exact: true });
    await password.fill('not the password');
    await page.keyboard.press('Enter');
    await expect.poll(() => password.getAttribute('aria-invalid')).toBe('true');
    await eventually(() => password.inputValue()).toBe('not the password');
    await eventually(() => page.getByRole('alert').textContent()).toContain('wrong-password');
    await password.fill(owner.password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#system');
    expect(new URL(page.url()).search).toBe('?log=error');
    expect(complaints).toEqual([]);
  });

  test('a password can be looked at', async () => {
    opened = await openPage(browser, box.url);
    const { page } = opened;
    const password = page.getByLabel('Password', { exact: true });
    await password.fill(owner.password);
    await page.getByRole('button', { name: 'Show' }).click();
    await eventually(() => password.getAttribute('type')).toBe('text');
    await eventually(() => password.inputValue()).toBe(owner.password);
  });

  test('the recovery code sets a new password', async () => {
    opened = await openPage(browser, `${box.url}/sign-in`);
    const { page } = opened;
    await page.getByRole('button', { name: 'The password is lost' }).click();
    await page.getByRole('heading', { name: 'Set a new password' }).waitFor();
    expect(await accessibilityFindings(page)).toEqual([]);
    const code = box.ui.offerRecovery() ?? '';
    await page.getByLabel('Recovery code').fill('0000-0000');
    await page.getByLabel('New password', { exact: true }).fill('another fine sentence');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByLabel('Recovery code').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('Recovery code').fill(code);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#overview');
    expect(new URL(page.url()).pathname).toBe('/');
  });
});

describe('being signed in', () => {
  beforeEach(async () => {
    opened = await openPage(browser, `${box.url}/system`, { owner });
    await opened.page.waitForSelector('#system');
  });

  test('the menu says who, and signing out leaves nothing on the screen', async () => {
    const { page, complaints } = opened;
    await page.getByRole('button', { name: 'admin: account' }).click();
    await eventually(() => page.textContent('#user-menu')).toContain('Owner');
    expect(await accessibilityFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to gate-hamburg' }).waitFor();
    expect(await page.content()).not.toContain('QEMU');
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in to gate-hamburg' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a session that ended is said over the page, which stays, and goes on with the password', async () => {
    const { page, complaints } = opened;
    await page.goto(`${box.url}/setup?step=peers`);
    const typed = page.getByRole('textbox', { name: 'Networks behind it' });
    await typed.fill('192.168.20.0/24');
    await page.evaluate(endSession);
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    expect(await accessibilityFindings(page)).toEqual([]);
    await keepScreens(page, 'session-ended');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await eventually(() => page.textContent('.lost')).toContain('Your session has ended.');
    await eventually(() => typed.inputValue()).toBe('192.168.20.0/24');
    await page.locator('.lost').getByRole('button', { name: 'Sign in' }).click();
    await dialog.getByLabel('Password of admin').fill(owner.password);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.waitForSelector('main:not(.offline)');
    await eventually(() => page.locator('.lost').count()).toBe(0);
    await eventually(() => typed.inputValue()).toBe('192.168.20.0/24');
    expect(complaints).toEqual([]);
  });
});

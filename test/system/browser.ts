import { existsSync } from 'node:fs';
import { chromium, type Page } from 'playwright-core';
import { HarnessError } from '../../qemu/harness-error.ts';

const programs = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'];

/** A page of a real browser, with everything that the browser complained about. */
export type OpenPage = AsyncDisposable & { readonly tab: Page; readonly complaints: readonly string[] };

/** Opens an address whose certificate nobody signed, as a person does who clicked through the warning. */
export async function openPage(url: string): Promise<OpenPage> {
  const executablePath = programs.find((path) => existsSync(path));
  if (!executablePath)
    throw new HarnessError('missing', 'No browser was found. Install the Debian package chromium.');
  // Chromium's own sandbox cannot be had by root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath, args });
  const tab = await browser.newPage({ ignoreHTTPSErrors: true });
  const complaints: string[] = [];
  tab.on('pageerror', (error) => complaints.push(error.message));
  tab.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await tab.goto(url, { timeout: 60_000 });
  return { tab, complaints, [Symbol.asyncDispose]: () => browser.close() };
}

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** The shell first: a whole browser opens a window with everything around it for each context, at twice the time. */
const places = [
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The machine's own Chromium, kept from talking to anybody but the box. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = places.find(existsSync);
  if (executablePath === undefined) throw new Error('No Chromium is installed.');
  const args = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({ executablePath, args });
}

let shared: Promise<Browser> | null = null;

/** One for all files of a worker, whose end it ends with; what files do in it, they do in contexts of their own. */
export async function sharedBrowser(): Promise<Browser> {
  if (shared !== null && !(await shared).isConnected()) shared = null;
  shared ??= launchBrowser();
  return shared;
}

export interface OpenedPage {
  readonly page: Page;
  /** What the browser complained about: script errors, and whatever the content security policy kept out. */
  readonly complaints: string[];
}

interface Owner {
  readonly name: string;
  readonly password: string;
}

/**
 * Opens the page as a person does who has accepted the self-signed certificate, and who is signed in already where an
 * owner is given: `openPage(browser, url, { owner: await box.claim() })`.
 */
export async function openPage(
  browser: Browser,
  url: string,
  { owner, ...options }: BrowserContextOptions & { readonly owner?: Owner } = {},
): Promise<OpenedPage> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // Requests that fail while the box is off are what the page is for.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  if (owner !== undefined) {
    // A session is bound to the name of the browser that it was begun in.
    const headers = { 'user-agent': await page.evaluate(() => navigator.userAgent) };
    const answer = await context.request.post(new URL('/api/v1/session', url).href, { data: owner, headers });
    if (!answer.ok()) throw new Error(`Signing in answers ${answer.status()}`);
  }
  await page.goto(url);
  return { page, complaints };
}

/** Signs an open page's browser in, as the form does, and opens the page anew. */
export async function signIn(page: Page, owner: Owner): Promise<void> {
  const status = await page.evaluate(async (body) => {
    const headers = { 'content-type': 'application/json' };
    return (await fetch('/api/v1/session', { method: 'POST', headers, body })).status;
  }, JSON.stringify(owner));
  if (status !== 200) throw new Error(`Signing in answers ${status}`);
  await page.reload();
}

/** What axe-core finds, one line each; empty where the page is accessible as far as a program can tell. */
export async function accessibilityFindings(
  page: Page,
  /** True where the same page in other colours has been looked at as a whole. */
  { coloursOnly = false }: { readonly coloursOnly?: boolean } = {},
): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axeSource);
  const rules = coloursOnly ? ', runOnly: ["color-contrast"]' : '';
  // Only what is wrong comes back: all that is right, with where it stands, takes as long as looking at it.
  const options = `{ resultTypes: ["violations"], selectors: false${rules} }`;
  return page.evaluate(`axe.run(document, ${options}).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 160))))`);
}

/** Pixels by which the page is wider than the window. */
export function sidewaysOverflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

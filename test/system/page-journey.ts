import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, plan } from '../../qemu/lab.ts';
import { waitUntil } from '../../qemu/wait-until.ts';
import { launchBrowser, type OpenedPage, openPage } from '../webui/browser.ts';

const password = 'seven green bicycles';

/** An emulated box answers in seconds what a real one does at once. */
const patienceMs = 90_000;

/**
 * What a person does on the page of a booted gateway that has a tunnel: the first use, looking, finding out why something
 * is denied and allowing it, learning rules, and a change that cuts the way to the page. Tests run in order.
 */
export function pageJourney(lab: () => Lab): void {
  describe('the page of a gateway, as a person uses it', () => {
    let browser: Browser;
    let opened: OpenedPage;
    let page: Page;
    const goto = (path: string) => page.goto(new URL(path, lab().gateways.a.page.url).href);
    const bar = () => page.getByRole('region', { name: 'A change is on trial' });
    const keep = async () => {
      await bar().getByRole('button', { name: 'Keep', exact: true }).click();
      await bar()
        .getByText(/Revision \d+ is kept/)
        .waitFor();
      await bar().getByRole('button', { name: 'Close' }).click();
    };
    const pings = async (from: 'a' | 'b') => (await lab().ping(from, 2)).received;

    beforeAll(async () => {
      browser = await launchBrowser();
      opened = await openPage(browser, lab().gateways.a.page.url);
      page = opened.page;
      page.setDefaultTimeout(patienceMs);
      page.setDefaultNavigationTimeout(patienceMs);
    });
    afterAll(async () => {
      await opened?.page.context().close();
      await browser?.close();
    });

    test('first use: the code from the console, a password, and what is there already is shown', async () => {
      const heading = (name: string | RegExp) => page.getByRole('heading', { level: 1, name }).waitFor();
      await heading('What is the claim code?');
      const shown = lab().gateways.a.machine.console.text.matchAll(/Claim code +([0-9A-Z]{4}-[0-9A-Z]{4})/g);
      await page.getByRole('textbox', { name: 'Claim code' }).fill([...shown].at(-1)?.[1] ?? '');
      await page.keyboard.press('Enter');
      await heading('Which password should the owner have?');
      await page.getByLabel('Password', { exact: true }).fill(password);
      await page.keyboard.press('Enter');
      await page.getByRole('listitem').filter({ hasText: 'Password, done' }).waitFor();
      // All of the rest was on the settings stick, and is looked at here.
      await goto('/setup?step=ports');
      await heading('Which port leads to the internet?');
      await page.getByRole('radio', { name: /port1/, checked: true }).waitFor();
      await page.getByRole('button', { name: 'Next' }).click();
      await heading('Does the box reach the internet?');
      await page.getByText(`${plan.a.underlay}/24`).waitFor();
      await page.getByRole('listitem').filter({ hasText: 'Gateway' }).getByText('Answers').waitFor();
      await page.getByRole('button', { name: 'Next' }).click();
      await heading('Which gateway should it meet first?');
      await page.locator('.checks', { hasText: 'gateway-b' }).waitFor();
      await page.getByRole('button', { name: 'Next' }).click();
      // Whether the internet was reached is open where there is none, as here.
      await heading(/^This box is (set up|yours)\.$/);
    });

    test('a rule is removed: its packets are denied, and the flow says so and leads to a rule that allows it', async () => {
      expect(await pings('a')).toBe(2);
      await goto('/policy?rule=lab-sites');
      await page.getByRole('button', { name: 'Remove …' }).click();
      await page.getByRole('button', { name: 'Try it' }).click();
      await keep();
      expect(await pings('a')).toBe(0);

      await waitUntil(
        'the denied flow is listed',
        async () => {
          await goto('/flows?verdict=deny');
          await page.locator('#flows').waitFor();
          await page.waitForTimeout(1000);
          return page.locator('#flows .row-link').count();
        },
        (count) => count > 0,
      );
      await page.locator('#flows .row-link').first().click();
      const flow = page.getByRole('dialog');
      await flow.getByText('Verdicts of both ends').waitFor();
      await flow
        .getByText(/no rule/i)
        .first()
        .waitFor();
      await flow.getByRole('link', { name: 'Allow …' }).click();
      const rule = page.getByRole('dialog', { name: 'A new rule' });
      expect(await rule.getByLabel('Name', { exact: true }).inputValue()).toMatch(/^allow-host-/);
      await rule.getByRole('button', { name: 'See what changes' }).click();
      await page.getByRole('dialog', { name: 'Add a rule' }).getByRole('button', { name: 'Try it' }).click();
      await keep();
      expect(await pings('a')).toBe(2);

      await goto(`/policy?from=${plan.a.host}&to=${plan.b.host}&proto=icmp`);
      const explanation = page.locator('.explanation');
      await explanation.getByText(/Allowed by rule /).waitFor();
      // Of several the wait would be an error.
      await page.locator('.is-matched').waitFor();
    });

    test('rules are learned from what was seen: accepted, counted as staged, enforced', async () => {
      expect(await pings('b')).toBe(0);
      await waitUntil(
        'there is something to learn from',
        async () => {
          await goto('/policy?view=learn');
          await page.locator('#learn').waitFor();
          await page.waitForTimeout(1000);
          return page.locator('.proposals tbody tr:not(.space)').count();
        },
        (count) => count > 0,
      );
      await page.getByRole('button', { name: /^Choose all/ }).click();
      await page.getByRole('button', { name: /^Accept \d+ as staged/ }).click();
      await page.getByText(/staged and counted from now on/).waitFor();
      await waitUntil(
        'the staged rule has counted the echoes that it would have allowed',
        async () => {
          expect(await pings('b')).toBe(0);
          return page.getByText(/would allow [1-9]/).count();
        },
        (count) => count > 0,
      );
      await page.getByRole('button', { name: /^Enforce (it|all)/ }).click();
      await page.getByText(/decides? from now on/).waitFor();
      expect(await pings('b')).toBe(2);
    });

    test('a change that cuts the way to the page: it says until when, and that the box took it back', async () => {
      await goto('/network?edit=management');
      await page.getByLabel('Address of the box with prefix length').fill('192.168.77.1/24');
      await page.getByRole('button', { name: 'See what it would do' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Try it' }).click();
      await bar().getByText('The connection to the box is lost.').waitFor();
      expect(await bar().textContent()).toMatch(/takes it back by itself at \d\d:\d\d:\d\d/);
      const takenBack = bar().getByText(/Revision \d+ was taken back/);
      await takenBack.waitFor({ timeout: 2 * patienceMs }).catch(async (cause) => {
        throw new Error(`The page says: ${await page.locator('body').textContent()}`, { cause });
      });
      await page.getByText('192.168.1.1/24').first().waitFor();
      expect(await pings('a')).toBe(2);
      expect(opened.complaints).toEqual([]);
    });
  });
}

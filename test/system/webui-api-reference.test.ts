import { expect, test } from 'vitest';
import { openPage, sharedBrowser } from '../webui/browser.ts';
import { keepScreens } from '../webui/screens.ts';
import { startTestBox } from '../webui/test-box.ts';

test('the reference of the API in a browser: its style is let through, and it is accessible', async () => {
  const box = await startTestBox({ page: [] });
  const browser = await sharedBrowser();
  try {
    const { page, complaints } = await openPage(browser, `${box.url}/api`);
    await expect.poll(() => page.title()).toBe('Hithe: API');
    const link = page.getByRole('link', { name: 'GET /api/v1/status' });
    await link.click();
    expect(new URL(page.url()).hash).toBe('#getStatus');
    expect(
      await page.evaluate(() => getComputedStyle(document.querySelector('article') as Element).borderRadius),
    ).toBe('6px');
    await keepScreens(page, 'api-reference', { whole: false });
    expect(complaints).toEqual([]);
  } finally {
    await box.close();
  }
});

test('a link to what is refused, followed in a browser, says why in words and leads back', async () => {
  const box = await startTestBox({ page: [] });
  const browser = await sharedBrowser();
  try {
    const { page } = await openPage(browser, `${box.url}/api/v1/flows/export?format=csv`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.getByText('not-signed-in').isVisible()).toBe(true);
    expect(await page.getByRole('link', { name: 'open the box’s page' }).getAttribute('href')).toBe('/');
    await keepScreens(page, 'refused-link', { whole: false });
  } finally {
    await box.close();
  }
});

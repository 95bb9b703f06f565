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

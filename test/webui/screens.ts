import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { projectRoot } from '../../image-builder/places.ts';
import { accessibilityFindings, sidewaysOverflow } from './browser.ts';

const folder = join(projectRoot, 'build/screenshots');
const sizes = [
  [360, 740],
  [820, 1180],
  [1440, 900],
] as const;

/**
 * Pictures of what the page shows now, for people to look at: in every size, and dark where most of it is in view. Each
 * is accessible and no wider than its window. The page has its first size again afterwards.
 */
export async function keepScreens(
  page: Page,
  name: string,
  /** False for a page that is far longer than its window: the picture is of what is in view. */
  { whole = true }: { readonly whole?: boolean } = {},
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const before = page.viewportSize();
  const picture = (scheme: string, width: number) =>
    page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`), fullPage: whole });
  await page.emulateMedia({ colorScheme: 'light' });
  for (const [width, height] of sizes) {
    await page.setViewportSize({ width, height });
    await picture('light', width);
    expect(await sidewaysOverflow(page), `${name}, ${width} px`).toBe(0);
    // Between a phone and a wide screen is nothing that neither of them has.
    if (width !== 820) expect(await accessibilityFindings(page), `${name}, ${width} px`).toEqual([]);
  }
  // What is enlarged has fewer pixels: to twice its size, and as far as WCAG asks (1.4.10 Reflow).
  for (const width of [720, 320]) {
    await page.setViewportSize({ width, height: 450 });
    expect(await sidewaysOverflow(page), `${name}, ${width} px`).toBe(0);
  }
  // Dark differs in its colours alone.
  const [width, height] = sizes[2];
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture('dark', width);
  expect(await accessibilityFindings(page, { coloursOnly: true }), `${name}, dark`).toEqual([]);
  await page.emulateMedia({ colorScheme: null });
  if (before !== null) await page.setViewportSize(before);
}

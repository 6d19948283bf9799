/** How the browser's tests look at a page: one browser for all of them, a page each, and everything that went wrong in it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { axeFinds } from '../../support/chromium.ts';
import { NOW, type Site } from './support.ts';

export interface Viewer {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly locale?: string;
  readonly token?: string;
  /** For what is not of the page itself: axe. */
  readonly bypassCSP?: boolean;
}

export interface Opened {
  readonly page: Page;
  /** Console errors, page errors, and requests to any other host. */
  readonly trouble: string[];
  readonly requests: { readonly url: string; readonly authorization: string | undefined }[];
}

export type Look = (
  at: Site,
  address: string,
  viewer?: Viewer,
  before?: (page: Page) => Promise<unknown>,
) => Promise<Opened>;

/** Made before the first test, closed after the last. */
export type Sites = () => {
  /** Eleven days of seven sensors. */
  readonly site: Site;
  /** Two days of three. */
  readonly small: Site;
  /** Nothing. */
  readonly empty: Site;
};

export const looker =
  (browser: () => Browser): Look =>
  async (at, address, viewer = {}, before) => {
    const { width = 1400, colorScheme = 'light', locale = 'en-GB', token, bypassCSP = false } = viewer;
    const page = await browser().newPage({
      viewport: { width, height: 900 },
      timezoneId: 'Asia/Tokyo',
      ...{ colorScheme, locale, bypassCSP },
    });
    await page.clock.setFixedTime(NOW);
    if (token !== undefined) await page.addInitScript(`sessionStorage.setItem('enaga-token', '${token}')`);
    const trouble: string[] = [];
    const requests: Opened['requests'] = [];
    page.on('console', message => message.type() === 'error' && trouble.push(message.text()));
    page.on('pageerror', error => trouble.push(String(error)));
    page.on('request', request => {
      if (!request.url().startsWith(at.url) && !request.url().startsWith('blob:')) trouble.push(request.url());
      if (request.url().includes('/v1/'))
        requests.push({ url: request.url(), authorization: request.headers().authorization });
    });
    await before?.(page);
    await page.goto(`${at.url}${address}`);
    await filled(page);
    return { page, trouble, requests };
  };

export const filled = (page: Page): Promise<void> => page.locator('main[data-filled]').waitFor({ timeout: 20_000 });
export const overflow = (page: Page): Promise<unknown> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** Of every page in every way it is looked at, where ENAGA_SCREENSHOTS names a directory for them. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const directory = process.env.ENAGA_SCREENSHOTS;
  if (directory === undefined || directory === '') return;
  const file = `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.png`;
  await page.screenshot({ path: path.join(directory, file), fullPage: true });
}

/** What axe finds. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate("document.querySelector('details')?.setAttribute('open', '')");
  return axeFinds(page);
}

/** Cells of a figure's table, a row each, the head first. */
export async function cellsOf(page: Page, id: string): Promise<string[][]> {
  await page.locator(`#${id} summary`).click();
  await page.locator(`#${id} tbody tr`).first().waitFor();
  const lines = [page.locator(`#${id} thead tr`), ...(await page.locator(`#${id} tbody tr`).all())];
  return Promise.all(lines.map(line => line.locator('th, td').allTextContents()));
}

/** Of a figure that is downloaded, without the quotes of its source. */
export async function csvOf(page: Page, id: string): Promise<string[][]> {
  const coming = page.waitForEvent('download');
  await page.locator(`#${id}`).getByRole('button', { name: 'CSV' }).click();
  const text = await readFile(await (await coming).path(), 'utf8');
  return text
    .trimEnd()
    .split('\r\n')
    .map(line => line.split(','));
}

export const numberIn = (text: string): number => Number(text.replaceAll(',', ''));
/** As far as a figure is written. */
export const near = (text: string, value: number) =>
  expect(Math.abs(numberIn(text) - value)).toBeLessThanOrEqual(value >= 9.95 ? 0.5 : 0.05);

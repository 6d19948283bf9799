/** The map, the heat map and the files made of charts, as they come to a browser; and what they are made of, without one. */
import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INK } from '../../../collector/publish/charts/ink.ts';
import { levelOf, levelsOf } from '../../../collector/publish/charts/levels.ts';
import { WORLD } from '../../../collector/publish/charts/world.ts';
import { timelineOf, undrawnHours } from '../../../collector/publish/pages/client/timelines.ts';
import { keptAssets } from '../../../collector/publish/pages/kept.ts';
import { loadGeo } from '../../../common/geo/load.ts';
import { allocatedIpv4 } from '../../../common/geo/table.ts';
import { axeFinds, launchChromium, missing } from '../../support/chromium.ts';
import { makeSite, NOW, type Site, TODAY } from './support.ts';

describe('levels', () => {
  test('as many values in each as can be, equal ones in one, nothing a level of its own', () => {
    const values = Array.from({ length: 100 }, (_, n) => (n + 1) ** 3);
    const levels = levelsOf(values);
    const sizes = new Map<number, number>();
    for (const value of values) sizes.set(levelOf(value, levels), (sizes.get(levelOf(value, levels)) ?? 0) + 1);
    expect([...sizes]).toEqual([1, 2, 3, 4, 5].map(level => [level, 20]));
    expect([levelOf(0, levels), levelOf(0.1, levels), levelOf(1e9, levels)]).toEqual([0, 1, 5]);
    expect(levelsOf([7, 7, 7, 0])).toEqual({ from: [7], to: [7] });
    expect(levelsOf([1, 2])).toEqual({ from: [1, 2], to: [1, 2] });
    expect(levelsOf([0])).toEqual({ from: [], to: [] });
  });

  test.each(['light', 'dark'] as const)('each is told from the next by its lightness alone, on %s', scheme => {
    const luminance = (colour: string) =>
      [1, 3, 5]
        .map(at => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
        .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, n) => sum + part * [0.2126, 0.7152, 0.0722][n]!, 0);
    const steps = [1, 2, 3, 4, 5].map(level => luminance(INK[scheme][`level-${level}` as 'level-1']) + 0.05);
    const ratios = steps.slice(1).map((step, n) => (scheme === 'light' ? steps[n]! / step : step / steps[n]!));
    expect(Math.min(...ratios)).toBeGreaterThan(1.25);
  });
});

describe('the world', () => {
  test('whoever has addresses has a place, but codes that are no country', () => {
    const placed = new Set([...WORLD.shapes, ...WORLD.points].map(([code]) => code));
    const missing = [...allocatedIpv4(loadGeo()).keys()].filter(code => !placed.has(code));
    expect(missing.filter(code => !['AP', 'EU', 'ZZ', 'AQ'].includes(code))).toEqual([]);
  });

  test('the small ones that matter are dots, where they lie', () => {
    const at = new Map(WORLD.points.map(([code, x, y]) => [code, [x, y] as const]));
    for (const code of ['SG', 'HK', 'MO', 'MT', 'BH', 'MU', 'LU']) expect(at.has(code), code).toBe(true);
    const [malta, singapore, hongKong] = ['MT', 'SG', 'HK'].map(code => at.get(code)!);
    expect([malta![0] < singapore![0], singapore![0] < hongKong![0]]).toEqual([true, true]);
    expect([hongKong![1] < singapore![1], malta![1] < hongKong![1]]).toEqual([true, true]);
    for (const [x, y] of at.values())
      expect(x >= 0 && x <= WORLD.width && y >= 0 && y <= WORLD.height, `${x} ${y}`).toBe(true);
  });
});

test('an hour just begun is left out, one that few watched is marked, and what is left out at the end is told', () => {
  const row = (hour: number, packets: number | null, sensors: number) => ({
    start: `2026-03-18T0${hour}:00:00Z`,
    packets,
    sources: packets,
    meanPerSensor: packets === null ? null : packets / sensors,
  });
  const label = { en: 'a', ja: 'a' };
  const at = (time: string) => ({ step: 'hour', fromMs: 0, toMs: Date.parse(`2026-03-18T${time}:00Z`) }) as const;
  const stretch = at('04:20');
  const hoursOf = (rows: Parameters<typeof timelineOf>[0], until = stretch) => {
    const { starts, partial } = timelineOf(rows, [{ key: 'a', label, rows }], until, 'packets');
    return { hours: starts.map(start => new Date(start).getUTCHours()), partial };
  };
  const undrawnOf = (rows: Parameters<typeof timelineOf>[0], until = stretch) =>
    undrawnHours(timelineOf(rows, [{ key: 'a', label, rows }], until, 'packets'), until);
  const whole = [row(0, 40, 4), row(1, 40, 4), row(2, 10, 1), row(3, 40, 4)];
  expect(hoursOf(whole)).toEqual({ hours: [0, 1, 2, 3], partial: [false, false, true, false] });
  expect(hoursOf([...whole, row(4, 3, 0.3)]).hours).toEqual([0, 1, 2, 3]);
  expect(hoursOf([...whole, row(4, 0, 0.3)]).hours).toEqual([0, 1, 2, 3]);
  expect(hoursOf([...whole, row(4, 20, 2)]).partial).toEqual([false, false, true, false, true]);
  // Not one that is over: of that as much is known as ever will be.
  expect(hoursOf([...whole, row(4, 3, 0.3)], at('05:00'))).toEqual({
    ...{ hours: [0, 1, 2, 3, 4], partial: [false, false, true, false, true] },
  });
  const unwatched = { ...row(1, 0, 1), sources: 0, meanPerSensor: null };
  expect(undrawnOf(whole, at('04:00'))).toBeUndefined();
  expect(undrawnOf([...whole, row(4, 20, 2)])).toBeUndefined();
  expect(undrawnOf([...whole, row(4, 3, 0.3)])).toEqual({ hours: 1, isBegun: true });
  expect(undrawnOf([...whole, { ...row(4, 0, 1), meanPerSensor: null }], at('05:00'))).toEqual({
    hours: 1,
    isBegun: false,
  });
  expect(undrawnOf(whole, at('22:10'))).toEqual({ hours: 19, isBegun: false });
  expect(undrawnOf([unwatched])).toBeUndefined();
  expect(
    undrawnHours(timelineOf(whole, [], { ...at('22:10'), step: 'day' }, 'packets'), { ...stretch, step: 'day' }),
  ).toBeUndefined();
  const withGap = [whole[0]!, unwatched, ...whole.slice(2)];
  for (const count of ['packets', 'sources'] as const)
    expect(timelineOf(withGap, [{ key: 'a', label, rows: withGap }], stretch, count).starts).toHaveLength(3);
  const part = [row(0, null, 1), ...whole.slice(1)];
  expect(timelineOf(whole, [{ key: 'a', label, rows: part }], stretch, 'packets').starts).toHaveLength(3);
});

interface Viewer {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly locale?: string;
  readonly token?: string;
  readonly bypassCSP?: boolean;
}

interface RankRow {
  readonly country: string;
  readonly rank: number;
  readonly packets: number;
  readonly sources: number;
  readonly meanPerSensor: number;
}

describe.skipIf(missing !== '')(`in a browser${missing}`, () => {
  let browser: Browser;
  let site: Site;

  beforeAll(async () => {
    const launched = launchChromium();
    site = await makeSite({ days: 10, sensors: 7, packetsPerDay: 150, assets: keptAssets() });
    browser = await launched;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  async function look(address: string, viewer: Viewer = {}): Promise<{ page: Page; trouble: string[] }> {
    const { width = 1400, colorScheme = 'light', locale = 'en-GB', token = site.token, bypassCSP = false } = viewer;
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme, locale, bypassCSP });
    await page.clock.setFixedTime(NOW);
    if (token !== '') await page.addInitScript(`sessionStorage.setItem('enaga-token', '${token}')`);
    const trouble: string[] = [];
    page.on('console', message => message.type() === 'error' && trouble.push(message.text()));
    page.on('pageerror', error => trouble.push(String(error)));
    page.on('request', request => {
      if (!request.url().startsWith(site.url) && !request.url().startsWith('blob:')) trouble.push(request.url());
    });
    await page.goto(`${site.url}${address}`);
    await page.locator('main[data-filled]').waitFor({ timeout: 20_000 });
    return { page, trouble };
  }

  const ranks = (): Promise<RankRow[]> =>
    site.ask<RankRow>(`/v1/ranks/countries?period=week&start=${TODAY}`, site.token);
  /** Code and figure of each country that leads somewhere, as a screen reader has them. */
  const labels = async (page: Page): Promise<Map<string, string>> => {
    const links = await page.locator('.map a').all();
    const each = links.map(
      async link =>
        [(await link.getAttribute('data-code'))!, (await link.getAttribute('aria-label'))!.split(': ')[1]!] as const,
    );
    return new Map(await Promise.all(each));
  };

  test('the map shows what /v1 says, by packets, by sources and by addresses', async () => {
    const { page, trouble } = await look('/countries');
    const rows = await ranks();
    expect(rows.length).toBeGreaterThan(10);
    const rounded = (value: number) => (value >= 9.95 ? Math.round(value).toLocaleString('en') : value.toFixed(1));
    const seen = await labels(page);
    expect(seen.size).toBe(rows.length);
    for (const { country, meanPerSensor } of rows) expect(seen.get(country)).toBe(rounded(meanPerSensor / 7));
    await page.getByRole('link', { name: 'Sources', exact: true }).click();
    await page.waitForURL('**/countries?measure=sources');
    await page.locator('main[data-filled]').waitFor();
    const sources = await labels(page);
    for (const row of rows) expect(sources.get(row.country)).toBe(row.sources.toLocaleString('en'));
    await page.getByRole('link', { name: 'Sources per million' }).click();
    await page.waitForURL('**/countries?measure=density');
    await page.locator('main[data-filled]').waitFor();
    const allocated = allocatedIpv4(loadGeo());
    const density = await labels(page);
    for (const row of rows) {
      const perMillion = (1e6 * row.sources) / allocated.get(row.country)!;
      expect(Number(density.get(row.country)!.replaceAll(',', '')) / perMillion).toBeCloseTo(1, 1);
    }
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('the allocations are those of the database', async () => {
    const rows = await site.ask<{ country: string; addresses: number }>('/v1/days/2026-03-10/allocations');
    expect(new Map(rows.map(({ country, addresses }) => [country, addresses]))).toEqual(allocatedIpv4(loadGeo()));
  });

  test('more is darker, nothing is plain; the public has no figure of who is not published', async () => {
    const { page } = await look('/countries');
    const fillOf = (code: string) => page.locator(`.map a[data-code=${code}] > *`).first().getAttribute('fill');
    const rows = await ranks();
    expect(await fillOf(rows[0]!.country)).toBe('var(--level-5)');
    expect(await fillOf(rows.at(-1)!.country)).toBe('var(--level-1)');
    const fills = async (at: Page) =>
      new Set(await at.locator('.map path').evaluateAll(paths => paths.map(path => path.getAttribute('fill'))));
    expect(await fills(page)).toContain('var(--level-0)');
    await page.close();
    const open = await look('/countries', { token: '' });
    const published = await fills(open.page);
    expect(published).not.toContain('var(--level-0)');
    expect([...published].some(fill => fill!.startsWith('url(#'))).toBe(true);
    expect(await open.page.locator('.map a').count()).toBe(10);
    expect(await open.page.getByRole('link', { name: 'Sources per million' }).count()).toBe(0);
    await open.page.close();
  });

  test('by click and by key it leads to the country', async () => {
    const [first, second] = await ranks();
    const { page } = await look('/countries');
    await page.locator('.map a[tabindex="0"]').focus();
    expect(await page.locator('.readout').textContent()).toContain('rank 1');
    await page.keyboard.press('ArrowDown');
    expect(await page.locator('.readout').textContent()).toContain('rank 2');
    expect(await page.locator('.map a[tabindex="0"]').count()).toBe(1);
    await page.locator('.map path[data-code=AU]').hover();
    expect(await page.locator('.readout').textContent()).toBe('Australianone seen');
    await page.locator('.map a[tabindex="0"]').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/countries/${second!.country}`);
    await page.goBack();
    await page.locator(`.map a[data-code=${first!.country}]`).click();
    await page.waitForURL(`**/countries/${first!.country}`);
    await page.close();
  });

  test('the heat map has a square for each country and day, with the figures of /v1', async () => {
    const { page, trouble } = await look('/ports/tcp/23');
    const pairs = await site.ask<{ date: string; country: string; packets: number; meanPerSensor: number }>(
      '/v1/days/2026-03-11:2026-03-17/port-countries?port=23/tcp',
      site.token,
    );
    expect(await page.locator('#days .chart rect').count()).toBeGreaterThanOrEqual(12 * 7);
    await page.locator('#days summary').click();
    await page.locator('#days tbody tr').first().waitFor();
    const head = await page.locator('#days thead th').allTextContents();
    expect(head).toHaveLength(13);
    for (const line of await page.locator('#days tbody tr').all()) {
      const [date, ...cells] = await line.locator('th, td').allTextContents();
      const china = pairs.find(row => row.date === date && row.country === 'CN');
      expect(Number(cells[head.indexOf('China') - 1]!.replace(',', ''))).toBeCloseTo(china?.meanPerSensor ?? 0, -0.3);
    }
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('a PNG is one, twice as large as the SVG, and not empty', async () => {
    const { page, trouble } = await look('/countries');
    const fileOf = async (name: string): Promise<Buffer> => {
      const coming = page.waitForEvent('download');
      await page.locator('#world').getByRole('button', { name }).click();
      return readFile(await (await coming).path());
    };
    const svg = (await fileOf('SVG')).toString();
    const png = await fileOf('PNG');
    expect(svg).toMatch(/World map of sources.*mean of 6\.\d sensors.*Natural Earth/s);
    expect(svg).not.toMatch(/var\(|<a /);
    const [, width, height] = /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(svg)!;
    expect(png.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2 * Number(width), 2 * Number(height)]);
    expect(png.length).toBeGreaterThan(40_000); // a ground alone is a fifth of it
    const csv = (await fileOf('CSV')).toString();
    const [first] = await ranks();
    expect(csv).toMatch(/^country,name,packets,source\r\n/);
    expect(Number(csv.split('\r\n')[1]!.split(',')[2])).toBeCloseTo(first!.meanPerSensor / 7, 3);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('the first page is under 300 KB in all, its map too', async () => {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.clock.setFixedTime(NOW);
    await page.addInitScript(`sessionStorage.setItem('enaga-token', '${site.token}')`);
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    let bytes = 0;
    session.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await page.goto(site.url);
    await page.locator('main[data-filled]').waitFor({ timeout: 20_000 });
    expect(await page.locator('#map .map').count()).toBe(1);
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes).toBeLessThan(300_000);
    await page.close();
  });

  const cases = [
    ['/countries', { width: 1400 }],
    ['/countries?measure=density', { width: 360, colorScheme: 'dark', locale: 'ja-JP' }],
    ['/countries?window=month', { width: 2560, colorScheme: 'dark' }],
    ['/countries', { width: 1400, locale: 'ja-JP', token: '' }],
    ['/ports/tcp/23?window=month', { width: 360, locale: 'ja-JP' }],
  ] as const;
  test.each(cases)('%s, %o: no trouble, nothing that axe finds, no sideways scroll', async (address, viewer) => {
    const { page, trouble } = await look(address, { ...viewer, bypassCSP: true });
    expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0);
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.setAttribute('open', ''))");
    expect(await axeFinds(page)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.close();
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INK } from '../../collector/publish/charts/ink.ts';
import { CLASSES, sourcesText, TOOLS } from '../../collector/publish/names.ts';
import { count } from '../../collector/publish/words.ts';
import type { Results } from '../../collector/reduce/results.ts';
import { renderReport } from '../../collector/replay/report.ts';
import { axeFinds, launchChromium, missing } from '../support/chromium.ts';
import { type SampleOptions, sampleResults } from '../support/sample-results.ts';

const options = { top: 10, now: new Date('2026-07-10T08:00:00Z') };
const eight = sampleResults({ days: 8 });

const SAMPLES: Record<string, SampleOptions> = {
  'no day': { days: 0 },
  'one hour': { days: 1, onlyHour: 13, packets: 900, tail: 3 },
  'one day': { days: 1 },
  'eight days': { days: 8 },
  'a hundred days': { days: 100 },
};

/** Everything from outside replaced by markup and odd characters. */
function hostileResults(): Results {
  const evil = '<script>document.title="owned"</script>"\'&';
  const [day] = sampleResults({ days: 1 }).days;
  return {
    ...eight,
    geo: { name: evil, built: '"><img src=x>' },
    skipped: { [evil]: 3 },
    days: [
      {
        ...day,
        countries: [{ country: evil, packets: day.packets, sources: 1, scanningSources: 1 }],
        countryHours: () => [{ country: evil, hour: 3, packets: day.packets, sources: 1 }],
        topSources: [{ ...day.topSources[0], address: evil, country: evil }],
      },
    ],
  };
}

const figureOf = (page: string, id: string): string =>
  new RegExp(`<figure id="${id}">.*?</figure>`, 's').exec(page)![0];
/** What it was counted from, in both languages. */
const sourceOf = (page: string, id: string): string =>
  /<p class="source">(.*?)<\/p>/s.exec(figureOf(page, id))![1]!.replace(/<[^>]+>/g, '');

describe('the file', () => {
  test('the same results and clock give the same bytes', () => {
    expect(renderReport(eight, options)).toBe(renderReport(sampleResults({ days: 8 }), options));
  });

  test('eight days are under 600 KB', () => {
    expect(Buffer.byteLength(renderReport(eight, options))).toBeLessThan(600_000);
  });

  test('nothing in it is fetched from anywhere', () => {
    const text = renderReport(eight, options);
    expect([...text.matchAll(/(?:src|href)="([^"]*)"|url\((?!#)|@import/g)].map(match => match[1])).toEqual(['data:,']);
  });

  test('it says what happened: the top port with its share, and what rose, from where', () => {
    const text = renderReport(eight, options);
    expect(text).toContain('The most targeted port was 23/tcp (telnet) with 25% of all packets');
    expect(text).toContain('宛先ポート別では23/tcp（telnet）が最も多く、全体の25%を占めました');
    expect(text).toMatch(/37215\/tcp \(huawei-hg532\) rose on 6 July 2026 .* most came from Brazil/);
  });

  test('a day of a broken clock stretches no chart: it is left to the tables, and the page says so', () => {
    const broken = { ...eight.days[0], date: '1970-01-01', packets: 1 };
    const packets = eight.days.reduce((sum, day) => sum + day.packets, 0);
    const [some, all] = [count(packets), count(packets + 1)];
    const text = renderReport({ ...eight, records: packets + 1, days: [broken, ...eight.days] }, options);
    expect(text).toContain('Charts over time show 1–8 July 2026 only. 1 day far from it');
    expect(text).toContain('<th scope="row">1970-01-01</th>');
    expect(text).toContain('Packets an hour, UTC');
    for (const id of ['packets', 'ports', 'countries', 'tool-packets', 'tool-sources', 'classes']) {
      const source = sourceOf(text, `${id}-chart`);
      expect(source).toContain(`Enaga, 1–8 July 2026 only: ${some} of ${all} packets of capture files, geo-`);
      expect(source).toContain(
        `Enaga、2026年7月1日～8日のみ（キャプチャーファイルの${all}パケットのうち${some}パケット）、geo-`,
      );
    }
    expect(sourceOf(text, 'world-chart')).toContain(`Enaga, ${all} packets of`);
    expect(renderReport(eight, options)).not.toContain('Charts over time show');
  });

  test('charts of tools and classes that are not over time count the days that those over time leave out', () => {
    const [early, late] = [
      { ...eight.days[0]!, date: '2026-01-01' },
      { ...eight.days[7]!, date: '2026-11-22' },
    ];
    const text = renderReport({ ...eight, records: early.packets + late.packets, days: [early, late] }, options);
    const values = (id: string) =>
      [...figureOf(text, id).matchAll(/<td class="n">([^<]+)</g)].map(([, value]) => value);
    const added = (name: (typeof TOOLS)[number]) => early.tools[name].packets + late.tools[name].packets;
    const most = (name: (typeof TOOLS)[number]) => Math.max(early.tools[name].sources, late.tools[name].sources);
    expect(text).toContain('Charts over time show 22 November 2026 only');
    expect(values('tool-packets-chart')).toEqual(TOOLS.map(name => count(added(name))));
    expect(values('tool-sources-chart')).toEqual(TOOLS.map(name => sourcesText(most(name))));
    expect(figureOf(text, 'tool-sources-chart')).toContain('of each tool on the day it had most');
    expect(values('classes-chart')).toEqual(
      CLASSES.map(name => count(early.classes[name].packets + late.classes[name].packets)),
    );
    for (const id of ['classes-chart', 'tool-packets-chart', 'tool-sources-chart'])
      expect(sourceOf(text, id)).toContain(`Enaga, ${count(early.packets + late.packets)} packets of`);
  });

  test('a mean of sources a day is never 0 where there was one, and of one day it is that day’s count', () => {
    const [day] = eight.days;
    const row = (country: string, sources: number) => ({ ...day!.countries[0]!, country, sources });
    const busy = { ...day!, ports: day!.ports.slice(0, 1), countries: [row('JP', 1), row('DE', 29), row('FR', 31)] };
    const daysOf = (length: number) =>
      Array.from({ length }, (_, n) => ({
        ...busy,
        ...(n > 0 && { countries: [] }),
        date: `2026-06-${String(n + 1).padStart(2, '0')}`,
      }));
    const cellsOf = (text: string, code: string) =>
      [...text.matchAll(new RegExp(`<tr><th scope="row">${code} .*?</tr>`, 'gs'))].map(([html]) =>
        [...html.matchAll(/<td class="n">([^<]*)</g)].map(([, cell]) => cell).at(-1),
      );
    const meansOf = (days: number) => {
      const text = renderReport({ ...eight, days: daysOf(days) }, options);
      return ['JP', 'DE', 'FR'].map(code => cellsOf(text, code));
    };
    const twice = (text: string) => [text, text]; // in the ranking, and beside the map
    expect(meansOf(3)).toEqual(['0.3', '9.7', '10'].map(twice));
    expect(meansOf(30)).toEqual(['&lt;0.1', '1.0', '1.0'].map(twice));
    expect(meansOf(1)).toEqual(['1', '29', '31'].map(twice));
  });

  test('unknown is no country among those that have no row', () => {
    const countries = eight.days.flatMap(day => day.countries.map(row => row.country));
    const known = new Set(countries.filter(code => code !== '??')).size;
    const withRows = (top: number) => renderReport(eight, { ...options, top });
    expect(withRows(5)).toContain(`${known - 5} others and unknown`);
    expect(withRows(5)).toContain(`その他${known - 5}地域と不明`);
  });

  test('missing days leave a gap, not zeros', () => {
    const days = eight.days.filter((_, i) => i !== 2);
    const text = renderReport({ ...eight, days }, options);
    expect(text).not.toMatch(/NaN|undefined/);
    expect(text).not.toContain('2026-07-03 00:00');
  });

  test('the map has every country with its packets, says whose borders it has and what is not on it', () => {
    const text = renderReport(eight, { ...options, allocated: new Map([['CN', 340_000_000]]) });
    const map = /<section><h2 id="world">.*?<\/section>/s.exec(text)![0];
    const packets = new Map<string, number>();
    for (const day of eight.days)
      for (const { country, packets: n } of day.countries) packets.set(country, (packets.get(country) ?? 0) + n);
    const known = [...packets].filter(([code]) => code !== '??');
    const drawn = [...map.matchAll(/<title>([A-Z]{2}) ([\d,]+)<\/title>/g)].map(
      ([, code, n]) => [code, Number(n!.replaceAll(',', ''))] as const,
    );
    expect(drawn).toHaveLength(2 * known.length); // for a wide page and for a phone
    expect(new Map(drawn)).toEqual(new Map(known));
    expect(map).toContain('borders: Natural Earth');
    expect(map).toMatch(/Not on the map: Unknown \(\d+\.\d%\)/);
    const sources = eight.days.reduce((sum, day) => sum + day.countries.find(row => row.country === 'CN')!.sources, 0);
    expect(map).toContain(`<td class="n">${Number((sources / 8 / 340).toPrecision(3))}</td>`);
    expect([...text.matchAll(/<p class="source">/g)]).toHaveLength([...text.matchAll(/<figure /g)].length);
  });

  test('a stale database is said aloud, a fresh one is not', () => {
    expect(renderReport(eight, options)).not.toContain('class="warn"');
    expect(renderReport(eight, { ...options, now: new Date('2026-12-01') })).toContain('is 167 days old');
  });
});

test.each(['light', 'dark'] as const)('every series colour has a contrast of 3 to its %s ground', scheme => {
  const luminance = (colour: string) =>
    [1, 3, 5]
      .map(at => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
      .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
      .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = luminance(INK[scheme].ground);
  for (const [name, colour] of Object.entries(INK[scheme]).filter(([key]) => key.startsWith('series-'))) {
    const [low, high] = [luminance(colour), ground].sort((a, b) => a - b);
    expect((high + 0.05) / (low + 0.05), name).toBeGreaterThanOrEqual(3);
  }
});

describe.skipIf(missing !== '')(`in a browser${missing}`, () => {
  let browser: Browser;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'enaga-report-'));
    browser = await launchChromium();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await rm(directory, { recursive: true });
  });

  interface Seen {
    page: Page;
    /** Console errors, page errors and requests to anything but a file. */
    trouble: string[];
  }

  async function open(results: Results, viewer: Parameters<Browser['newPage']>[0] = {}): Promise<Seen> {
    const file = join(directory, `${Math.random()}.html`);
    await writeFile(file, renderReport(results, options));
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, locale: 'en-GB', ...viewer });
    const trouble: string[] = [];
    page.on('console', message => message.type() === 'error' && trouble.push(message.text()));
    page.on('pageerror', error => trouble.push(String(error)));
    page.on('request', request => !/^(file|data):/.test(request.url()) && trouble.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    return { page, trouble };
  }

  const overflow = (page: Page) =>
    page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

  test.each(Object.keys(SAMPLES))(
    '%s: no error, no request, no sideways scroll on phone or desk, in both languages',
    async name => {
      for (const width of [360, 1400]) {
        const { page, trouble } = await open(sampleResults(SAMPLES[name]), { viewport: { width, height: 900 } });
        expect(await overflow(page)).toBe(0);
        await page.getByText('日本語').click();
        expect(await overflow(page)).toBe(0);
        expect(trouble).toEqual([]);
        await page.close();
      }
    },
    60_000,
  );

  test('one language shows at a time, and the page says which', async () => {
    const { page } = await open(eight);
    const shown = async () => [await page.locator('h1 .en').isVisible(), await page.locator('h1 .ja').isVisible()];
    const lang = () => page.evaluate('document.documentElement.lang');
    expect([await shown(), await lang()]).toEqual([[true, false], 'en']);
    await page.getByText('日本語').click();
    expect([await shown(), await lang()]).toEqual([[false, true], 'ja']);
    expect(await page.locator('svg g.en').first().isVisible()).toBe(false);
    await page.close();
  });

  test('a Japanese reader is met in Japanese, and without JavaScript the switch still works', async () => {
    const japanese = await open(eight, { locale: 'ja-JP' });
    expect(await japanese.page.locator('h1 .ja').isVisible()).toBe(true);
    await japanese.page.close();
    const { page } = await open(eight, { javaScriptEnabled: false });
    await page.getByText('日本語').click();
    expect(await page.locator('h1 .ja').isVisible()).toBe(true);
    expect(await page.locator('h1 .en').isVisible()).toBe(false);
    await page.close();
  });

  test('every chart is an image with a name and a description in the language shown, and its data in a table', async () => {
    const { page } = await open(eight, { locale: 'ja-JP' });
    expect(await page.getByRole('img', { name: '宛先ポート' }).count()).toBe(1);
    expect(await page.getByRole('img').count()).toBe(await page.locator('figure details table').count());
    await page.close();
  });

  test('on paper it is light, whole and of few pages, in either language', async () => {
    for (const locale of ['en-GB', 'ja-JP']) {
      const { page } = await open(eight, { locale, colorScheme: 'dark' });
      const pdf = await page.pdf({ preferCSSPageSize: true });
      expect(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)!.length).toBeLessThanOrEqual(8);
      await page.emulateMedia({ media: 'print' });
      await page.setViewportSize({ width: 680, height: 900 }); // what A4 leaves between its margins
      expect(await overflow(page)).toBe(0);
      expect(await page.locator('details, .switch').filter({ visible: true }).count()).toBe(0);
      expect(await page.locator('.chart.wide').filter({ visible: true }).count()).toBe(
        await page.locator('figure').count(),
      );
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
      await page.close();
    }
  });

  test('names from outside show as they are written', async () => {
    const { page, trouble } = await open(hostileResults());
    expect(await page.title()).not.toContain('owned');
    expect(await page.locator('main script, main img').count()).toBe(0);
    expect(await page.getByText('<script>document.title="owned"</script>').first().isVisible()).toBe(true);
    expect(trouble).toEqual([]);
    await page.close();
  });

  const cases = [
    ['eight days', 1400, 'light', 'en-GB'],
    ['eight days', 1400, 'dark', 'ja-JP'],
    ['one day', 360, 'light', 'ja-JP'],
    ['one day', 360, 'dark', 'en-GB'],
    ['no day', 1400, 'light', 'en-GB'],
  ] as const;
  test.each(cases)(
    'axe finds nothing wrong with %s at %i in %s, %s',
    async (name, width, colorScheme, locale) => {
      const viewport = { width, height: 900 };
      const { page } = await open(sampleResults(SAMPLES[name]), { colorScheme, locale, viewport, bypassCSP: true });
      await page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })");
      expect(await axeFinds(page)).toEqual([]);
      await page.close();
    },
    60_000,
  );
});

/** A day's autonomous systems, against what /v1 says, for members alone; and whose economy the page Domestic opens on. */
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { homeOf } from '../../../collector/publish/pages/client/home.ts';
import { keptAssets } from '../../../collector/publish/pages/kept.ts';
import { launchChromium, missing } from '../../support/chromium.ts';
import { filled, keepPicture, looker, overflow, violations } from './look.ts';
import { makeSite, type Site } from './support.ts';

/** Every other /8 has an AS; what comes from the rest has none. */
const ASNS = Array.from(
  { length: 100 },
  (_, n) => [`${2 * n + 1}.0.0.0/8`, n === 36 ? 4_200_000_036 : 64_512 + n] as const,
);
const PUBLISHED = '2026-03-15';

interface Row {
  readonly asn: number;
  readonly packets: number;
  readonly share: number;
  readonly sources: number;
  readonly scanningSources: number;
}

describe.skipIf(missing !== '')(`in a browser${missing}`, () => {
  let browser: Browser;
  let [site, without] = [] as unknown as [Site, Site];
  const look = looker(() => browser);

  beforeAll(async () => {
    const launched = launchChromium();
    const assets = keptAssets();
    site = await makeSite({ days: 5, sensors: 7, packetsPerDay: 150, assets, asns: ASNS });
    without = await makeSite({ days: 1, sensors: 1, packetsPerDay: 50, assets });
    browser = await launched;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    for (const one of [site, without]) await one?.close();
  });

  const linesOf = async (page: Page) => {
    const lines = await page.locator('.asns tbody tr:visible').all();
    return Promise.all(lines.map(line => line.locator('th, td').allTextContents()));
  };

  test.each([
    ['en-GB', PUBLISHED, 'unknown', 'Show'],
    ['ja-JP', '2026-03-18', '不明', 'さらに'],
  ])(
    'in %s, of %s: the busiest ASes, then the others, with the figures of /v1',
    async (locale, date, unknown, show) => {
      const rows = await site.ask<Row>(`/v1/days/${date}/asns`, site.token);
      const told = rows.map(({ asn, packets, share, sources, scanningSources }) => [
        asn === 0 ? unknown : `AS${asn}`,
        packets.toLocaleString('en'),
        `${(100 * share).toFixed(1)}%`,
        ...[sources, scanningSources].map(count => count.toLocaleString('en')),
      ]);
      expect(told.length).toBeGreaterThan(11);
      expect(told.slice(0, 10).map(([name]) => name)).toContain(unknown);
      const { page, trouble } = await look(site, `/days#${date}`, { token: site.delta, locale, width: 1280 });
      await page.locator('.asns').waitFor();
      expect(await linesOf(page)).toEqual(told.slice(0, 10));
      const note = await page.locator('#asns + .note').textContent();
      expect(note).toContain('Test-ASN 2025-06-15');
      const ases = rows.filter(({ asn }) => asn !== 0).length;
      expect(note).toContain(locale === 'ja-JP' ? `全${ases}ASと不明。` : `${ases} in all, and unknown;`);
      const button = page.getByRole('button', { name: show });
      expect(await button.textContent()).toContain(String(told.length - 10));
      await button.focus();
      await page.keyboard.press('Enter');
      expect(await linesOf(page)).toEqual(told);
      expect(await button.count()).toBe(0);
      expect(await page.evaluate("document.activeElement.getAttribute('aria-labelledby')")).toBe('asns');
      expect(trouble).toEqual([]);
      await page.close();
    },
  );

  test.each([
    ['en-GB', 'counted without a database of autonomous systems'],
    ['ja-JP', 'ASデータベースなしで集計した'],
  ])('in %s, a day without a database says so and shows none', async (locale, why) => {
    const { page, trouble } = await look(without, '/days', { token: without.token, locale });
    expect(await page.locator('#asns + .note').textContent()).toContain(why);
    expect(await page.locator('.asns').count()).toBe(0);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('enormous numbers scroll within the table, and the database has a name that is text', async () => {
    const evil = '<img src=x>';
    const { page, trouble } = await look(site, '/days', { token: site.token, width: 360 }, async one => {
      await one.route(/\/asns/, async route => {
        const answer = await route.fetch();
        const { rows, ...more } = (await answer.json()) as { rows: object[] };
        const huge = { asn: 4_294_967_295, packets: 9.9e15, sources: 9.9e15, scanningSources: null };
        await route.fulfill({ response: answer, json: { ...more, rows: rows.map(row => ({ ...row, ...huge })) } });
      });
      await one.route(/\/v1\/days\?/, async route => {
        const answer = await route.fetch();
        const { rows, ...more } = (await answer.json()) as { rows: object[] };
        const asnDatabase = evil;
        await route.fulfill({ response: answer, json: { ...more, rows: rows.map(row => ({ ...row, asnDatabase })) } });
      });
    });
    await page.locator('.asns').waitFor();
    expect(await page.locator('.asns tbody tr').first().locator('th, td').allTextContents()).toEqual([
      ...['AS4294967295', '9,900,000,000,000,000', expect.stringMatching(/%$/), '9,900,000,000,000,000', '–'],
    ]);
    expect(await overflow(page)).toBe(0);
    expect(await page.locator('#asns + .note').textContent()).toContain(evil);
    expect(await page.locator('main img').count()).toBe(0);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test.each(['/days', '/days?as=public'])('of %s the public sees none, and asks for none', async address => {
    const signedIn = address.includes('public');
    const viewer = signedIn ? { token: site.token } : {};
    const { page, trouble, requests } = await look(site, `${address}#${PUBLISHED}`, viewer);
    await page.getByRole('heading', { name: 'Busiest countries' }).waitFor();
    expect(await page.locator('#asns, .asns').count()).toBe(0);
    expect(requests.filter(({ url }) => url.includes('/asns'))).toEqual([]);
    const days = await site.ask<{ date: string }>('/v1/days');
    expect(days.map(({ date }) => date)).toContain(PUBLISHED);
    expect(days.filter(day => 'asnDatabase' in day)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.close();
  });

  /** Each part with what stands below its title: that it is there, or the words in its place. */
  const partsOf = async (page: Page): Promise<Record<string, string>> => {
    const titles = await page.locator('.files h3').all();
    const parts = titles.map(async title => {
      const below = title.locator('xpath=following-sibling::*[1]');
      const isFault = (await below.getAttribute('class')) === 'warn';
      return [await title.textContent(), isFault ? (await below.textContent())!.trim() : 'there'];
    });
    const files = await page.locator('.files .scroll table:not(.asns)').count();
    const fault = (await page.locator('.files > .filled > .warn').allTextContents()).join().trim();
    return { ...Object.fromEntries(await Promise.all(parts)), files: files === 1 ? 'there' : fault };
  };

  describe.each([
    [
      'en-GB',
      {
        ...{ ports: 'Busiest ports', countries: 'Busiest countries', asns: 'Autonomous systems' },
        exchange: 'Exchange files: scans from a country',
        refused: 'It could not be loaded: Not for this token.',
        wrong: 'It could not be loaded: Something is wrong at the collector. Choose the day again to retry.',
        silent: 'It could not be loaded: The collector does not answer. Choose the day again to retry.',
        away: 'It could not be loaded: The collector is not ready at this moment. Choose the day again to retry.',
        busy: 'The files could not be listed: One moment. Choose the day again to retry.',
        loading: 'Loading …',
      },
    ],
    [
      'ja-JP',
      {
        ...{ ports: '上位ポート', countries: '上位の送信元地域', asns: '送信元AS' },
        exchange: '交換用ファイル：送信元地域別のスキャン',
        refused: '取得できませんでした：このトークンでは閲覧できません。',
        wrong: '取得できませんでした：コレクターで問題が発生しました。日付を選び直すと再試行します。',
        silent: '取得できませんでした：コレクターから応答がありません。日付を選び直すと再試行します。',
        away: '取得できませんでした：コレクターの準備ができていません。日付を選び直すと再試行します。',
        busy: 'ファイルの一覧を取得できませんでした：しばらくお待ちください。日付を選び直すと再試行します。',
        loading: '読み込み中…',
      },
    ],
  ] as const)('in %s, a day of which a part cannot be had', (locale, words) => {
    const all = Object.fromEntries(
      [words.ports, words.countries, words.asns, words.exchange, 'files'].map(part => [part, 'there']),
    );
    const refuse = (status: number) => (route: Route) =>
      route.fulfill({
        status,
        headers: { 'retry-after': '3600' },
        contentType: 'application/problem+json',
        body: '{}',
      });
    const cases = [
      [words.ports, /\/days\/[^/]+\/ports\?/, refuse(403), words.refused],
      [words.countries, /\/countries\?limit=5$/, refuse(500), words.wrong],
      [words.asns, /\/asns\?/, (route: Route) => route.abort(), words.silent],
      [words.exchange, /\/v1\/reader/, refuse(503), words.away],
      ['files', /\/files\?type=json$/, refuse(429), words.busy],
    ] as const;

    test.each(cases)('%s: it is told, the others are shown, and it is asked for again', async (part, of, how, told) => {
      const viewer = { token: site.token, locale, width: 375 };
      const { page } = await look(site, `/days#${PUBLISHED}`, viewer, one => one.route(of, how));
      expect(await partsOf(page)).toEqual({ ...all, [part]: told });
      expect(await overflow(page)).toBe(0);
      await keepPicture(page, `day ${locale} without ${of.source}`);
      await page.unroute(of);
      await page.locator(`[data-day="${PUBLISHED}"]`).click();
      await page.locator('.files .slot').last().waitFor({ state: 'detached' });
      expect(await partsOf(page)).toEqual(all);
      await page.close();
    });

    test('the public: of three parts one is told', async () => {
      const { page } = await look(site, `/days#${PUBLISHED}`, { locale, bypassCSP: true }, one =>
        one.route(/\/countries\?/, route => route.abort()),
      );
      expect(await partsOf(page)).toEqual({ [words.ports]: 'there', [words.countries]: words.silent, files: 'there' });
      expect(await violations(page)).toEqual([]);
      await page.close();
    });

    test('late, the others are there; and it does not come into another day', async () => {
      const { page, trouble } = await look(site, `/days#${PUBLISHED}`, { token: site.token, locale });
      const late = Promise.withResolvers<void>();
      await page.route(/2026-03-14\/asns/, async route => {
        await late.promise;
        await route.continue();
      });
      await page.locator('[data-day="2026-03-14"]').click();
      await page.locator('.files select').waitFor();
      const { [words.asns]: _, ...others } = all;
      expect(await partsOf(page)).toEqual(others);
      expect(await page.locator('.files .slot').allTextContents()).toEqual([words.loading]);
      await keepPicture(page, `day ${locale} late`);
      await page.locator(`[data-day="${PUBLISHED}"]`).click();
      const answered = page.waitForResponse(/2026-03-14\/asns/);
      late.resolve();
      await (await answered).finished();
      await page.locator('.asns').waitFor();
      const [busiest] = await site.ask<Row>(`/v1/days/${PUBLISHED}/asns`, site.token);
      expect((await linesOf(page))[0]![1]).toBe(busiest!.packets.toLocaleString('en'));
      expect(await partsOf(page)).toEqual(all);
      expect(trouble).toEqual([]);
      await page.close();
    });
  });

  const cases = [
    { width: 1280 },
    { width: 1280, colorScheme: 'dark', locale: 'ja-JP' },
    { width: 390, locale: 'ja-JP' },
    { width: 390, colorScheme: 'dark' },
  ] as const;
  test.each(cases)('%o: no trouble, nothing that axe finds, no sideways scroll', async viewer => {
    const { page, trouble } = await look(site, '/days', { ...viewer, token: site.token, bypassCSP: true });
    await page.locator('.asns').waitFor();
    expect(await overflow(page)).toBe(0);
    await keepPicture(page, `day ${Object.values(viewer).join(' ')}`);
    expect(await violations(page)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('Domestic opens on the economy of who reads; on the first where that does not show, and as chosen', async () => {
    const titleFor = async (address: string, token?: string) => {
      const { page, trouble } = await look(site, address, token === undefined ? {} : { token });
      const title = await page.locator('h1').textContent();
      expect(trouble).toEqual([]);
      return { page, title };
    };
    const { gamma, delta, beta, token } = site;
    for (const [address, who, title] of [
      ['/domestic', delta, 'Sensors in Indonesia against all others'], // its one sensor stands there
      ['/domestic', gamma, 'Sensors in South Korea against all others'], // it answers for it; its sensors stand in two
      ['/domestic', beta, 'Sensors in Japan against all others'], // a sensor in each of two
      ['/domestic', token, 'Sensors in Japan against all others'], // an admin without sensors is told of all
      ['/domestic?economy=JP', delta, 'Sensors in Japan against all others'],
      ['/domestic?economy=BR', delta, 'Sensors in Indonesia against all others'],
      ['/domestic', undefined, 'Too few sensors to publish'],
      ['/domestic?as=public', delta, 'Too few sensors to publish'],
    ] as const) {
      const found = await titleFor(address, who);
      expect([address, found.title]).toEqual([address, title]);
      await found.page.close();
    }
    const { page } = await titleFor('/domestic', gamma);
    await page.getByLabel('Sensors in').selectOption('JP');
    await page.waitForURL('**/domestic?economy=JP');
    await filled(page);
    await page.getByRole('link', { name: '1 month' }).click();
    await filled(page);
    expect(new URL(page.url()).search).toBe('?economy=JP&window=month');
    expect(await page.locator('h1').textContent()).toContain('Japan');
    await page.close();
  });
});

describe('the economy of who reads', () => {
  const sensor = (owner: string, economy: string, state: 'enrolled' | 'revoked' = 'enrolled') => ({
    ...{ owner, economy, state },
  });
  const economies = ['JP', 'KR', 'ID'];
  test.each([
    ['the one country that it answers for', ['KR'], [sensor('a', 'ID')], 'KR'],
    ['where most of its sensors stand', [], [sensor('a', 'ID'), sensor('a', 'KR'), sensor('a', 'ID')], 'ID'],
    ['... though it reads of several', ['KR', 'JP'], [sensor('a', 'ID')], 'ID'],
    ['... though it reads of one that has no sensors', ['BR'], [sensor('a', 'ID')], 'ID'],
    ['none of two that have as many', [], [sensor('a', 'ID'), sensor('a', 'KR')], undefined],
    ['not where others have theirs', [], [sensor('b', 'ID')], undefined],
    ['not where a revoked one stood', [], [sensor('a', 'ID', 'revoked')], undefined],
    ['none that cannot be asked for', [], [sensor('a', 'BR')], undefined],
  ] as const)('is %s', (_, countries, sensors, home) => {
    expect(homeOf(economies, { organisation: 'a', countries }, sensors)).toBe(home);
  });
});

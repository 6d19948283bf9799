/** A country's page: by tool, by class and by AS, against what /v1 says; what was not counted then; and what the public sees. */
import { readFile } from 'node:fs/promises';
import Database from 'better-sqlite3';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AsnRow, KindRow } from '../../../collector/publish/pages/client/subject-rows.ts';
import { keptAssets } from '../../../collector/publish/pages/kept.ts';
import { ROW_TABLES } from '../../../collector/reduce/rows.ts';
import { launchChromium, missing } from '../../support/chromium.ts';
import { cellsOf, csvOf, filled, keepPicture, looker, near, numberIn, overflow, violations } from './look.ts';
import { DAY_MS, makeSite, type Site } from './support.ts';

const CLASSES = ['scan', 'backscatter', 'other'];
const WEEK = 'from=2026-03-11&to=2026-03-17';
/** As if a version had counted it that knew neither. */
const OLD_DAY = '2026-03-11';
/** China's senders are in 36.96.0.0 to 36.223.255.255 (deploy/demo/traffic.ts). */
const ASNS = [
  ['36.0.0.0/9', 64_496],
  ['36.128.0.0/9', 4_200_000_001],
] as const;

describe.skipIf(missing !== '')(`in a browser${missing}`, () => {
  let browser: Browser;
  let site: Site;
  const look = looker(() => browser);

  beforeAll(async () => {
    const launched = launchChromium();
    site = await makeSite({ days: 9, sensors: 7, packetsPerDay: 150, assets: keptAssets(), asns: ASNS });
    const database = new Database(site.data.store);
    const remove = database.prepare('DELETE FROM rows WHERE name = ? AND day = ?');
    for (const name of ['countryKinds', 'countryAsns'] as const)
      remove.run(ROW_TABLES.indexOf(name), Date.parse(OLD_DAY) / DAY_MS);
    database.close();
    browser = await launched;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  const kinds = () => site.ask<KindRow>(`/v1/country-kinds?country=CN&${WEEK}`, site.token);
  const rowOf = (rows: readonly KindRow[], start: string, kind: string) =>
    rows.find(row => row.kind === kind && row.start.startsWith(start))!;

  test('by tool and by class, the means are those of /v1, and all is the sum of the classes', async () => {
    const { page, trouble } = await look(site, '/countries/CN', { token: site.token });
    const rows = await kinds();
    const meanOf = (start: string, kind: string) => rowOf(rows, start, kind).meanPerSensor!;
    const [head, ...lines] = await cellsOf(page, 'tools');
    expect(head).toEqual(['UTC', 'Mirai', 'ZMap', 'Masscan', 'all packets']);
    expect(lines.map(([date]) => date)).toEqual(Array.from({ length: 6 }, (_, n) => `2026-03-${12 + n}`));
    for (const [date, ...cells] of lines) {
      for (const [n, tool] of ['mirai', 'zmap', 'masscan'].entries()) near(cells[n]!, meanOf(date!, tool));
      near(
        cells.at(-1)!,
        CLASSES.reduce((sum, kind) => sum + meanOf(date!, kind), 0),
      );
    }
    const [, ...classes] = await cellsOf(page, 'classes');
    for (const [date, scan] of classes) near(scan!, meanOf(date!, 'scan'));
    for (const id of ['tools', 'classes'])
      expect(await page.locator(`#${id} .note`).first().textContent()).toContain('Not counted up to 11 March 2026.');
    const packets = (names: readonly string[]) =>
      rows.filter(({ kind }) => names.includes(kind)).reduce((sum, row) => sum + row.packets!, 0);
    const share = Math.round((100 * packets(['mirai'])) / packets(CLASSES));
    expect(share).toBeGreaterThan(20);
    expect(await page.locator('#tools .note').textContent()).toContain(`Mirai ${share}%`);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('by sources, the figures are those of /v1', async () => {
    const { page, trouble } = await look(site, '/countries/CN?count=sources', { token: site.token });
    const rows = await kinds();
    for (const [id, names] of [
      ['tools', ['mirai', 'zmap', 'masscan']],
      ['classes', ['scan', 'backscatter']],
    ] as const) {
      const [, ...lines] = await cellsOf(page, id);
      expect(lines).toHaveLength(6);
      for (const [date, ...cells] of lines)
        expect([id, date, cells.slice(0, names.length).map(numberIn)]).toEqual([
          ...[id, date],
          names.map(kind => rowOf(rows, date!, kind).sources),
        ]);
    }
    expect(rowOf(rows, '2026-03-16', 'mirai').sources).toBeGreaterThan(3);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('by AS, bars, table and files are those of /v1, with the days that are not counted', async () => {
    const { page, trouble } = await look(site, '/countries/CN', { token: site.token });
    const rows = await site.ask<AsnRow>(`/v1/country-asns?country=CN&${WEEK}`, site.token);
    const last = await site.ask<AsnRow>('/v1/country-asns?country=CN&from=2026-03-17&to=2026-03-17', site.token);
    expect(rows.map(({ asn }) => asn).sort()).toEqual([4_200_000_001, 64_496]);
    const sourcesOf = (asn: number) => last.find(row => row.asn === asn)!.sources!;
    const [head, ...lines] = await cellsOf(page, 'asns');
    expect(head!.at(-1)).toBe('Sources, 17 Mar');
    expect(lines.map(([name, packets, , , sources]) => [name, numberIn(packets!), numberIn(sources!)])).toEqual(
      rows.map(({ asn, packets }) => [`AS${asn}`, packets, sourcesOf(asn)]),
    );
    expect(await page.locator('#asns .note').first().textContent()).toMatch(
      /from here, 12–17 Mar: 2 autonomous systems\. 1 day of this time is not counted: .* earlier version/,
    );
    expect(await page.locator('#asns .chart').textContent()).toContain(`${(100 * rows[0]!.share).toFixed(1)}%`);
    expect(await page.locator('#asns').textContent()).toContain('Test-ASN 2025-06-15');
    const [columns, first] = await csvOf(page, 'asns');
    expect(columns!.slice(0, 6)).toEqual(['rank', 'asn', 'packets', 'meanPerSensor', 'share', 'sourcesOfLastDay']);
    const [{ asn, packets }] = rows as [AsnRow];
    expect(first!.slice(0, 3)).toEqual(['1', String(asn), String(packets)]);
    expect(first![5]).toBe(String(sourcesOf(asn)));
    for (const [id, kind, begins] of [
      ['tools', 'SVG', '<svg'],
      ['classes', 'PNG', '\u{89}PNG'],
    ] as const) {
      const coming = page.waitForEvent('download');
      await page.locator(`#${id}`).getByRole('button', { name: kind }).click();
      const bytes = await readFile(await (await coming).path(), 'latin1');
      expect(bytes.slice(0, 200)).toContain(begins);
    }
    expect(trouble).toEqual([]);
    await page.close();
  });

  test.each([
    ['en-GB', /^\s*Not counted up to 17 March 2026\.$/, /^From which networks: there is nothing for this time/],
    ['ja-JP', /2026年3月17日.*までは集計していません。$/, /^送信元AS：この期間の集計はありません。/],
  ])('in %s, of days of which nothing was counted it says so, and draws nothing', async (locale, ofKinds, ofAsns) => {
    const start = (n: number) => `2026-03-${11 + n}T00:00:00Z`;
    const list = Array.from({ length: 7 }, (_, n) =>
      [...CLASSES, 'mirai', 'zmap', 'masscan', 'nmap'].map(kind => ({
        ...{ start: start(n), country: 'CN', kind, packets: null, sources: null, meanPerSensor: null },
      })),
    ).flat();
    const notCounted = Array.from({ length: 7 }, (_, n) => start(n).slice(0, 10));
    const { page, trouble } = await look(site, '/countries/CN', { token: site.token, locale }, async one => {
      await one.route(/country-kinds/, route => route.fulfill({ json: { rows: list, next: null } }));
      const json = { rows: [], next: null, asns: 0, counted: [], notCounted, database: null };
      await one.route(/country-asns/, route => route.fulfill({ json }));
    });
    expect(await page.locator('p.state').allTextContents()).toEqual([
      expect.stringMatching(ofKinds),
      expect.stringMatching(ofAsns),
    ]);
    for (const id of ['tools', 'classes', 'asns']) expect(await page.locator(`#${id}`).count()).toBe(0);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test.each([
    ['en-GB', '/countries', 1400, 'light', /^Share of all packets, 11–17 Mar: 2 autonomous systems\.$/],
    ['ja-JP', '/countries?window=month', 360, 'dark', /^全パケットに占める割合（3月9日～17日、全2AS）。$/],
  ] as const)('in %s, on %s: by AS of all packets, as /v1 says', async (...given) => {
    const [locale, address, width, colorScheme, caption] = given;
    const viewer = { locale, width, colorScheme, token: site.token, bypassCSP: true };
    const { page, trouble } = await look(site, address, viewer);
    const span = address === '/countries' ? WEEK : 'from=2026-02-16&to=2026-03-17';
    const rows = await site.ask<AsnRow>(`/v1/asns?${span}`, site.token);
    const [, ...lines] = await cellsOf(page, 'asns');
    expect(lines.map(([name, packets]) => [name, numberIn(packets!)])).toEqual(
      rows.map(({ asn, packets }) => [asn === 0 ? expect.stringMatching(/unknown|不明/) : `AS${asn}`, packets]),
    );
    expect(await page.locator('#asns .note').first().textContent()).toMatch(caption);
    expect(await overflow(page)).toBe(0);
    await keepPicture(page, `asns of all ${locale}`);
    expect(await violations(page)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test.each([
    ['en-GB', 'Nothing is drawn: too little was watched in this time for a mean.'],
    ['ja-JP', 'この期間は観測時間が短く、平均を示せないため、グラフはありません。'],
  ])('in %s, where too little was watched for a mean there is a word in place of the map', async (locale, why) => {
    const { page, trouble } = await look(site, '/countries', { locale, token: site.token }, one =>
      one.route(/v1.ranks.countries/, async route => {
        const answer = await route.fetch();
        const { rows, ...more } = (await answer.json()) as { rows: object[] };
        const json = { ...more, rows: rows.map(row => ({ ...row, meanPerSensor: null })) };
        await route.fulfill({ response: answer, json });
      }),
    );
    expect(await page.locator('#world p').allTextContents()).toEqual([why]);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test.each([
    ['en-GB', ': 12,345 autonomous systems. The table and the CSV file have the first 200.', '12,338 others'],
    ['ja-JP', '、全12,345AS）。表とCSVファイルは上位200件です。', 'ほか12,338AS'],
  ])('in %s, of more ASes than are asked for it says how many are told', async (locale, caption, others) => {
    const rows = Array.from({ length: 200 }, (_, n) => ({
      ...{ rank: n + 1, asn: n, packets: 1000 - n, sources: null, meanPerSensor: 1, share: 0.002 },
    }));
    const json = { asns: 12_345, counted: ['2026-03-17'], notCounted: [], database: 'Test', next: 'more', rows };
    const { page, trouble } = await look(site, '/countries', { locale, token: site.token }, one =>
      one.route(/v1.asns/, route => route.fulfill({ json })),
    );
    expect(await page.locator('#asns .note').first().textContent()).toContain(caption);
    const bars = await page.locator('#asns .chart').textContent();
    expect([bars?.includes(others), bars?.includes('98.4%')]).toEqual([true, true]);
    expect([(await cellsOf(page, 'asns')).length, (await csvOf(page, 'asns')).length]).toEqual([201, 201]);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('the public is asked to sign in for it, and its page asks for none of it', async () => {
    const { page, trouble, requests } = await look(site, '/countries/CN');
    for (const id of ['tools', 'classes', 'asns', 'hours']) expect(await page.locator(`#${id}`).count()).toBe(0);
    expect(requests.filter(({ url }) => /country-kinds|country-asns/.test(url))).toEqual([]);
    expect(await page.locator('p.state').textContent()).toContain('for members');
    expect(trouble).toEqual([]);
    await page.goto(`${site.url}/countries`);
    await filled(page);
    expect(requests.filter(({ url }) => url.includes('asns'))).toEqual([]);
    await page.close();
  });

  const cases = [
    ['/countries/CN', { width: 1280 }],
    ['/countries/CN?window=month&count=sources', { width: 360, colorScheme: 'dark', locale: 'ja-JP' }],
    ['/countries/BR?window=quarter', { width: 1280, colorScheme: 'dark', locale: 'ja-JP' }],
  ] as const;
  test.each(cases)('%s, %o: no trouble, nothing that axe finds, no sideways scroll', async (address, viewer) => {
    const { page, trouble } = await look(site, address, { ...viewer, token: site.token, bypassCSP: true });
    for (const id of ['tools', 'classes', 'asns']) expect([id, await page.locator(`#${id}`).count()]).toEqual([id, 1]);
    expect(await overflow(page)).toBe(0);
    await keepPicture(page, `country ${address} ${viewer.width}`);
    expect(await violations(page)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.close();
  });
});

/** A port's page: by tool, by class, by AS and its ranks, against what /v1 says; a country's ranks; and what the public sees of them. */
import Database from 'better-sqlite3';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  hoursFrom,
  type KindRow,
  kindsFrom,
  type RankRow,
  ranksFrom,
  wholeDays,
} from '../../../collector/publish/pages/client/subject-rows.ts';
import { keptAssets } from '../../../collector/publish/pages/kept.ts';
import { targetWritten } from '../../../collector/publish/targets.ts';
import { packRows } from '../../../collector/store/packed.ts';
import { launchChromium, missing } from '../../support/chromium.ts';
import { cellsOf, csvOf, filled, keepPicture, looker, near, numberIn, overflow, violations } from './look.ts';
import { DAY_MS, makeSite, NOW, type Site } from './support.ts';

const CLASSES = ['scan', 'backscatter', 'other'];
const MARKS = ['mirai', 'zmap', 'masscan'];

describe('kinds', () => {
  const dayOf = (date: string, packets: number | null): KindRow[] =>
    [...CLASSES, ...MARKS].map((kind, n) => ({
      ...{ start: `${date}T00:00:00Z`, kind },
      ...{ packets: packets === null ? null : packets + n, meanPerSensor: packets === null ? null : packets / 2 + n },
    }));

  test('a day of which they are not known is left out and told, not drawn as nothing', () => {
    const rows = [...dayOf('2026-03-02', 20), ...dayOf('2026-03-01', null), ...dayOf('2026-03-03', 40)];
    const kinds = kindsFrom(rows);
    expect(kinds.starts).toEqual([Date.UTC(2026, 2, 2), Date.UTC(2026, 2, 3)]);
    expect(kinds.values.get('scan')).toEqual([10, 20]);
    expect(kinds.values.get('masscan')).toEqual([15, 25]);
    expect(kinds.packets.get('backscatter')).toBe(62);
    expect(kinds.unknownTo).toBe('2026-03-01');
    expect(kindsFrom(dayOf('2026-03-02', 0)).unknownTo).toBeUndefined();
  });

  test('a day that was hardly watched is not drawn as nothing: it has no means, and its packets count', () => {
    const hardly = dayOf('2026-03-03', 40).map(row => ({ ...row, meanPerSensor: null }));
    const kinds = kindsFrom([...dayOf('2026-03-02', 20), ...hardly]);
    expect(kinds.starts).toEqual([Date.UTC(2026, 2, 2)]);
    expect(kinds.values.get('scan')).toEqual([10]);
    expect(kinds.packets.get('backscatter')).toBe(62);
    expect(kinds.unknownTo).toBeUndefined();
  });

  test('of a week by the hour they are of its whole days', () => {
    const hours = { from: '2026-03-11', step: 'hour' } as const;
    expect(wholeDays(hours, '2026-03-17')).toEqual(['2026-03-11', '2026-03-17']);
    expect(wholeDays({ from: '2026-02-16', step: 'day' }, '2026-03-17')).toEqual(['2026-02-16', '2026-03-17']);
  });
});

test('sources of kinds are drawn also of a day that was hardly watched, and are not of a day of which they are not known', () => {
  const row = (date: string, kind: string, sources: number | null): KindRow => ({
    ...{ start: `${date}T00:00:00Z`, kind, packets: sources, sources, meanPerSensor: null },
  });
  const rows = [row('2026-03-01', 'nmap', null), row('2026-03-02', 'nmap', 3), row('2026-03-02', 'scan', 9)];
  const kinds = kindsFrom(rows, 'sources');
  expect(kinds.starts).toEqual([Date.UTC(2026, 2, 2)]);
  expect([kinds.values.get('nmap'), kinds.values.get('scan'), kinds.values.get('mirai')]).toEqual([[3], [9], [0]]);
  expect(kinds.unknownTo).toBe('2026-03-01');
});

test('ranks: a period that is not counted is a gap, one without a rank no number, one that is not over marked', () => {
  const row = (start: string, end: string, rank: number | null, counted = true): RankRow => ({
    ...{ start, end, rank, counted },
  });
  const rows = [
    ...[row('2026-02-23', '2026-03-01', null, false), row('2026-03-02', '2026-03-08', 7)],
    ...[row('2026-03-09', '2026-03-15', null), row('2026-03-16', '2026-03-22', 3)],
  ];
  const latest = { date: '2026-03-18', first: undefined, partial: true, hourly: true, nowMs: NOW };
  const timeline = ranksFrom(rows, 'week', latest);
  expect(timeline.starts.map(start => new Date(start).toISOString().slice(0, 10))).toEqual([
    ...['2026-03-02', '2026-03-09', '2026-03-16'],
  ]);
  expect(timeline.series[0]!.values).toEqual([7, Number.NaN, 3]);
  expect(timeline.partial).toEqual([false, false, true]);
});

test('hours of the day: a row each, days as columns, what nobody watched is no number', () => {
  const row = (start: string, meanPerSensor: number | null) => ({ start, meanPerSensor, packets: 1, sources: 1 });
  const timeline = hoursFrom([
    ...[row('2026-03-01T05:00:00Z', null), row('2026-03-02T05:00:00Z', 4), row('2026-03-02T06:00:00Z', null)],
    ...[row('2026-03-04T05:00:00Z', 0), row('2026-03-04T06:00:00Z', 7)],
  ]);
  expect(timeline.starts).toEqual([Date.UTC(2026, 2, 2), Date.UTC(2026, 2, 4)]);
  expect(timeline.series).toHaveLength(24);
  expect([timeline.series[5]!.key, timeline.series[5]!.values]).toEqual(['05', [4, 0]]);
  expect(timeline.series[6]!.values).toEqual([Number.NaN, 7]);
});

describe('a port as people write it', () => {
  test.each([
    ['8545', '8545/tcp'],
    [' 8545/TCP ', '8545/tcp'],
    ['tcp/8545', '8545/tcp'],
    ['８５４５／ｔｃｐ', '8545/tcp'],
    ['53 udp', '53/udp'],
    ['UDP  0053', '53/udp'],
    ['8/icmp', '8/icmp'],
    ['3:1/icmp', '3:1/icmp'],
    ['3:0/icmp', '3/icmp'], // as it is written everywhere else
    ['47/ip', '47/ip'],
  ])('"%s" is %s', (text, label) => expect(targetWritten(text)).toBe(label));

  const none = ['', 'tcp', '65536', '3:1', '256/icmp', '256/ip', '23/http', '23/', '/23', 'tcp/23/24', '-23', '23tcp'];
  test.each([...none, '<b>/23', 'constructor/1'])('"%s" is none', text => {
    expect(targetWritten(text)).toBeUndefined();
  });
});

/** Of a day that is closed. */
const ASN_DAY = '2026-03-15';
const TELNET = 6 * 65_536 + 23;

describe.skipIf(missing !== '')(`in a browser${missing}`, () => {
  let browser: Browser;
  let site: Site;
  const look = looker(() => browser);

  beforeAll(async () => {
    const launched = launchChromium();
    site = await makeSite({ days: 10, sensors: 7, packetsPerDay: 150, assets: keptAssets() });
    keepAsns();
    browser = await launched;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  /** As the folding thread would have counted them, had the days not been long ago by its clock. */
  function keepAsns(): void {
    const database = new Database(site.data.store);
    const row = { a: TELNET, sources: 0, scanningSources: 0 };
    const rows = Array.from({ length: 12 }, (_, n) => ({ ...row, b: 64_496 + n, packets: 1000 - 70 * n }));
    for (const { part, bytes } of packRows('portAsns', rows))
      database.prepare('INSERT INTO port_asns VALUES (?, 1, ?, ?)').run(Date.parse(ASN_DAY) / DAY_MS, part, bytes);
    database.close();
  }

  test('by tool and by class, the means are those of /v1, and all is the sum of the classes', async () => {
    const { page, trouble } = await look(site, '/ports/tcp/23', { token: site.token });
    const rows = await site.ask<KindRow>('/v1/port-kinds?port=23/tcp&from=2026-03-11&to=2026-03-17', site.token);
    const meanOf = (start: string, kind: string) =>
      rows.find(row => row.kind === kind && row.start.startsWith(start))!.meanPerSensor!;
    const [head, ...lines] = await cellsOf(page, 'tools');
    expect(head).toEqual(['UTC', ...head!.slice(1, -1), 'all packets']);
    expect(head).toContain('Mirai');
    expect(lines).toHaveLength(7);
    for (const [date, ...cells] of lines) {
      near(
        cells.at(-1)!,
        CLASSES.reduce((sum, kind) => sum + meanOf(date!, kind), 0),
      );
      near(cells[head!.indexOf('Mirai') - 1]!, meanOf(date!, 'mirai'));
    }
    const [, ...classes] = await cellsOf(page, 'classes');
    for (const [date, scan] of classes) near(scan!, meanOf(date!, 'scan'));
    const packets = (kinds: readonly string[]) =>
      rows.filter(({ kind }) => kinds.includes(kind)).reduce((sum, row) => sum + row.packets!, 0);
    const share = Math.round((100 * packets(['mirai'])) / packets(CLASSES));
    expect(share).toBeGreaterThan(50);
    expect(await page.locator('#tools .note').textContent()).toContain(`Mirai ${share}%`);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('by AS, bars and table are those of /v1, with the days that are not counted', async () => {
    const { page, trouble } = await look(site, '/ports/tcp/23', { token: site.token });
    const rows = await site.ask<{ asn: number; packets: number; share: number }>(
      '/v1/port-asns?port=23/tcp&from=2026-03-11&to=2026-03-17',
      site.token,
    );
    expect(rows).toHaveLength(12);
    const [, ...lines] = await cellsOf(page, 'asns');
    expect(lines.map(([name, packets]) => [name, numberIn(packets!)])).toEqual(
      rows.map(({ asn, packets }) => [`AS${asn}`, packets]),
    );
    const caption = await page.locator('#asns .note').first().textContent();
    expect(caption).toMatch(/15 Mar: 12 autonomous systems\. 6 days of this time are not counted/);
    const bars = await page.locator('#asns .chart').textContent();
    expect(bars).toContain(`${(100 * rows[0]!.share).toFixed(1)}%`);
    expect(bars).toContain('4 others');
    const [head, first] = await csvOf(page, 'asns');
    expect(head!.slice(0, 5)).toEqual(['rank', 'asn', 'packets', 'meanPerSensor', 'share']);
    expect(first!.slice(0, 3)).toEqual(['1', '64496', String(rows[0]!.packets)]);
    expect(trouble).toEqual([]);
    await page.close();
    const other = await look(site, '/ports/tcp/37215', { token: site.token });
    expect(await other.page.locator('p.state').allTextContents()).toEqual([
      expect.stringContaining('a day is counted once it is closed'),
    ]);
    await other.page.close();
  });

  test('the ranks are those of /v1, crosses where there is none', async () => {
    for (const [address, table, key] of [
      ['/ports/tcp/37215', 'ports', '37215/tcp'],
      ['/countries/CN', 'countries', 'CN'],
    ] as const) {
      const { page, trouble } = await look(site, address, { token: site.token });
      const rows = await site.ask<RankRow>(
        `/v1/rank-history?table=${table}&key=${key}&period=day&from=2026-03-11&to=2026-03-17`,
        site.token,
      );
      const [, ...lines] = await cellsOf(page, 'ranks');
      expect(lines.map(([, rank]) => rank)).toEqual(rows.map(({ rank }) => (rank === null ? '–' : String(rank))));
      const ranked = rows.filter(({ rank }) => rank !== null);
      expect(ranked.length).toBeGreaterThan(1);
      const csv = await csvOf(page, 'ranks');
      expect(csv.slice(1).map(([, rank]) => rank)).toEqual(rows.map(({ rank }) => (rank === null ? '' : String(rank))));
      expect(await page.locator('#ranks .chart').textContent()).toContain(String(ranked.at(-1)!.rank));
      expect((await page.locator('#ranks .note').textContent())!.includes('×')).toBe(ranked.length < rows.length);
      expect(trouble).toEqual([]);
      await page.close();
    }
  });

  test('by the hour of the day, the figures are those of /v1', async () => {
    // The site's days are long ago, and hours are kept for 90 days: /v1 is asked what it would have said.
    const meanOf = (start: string): number | null => {
      const hour = Date.parse(start) / 3_600_000;
      return hour % 7 === 0 ? null : (hour * 37) % 900;
    };
    const asked = (url: URL) => url.pathname === '/v1/series' && /to=2026-03-17&step=hour/.test(url.search);
    const answer = Array.from({ length: 7 * 24 }, (_, n) => {
      const start = new Date(Date.UTC(2026, 2, 11, n)).toISOString().replace('.000', '');
      return { start, packets: 1, sources: 1, meanPerSensor: meanOf(start), key: '37215/tcp' };
    });
    const { page, trouble } = await look(site, '/ports/tcp/37215', { token: site.token }, one =>
      one.route(asked, route => route.fulfill({ json: { rows: answer, next: null } })),
    );
    const [head, ...lines] = await cellsOf(page, 'hours');
    expect(head!.slice(1)).toEqual(Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0')));
    expect(lines).toHaveLength(7);
    for (const [date, ...cells] of lines)
      for (const [hour, cell] of cells.entries()) {
        const mean = meanOf(`${date}T${head![hour + 1]}:00:00Z`);
        if (mean === null) expect(cell).toBe('–');
        else near(cell, mean);
      }
    const known = answer.filter(({ meanPerSensor }) => meanPerSensor !== null).length;
    expect(
      await page.locator('#hours .chart [aria-label="cell"] rect, #hours .chart g > rect').count(),
    ).toBeGreaterThanOrEqual(known);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('the public sees ranks as far as they are published, and is asked to sign in for the rest', async () => {
    const { page, trouble, requests } = await look(site, '/ports/tcp/23');
    for (const id of ['tools', 'classes', 'asns', 'hours']) expect(await page.locator(`#${id}`).count()).toBe(0);
    expect(requests.filter(({ url }) => /port-kinds|port-asns/.test(url))).toEqual([]);
    const rows = await site.ask<RankRow>(
      '/v1/rank-history?table=ports&key=23/tcp&period=day&from=2026-03-09&to=2026-03-15',
    );
    const [, ...lines] = await cellsOf(page, 'ranks');
    expect(lines.map(([, rank]) => rank)).toEqual(rows.map(({ rank }) => (rank === null ? '–' : String(rank))));
    expect(await page.locator('p.state').textContent()).toContain('for members');
    expect(trouble).toEqual([]);
    await page.close();
  });

  const LOOKUP = {
    en: { field: 'Port, e.g. 8545/tcp', button: 'Look up', told: 'A port is written like 8545/tcp.' },
    ja: { field: 'ポート番号（例: 8545/tcp）', button: '調べる', told: '8545/tcpのように入力してください。' },
  } as const;

  test.each([
    ['/', 'en', '37215', '/ports/tcp/37215'],
    ['/?lang=ja&as=public', 'ja', 'tcp/8545', '/ports/tcp/8545?lang=ja&as=public'],
    ['/ports?lang=ja', 'ja', ' 53 UDP', '/ports/udp/53?lang=ja'],
    ['/ports/?as=public', 'en', '3:1/icmp', '/ports/icmp/3:1?as=public'],
  ] as const)('at %s in %s, "%s" leads to %s by keyboard', async (address, language, text, way) => {
    const { page, trouble } = await look(site, address, { token: site.token });
    await page.getByLabel(LOOKUP[language].field).focus();
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${site.url}${way}`);
    await filled(page);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test.each([
    ['/?window=month', 'en', { width: 1280 }],
    ['/?window=quarter', 'ja', { width: 1280, colorScheme: 'dark', locale: 'ja-JP' }],
    ['/', 'en', { width: 375, colorScheme: 'dark' }],
    ['/', 'ja', { width: 375, locale: 'ja-JP' }],
    ['/ports', 'en', { width: 1280 }],
    ['/ports', 'ja', { width: 375, colorScheme: 'dark', locale: 'ja-JP' }],
  ] as const)('at %s in %s, what is no port is told beside the field: %o', async (address, language, viewer) => {
    const words = LOOKUP[language];
    const { page, trouble } = await look(site, address, { ...viewer, token: site.token, bypassCSP: true });
    const field = page.getByRole('search').getByRole('textbox', { name: words.field });
    await field.fill('8545/tpc');
    await page.getByRole('button', { name: words.button }).click();
    await page.getByRole('alert').getByText(words.told, { exact: true }).waitFor();
    expect(await field.evaluate(one => one === one.ownerDocument.activeElement)).toBe(true);
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await overflow(page)).toBe(0);
    await keepPicture(page, `lookup ${address} ${language} ${viewer.width}`);
    expect(await violations(page)).toEqual([]);
    expect(new URL(page.url()).pathname).toBe(address.split('?')[0]);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('a page that is renewed takes neither what is typed nor the focus', async () => {
    const { page } = await look(site, '/', { token: site.token }, one => one.clock.install({ time: NOW }));
    const field = page.getByLabel(LOOKUP.en.field);
    await field.pressSequentially('8545/u');
    const before = await field.elementHandle();
    await page.clock.fastForward('05:01');
    await page.waitForFunction(one => !one!.isConnected, before);
    await page.keyboard.type('dp');
    expect(await field.inputValue()).toBe('8545/udp');
    await page.close();
  });

  const cases = [
    ['/ports/tcp/23', { width: 1280 }],
    ['/ports/tcp/23?window=month', { width: 360, colorScheme: 'dark', locale: 'ja-JP' }],
    ['/ports/tcp/37215?window=quarter', { width: 1280, colorScheme: 'dark', locale: 'ja-JP' }],
    ['/countries/CN?window=year', { width: 360 }],
  ] as const;
  test.each(cases)('%s, %o: no trouble, nothing that axe finds, no sideways scroll', async (address, viewer) => {
    const { page, trouble } = await look(site, address, { ...viewer, token: site.token, bypassCSP: true });
    expect(await page.locator('#ranks').count()).toBe(1);
    expect(await overflow(page)).toBe(0);
    await keepPicture(page, `port ${address} ${viewer.width}`);
    expect(await violations(page)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.close();
  });
});

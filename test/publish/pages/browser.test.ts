/** The pages as people meet them: in a browser, over a real collector's figures. */
import { readFile } from 'node:fs/promises';
import type { Browser, CDPSession } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keptAssets } from '../../../collector/publish/pages/kept.ts';
import { launchChromium, missing } from '../../support/chromium.ts';
import { adminTests } from './admin.ts';
import { axisTests } from './axes.ts';
import { hostileTests } from './hostile.ts';
import { cellsOf, filled, keepPicture, looker, overflow, violations } from './look.ts';
import { publicTests } from './public.ts';
import { signingTests } from './signing.ts';
import { DAY_MS, makeSite, NOW, type Site, TODAY } from './support.ts';
import { troubleTests } from './troubles.ts';
import { walkTests } from './walk.ts';

describe.skipIf(missing !== '')(`in a browser${missing}`, () => {
  let browser: Browser;
  let [site, small, empty] = [] as unknown as [Site, Site, Site];
  const look = looker(() => browser);

  beforeAll(async () => {
    const assets = keptAssets();
    const launched = launchChromium();
    site = await makeSite({ days: 10, sensors: 7, packetsPerDay: 150, assets });
    small = await makeSite({ days: 1, sensors: 3, packetsPerDay: 150, assets });
    empty = await makeSite({ days: 0, sensors: 0, packetsPerDay: 0, assets });
    browser = await launched;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    for (const one of [site, small, empty]) await one?.close();
  });

  const ADDRESSES = [
    ...['/', '/ports/tcp/37215', '/countries/CN?window=month', '/domestic?economy=KR', '/days#2026-03-15', '/sensors'],
    ...['/sensors/sensor-3', '/enrol', '/members', '/sign-in'],
  ];

  describe.each([
    ['wide and light, in English', { locale: 'en-GB', colorScheme: 'light', width: 1400 }, 'en'],
    ['narrow and dark, in Japanese', { locale: 'ja-JP', colorScheme: 'dark', width: 360 }, 'ja'],
  ] as const)('%s', (_, viewer, language) => {
    test.each(ADDRESSES)('%s: no trouble, nothing that axe finds, no sideways scroll', async address => {
      const { page, trouble } = await look(site, address, { ...viewer, token: site.token, bypassCSP: true });
      expect(await page.locator('html').getAttribute('lang')).toBe(language);
      expect(await page.locator('h1').count()).toBe(1);
      expect(await overflow(page)).toBe(0);
      await keepPicture(page, `${language} ${address}`);
      expect(await violations(page)).toEqual([]);
      expect(trouble).toEqual([]);
      await page.close();
    });
  });

  test('the figures are those of /v1', async () => {
    const { page, trouble } = await look(site, '/', { token: site.token });
    const [top] = await site.ask<{
      protocol: string;
      port: number;
      meanPerSensor: number;
      share: number;
      sources: number;
    }>(`/v1/ranks/ports?period=week&start=${TODAY}&limit=1`, site.token);
    const cells = await page.locator('#ports-ranks ~ .scroll tbody tr').first().locator('th, td').allTextContents();
    expect(cells[2]).toContain(`${top!.port}/${top!.protocol}`);
    expect(cells[4]).toBe(Math.round(top!.meanPerSensor / 7).toLocaleString('en'));
    expect(cells[5]).toBe(`${(100 * top!.share).toFixed(1)}%`);
    expect(cells[6]).toBe(top!.sources.toLocaleString('en'));

    await page.locator('#ports summary').click();
    await page.locator('#ports tbody tr').first().waitFor(); // it is made when it is opened
    const head = await page.locator('#ports thead th').allTextContents();
    const row = await page.locator('#ports tbody tr').last().locator('th, td').allTextContents();
    const series = await site.ask<{ start: string; meanPerSensor: number | null }>(
      `/v1/series?table=ports&key=37215/tcp&from=2026-03-17&to=${TODAY}&step=hour`,
      site.token,
    );
    const last = series.findLast(({ meanPerSensor }) => meanPerSensor !== null)!;
    expect(row[0]).toBe(last.start.slice(0, 16).replace('T', ' '));
    expect(Number(row[head.indexOf('37215/tcp')])).toBeCloseTo(last.meanPerSensor!, -0.5);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('of a last day that is over, tools and classes are drawn too', async () => {
    const { page, requests, trouble } = await look(small, '/', { token: small.token }, one =>
      one.clock.setFixedTime(NOW + DAY_MS),
    );
    for (const id of ['tools', 'classes']) {
      const days = (await cellsOf(page, id)).slice(1).map(([day]) => day);
      expect(days).toEqual(['2026-03-17', TODAY]);
    }
    expect(requests.filter(({ url }) => url.includes(`/v1/days/2026-03-12:${TODAY}/`)).length).toBe(2);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('it says what rose, from where and with which tool, and leads to it', async () => {
    const { page } = await look(site, '/', { token: site.token });
    expect(await page.locator('h1').textContent()).toMatch(/^37215\/tcp \(huawei-hg532\) (appeared|rose .*-fold)/);
    expect(await page.locator('.lead').textContent()).toContain('Packets to 37215/tcp came from China');
    expect(await page.getByRole('img', { name: 'With which tool' }).count()).toBe(1);
    await page.locator('.moves').first().getByRole('link', { name: '37215/tcp' }).click();
    await page.waitForURL('**/ports/tcp/37215');
    await filled(page);
    expect(await page.locator('h1').textContent()).toBe('37215/tcp huawei-hg532');
    expect(await page.getByRole('img', { name: 'From where' }).count()).toBe(1);
    await page.close();
  });

  test.each([
    ['/nope', 'en-GB', 'No such page', '/'],
    ['/nope?lang=ja', 'en-GB', 'ページがありません', '/?lang=ja'],
    ['/countries/XX', 'en-GB', 'No such country code: XX', '/countries'],
    ['/countries/ZZ', 'ja-JP', '「ZZ」という国・地域コードはありません', '/countries'],
  ])('%s in %s: "%s", and a way on', async (address, locale, title, way) => {
    const { page, requests } = await look(site, address, { locale, width: 360, bypassCSP: true });
    expect(await page.locator('main h1').allTextContents()).toEqual([title]);
    expect(await page.locator('main a').getAttribute('href')).toBe(way);
    expect(requests).toEqual([]);
    expect(await overflow(page)).toBe(0);
    await keepPicture(page, `missing ${address}`);
    expect(await violations(page)).toEqual([]);
    await page.close();
  });

  test.each([
    ['en-GB', /^–: not among that week’s 200 busiest, or not seen\.$/],
    ['ja-JP', /^–：その週の上位200位に入っていないか、観測されていません。$/],
  ])('in %s, dashes among the ranks by week are told why', async (locale, why) => {
    const noteOf = async (port: string) => {
      const { page } = await look(site, `/ports/tcp/${port}`, { locale, token: site.token });
      const section = page.locator('section[aria-labelledby=history]');
      const [cells, notes] = [await section.locator('td').allTextContents(), await section.locator('.note').all()];
      const texts = await Promise.all(notes.map(note => note.textContent()));
      await page.close();
      return [cells.includes('–'), texts] as const;
    };
    expect(await noteOf('37215')).toEqual([true, [expect.stringMatching(why)]]);
    expect(await noteOf('23')).toEqual([false, []]);
  });

  test.each([
    ['en-GB', 'not enrolled yet', 'nothing'],
    ['ja-JP', '登録前', '受信なし'],
  ])('in %s, days before a sensor was there are "%s", silent ones "%s"', async (locale, before, silent) => {
    const { page, trouble } = await look(site, '/sensors', { locale, token: site.token }, async one => {
      await one.route(/\/v1\/sensors(\?|$)/, async route => {
        const answer = await route.fetch();
        const { rows, ...more } = (await answer.json()) as { rows: object[] };
        const created = '2026-03-06T12:00:00Z';
        await route.fulfill({ response: answer, json: { ...more, rows: rows.map(row => ({ ...row, created })) } });
      });
    });
    const days = await page.locator('.strip').first().locator('li').all();
    const told = await Promise.all(days.map(async day => [await day.textContent(), await day.getAttribute('class')]));
    expect(told.slice(0, 2)).toEqual([
      [`2026-03-05: ${before}`, 'before'],
      [`2026-03-06: ${silent}`, 'silent'],
    ]);
    await keepPicture(page, `enrolled ${locale}`);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test.each([
    ['en-GB', 'All 3 sensors saw it, evenly: about 33% each.'],
    ['ja-JP', '3台すべてで観測。ほぼ均等（各約33%）。'],
  ])('in %s, of equal shares none is named', async (locale, answer) => {
    const { page, trouble } = await look(site, '/ports/tcp/23', { locale, token: site.token }, async one => {
      const share = { date: TODAY, owner: 'alpha', economy: 'JP', sensors: 1, seenBy: 1, busiest: 1 };
      const rows = ['c', 'a', 'b'].map(sensor => ({ ...share, sensor, packets: 50, all: 150 }));
      await one.route(/port-sensors/, route => route.fulfill({ json: { rows, next: null } }));
    });
    expect(await page.locator('.answer').textContent()).toBe(answer);
    expect(await page.locator('#by-sensor tbody th a').allTextContents()).toEqual(['a', 'b', 'c']);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('the public sees whole days, late, and asks as nobody', async () => {
    const { page, trouble, requests } = await look(site, '/?count=sources');
    expect(await page.locator('.when').textContent()).toContain('15 March 2026');
    expect(await page.getByRole('link', { name: 'Sources' }).count()).toBe(0);
    expect(await page.getByRole('img').count()).toBe(3);
    expect(requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    expect(requests.filter(({ url }) => url.includes('step=hour') || url.includes('sensors'))).toEqual([]);
    expect(requests.length).toBeLessThan(15); // a reader’s budget is 60
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('too few sensors, one day and no day are states of their own', async () => {
    const few = await look(small, '/');
    expect(await few.page.locator('h1').textContent()).toBe('Too few sensors to publish');
    expect(await few.page.locator('.state').textContent()).toContain('Signed in in another tab? Sign in here too');
    expect(few.trouble).toEqual([]);
    await few.page.close();
    const oneDay = await look(small, '/?window=year', { token: small.token, locale: 'ja-JP' });
    expect(await oneDay.page.getByRole('img', { name: '宛先ポート' }).count()).toBe(1);
    expect(oneDay.trouble).toEqual([]);
    await oneDay.page.close();
    const none = await look(empty, '/');
    expect(await none.page.locator('h1').textContent()).toBe('Nothing is counted yet');
    await none.page.close();
    const unseen = await look(site, '/ports/udp/9', { token: site.token });
    expect(await unseen.page.locator('.state').textContent()).toBe('Not seen in this time.');
    await unseen.page.close();
  });

  test.each(['the public', 'a member'])(
    'the first page is light for %s: in counts that no other program changes',
    async who => {
      const isMember = who === 'a member';
      const asked: string[] = [];
      let [bytes, session] = [0, undefined as CDPSession | undefined];
      const { page } = await look(site, '/', { ...(isMember && { token: site.token }) }, async page => {
        session = await page.context().newCDPSession(page);
        await session.send('Network.enable');
        await session.send('Performance.enable');
        session.on('Network.requestWillBeSent', ({ request }) => asked.push(new URL(request.url).pathname));
        session.on('Network.loadingFinished', ({ encodedDataLength }) => {
          bytes += encodedDataLength;
        });
      });
      await page.locator('#ports .drawn svg').waitFor();
      expect(asked.length).toBeLessThanOrEqual(isMember ? 27 : 24);
      expect(bytes).toBeLessThan(300_000);
      const { metrics } = await session!.send('Performance.getMetrics');
      const of = (name: string) => metrics.find(one => one.name === name)!.value;
      expect([of('Nodes') < 6000, of('LayoutCount') < 30]).toEqual([true, true]);
      // Scripts are on their way before any figure is asked for, and none is found out late but the map's.
      const figures = asked.findIndex(name => name.startsWith('/v1/'));
      expect(asked.slice(0, figures).filter(name => /pages-|services-/.test(name)).length).toBe(2);
      expect(asked.slice(figures).filter(name => name.endsWith('.js') && !name.includes('world'))).toEqual([]);
      await page.close();
    },
  );

  test('views have addresses: by click, by key, back again, and in the other language', async () => {
    const { page, trouble } = await look(small, '/', { token: small.token });
    await page.getByRole('link', { name: '1 month' }).click();
    await filled(page);
    expect(new URL(page.url()).search).toBe('?window=month');
    expect(await page.locator('#ports .note').first().textContent()).toContain('per sensor and day');
    await page.getByRole('link', { name: 'Sources' }).focus();
    await page.keyboard.press('Enter');
    await filled(page);
    expect(new URL(page.url()).search).toBe('?window=month&count=sources');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Sources');
    await page.goBack();
    await filled(page);
    expect(await page.locator('.controls [aria-current]').allTextContents()).toEqual(['1 month', 'Packets']);
    await page.getByRole('link', { name: '日本語' }).click();
    await page.waitForURL(url => url.search === '?window=month&lang=ja');
    await filled(page);
    expect(await page.locator('.controls [aria-current]').allTextContents()).toEqual(['1か月', 'パケット']);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('signing in takes a token that is one, and signing out forgets it', async () => {
    const { page } = await look(small, '/sensors');
    await page.locator('main').getByRole('link', { name: 'Sign in' }).click();
    await page.getByLabel('Token').fill('no-such-token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('This token is not valid').waitFor();
    await page.getByLabel('Token').fill(small.token);
    await page.keyboard.press('Enter');
    await page.getByText('members’ view').waitFor();
    expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByText('Too few sensors').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await page.close();
  });

  test('a link may carry a token, which no server is sent and no history keeps', async () => {
    const { page, requests } = await look(small, `/sign-in#${small.token}`);
    await page.getByText('members’ view').waitFor();
    expect(requests.filter(({ url }) => url.includes(small.token))).toEqual([]);
    await page.goBack();
    expect(page.url()).not.toContain('#');
    await page.close();
  });

  test('a chart is read with the pointer and taken away as CSV and as SVG, with who counted it', async () => {
    const { page, trouble } = await look(small, '/', { token: small.token });
    await page.locator('#ports .chart').hover({ position: { x: 300, y: 90 } });
    expect(await page.locator('#ports .readout').textContent()).toMatch(
      /2026-03-\d\d \d\d:00 UTC.*Asia\/Tokyo.*23\/tcp/,
    );
    const files: string[] = [];
    for (const name of ['CSV', 'SVG']) {
      const coming = page.waitForEvent('download');
      await page.locator('#ports').getByRole('button', { name }).click();
      files.push(await readFile(await (await coming).path(), 'utf8'));
    }
    expect(files[0]).toMatch(/^start,37215\/tcp,.*,other,source\r\n2026-03-17T/);
    expect(files[0]).toContain('mean of 3 sensors');
    expect(files[1]).toMatch(/^<svg [^>]*viewBox.*Destination ports.*mean of 3 sensors/s);
    expect(files[1]).not.toContain('var(');
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('figures that cannot be renewed stay, with a word; and are renewed later', async () => {
    const { page } = await look(small, '/', { token: small.token }, async page => {
      await page.clock.install({ time: NOW });
    });
    await page.route('**/v1/**', route => route.abort());
    await page.clock.fastForward('05:01');
    await page.getByText('could not be renewed').waitFor();
    expect(await page.getByRole('img', { name: 'Destination ports' }).count()).toBe(1);
    await page.unroute('**/v1/**');
    await page.clock.fastForward('00:16');
    await page.getByText('could not be renewed').waitFor({ state: 'detached' });
    await page.close();
  });

  const sites = () => ({ site, small, empty });
  adminTests(look, sites);
  axisTests(look, sites);
  publicTests(look, sites);
  signingTests(look, sites);
  troubleTests(look, sites);
  walkTests(look, sites);
  hostileTests(look, sites);
});

/** The page of peers in a browser: a real collector that has pulled another one, as anyone and as its member, and an import. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addFile } from '../../collector/peer/imports.ts';
import { Peers } from '../../collector/peer/peers.ts';
import { pullNoted } from '../../collector/peer/pull.ts';
import { keptAssets } from '../../collector/publish/pages/kept.ts';
import { replay } from '../../collector/replay/replay.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { makeSite, NOW, type Site } from '../publish/pages/support.ts';
import { axeFinds, launchChromium, missing } from '../support/chromium.ts';
import { DAY_MS, writeCapture } from './support.ts';

/** Where to leave pictures, for people who look at them. */
const pictures = process.env.PEER_PICTURES;

const VIEWS = {
  'wide and light, in English': { locale: 'en-GB', colorScheme: 'light', width: 1400 },
  'narrow and dark, in Japanese': { locale: 'ja-JP', colorScheme: 'dark', width: 360 },
} as const;

describe.skipIf(missing !== '')(`the page of peers${missing}`, () => {
  let browser: Browser;
  let ours: Site;
  let theirs: Site;
  let peers: Peers;

  beforeAll(async () => {
    const assets = keptAssets();
    const launched = launchChromium();
    ours = await makeSite({ days: 7, sensors: 5, packetsPerDay: 60, assets });
    theirs = await makeSite({ days: 6, sensors: 5, packetsPerDay: 90, assets });
    peers = Peers.open(ours.data.peers);
    browser = await launched;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    peers?.close();
    for (const one of [ours, theirs]) await one?.close();
  });

  /** `jakarta` as a member, `nairobi` as anyone and published, `silent` never, `telescope` an import of two days. */
  async function pulled(): Promise<void> {
    const now = () => NOW - 3 * 3_600_000;
    const tokenFile = path.join(path.dirname(ours.data.store), 'token');
    writeFileSync(tokenFile, theirs.token);
    const { url } = theirs;
    await pullNoted(peers, peers.addPeer({ name: 'jakarta', url, tokenFile }, 0), { now });
    await pullNoted(peers, peers.addPeer({ name: 'nairobi', url, published: true }, 0), { now });
    await pullNoted(peers, peers.addPeer({ name: 'silent', url: 'http://127.0.0.1:9' }, 0), { now });
    const geo = loadGeo({ geoFiles: [] });
    const day = NOW / DAY_MS - 2;
    const file = writeCapture(path.join(path.dirname(ours.data.store), 'telescope.pcap'), {
      ...{ network: '203.0.113.0/24', day: Math.floor(day), packets: 500, seed: 5 },
    });
    const counted = await replay({ captures: [file], networks: [], geo, threads: 1, distinct: true });
    const { packets, records, skipped } = counted.results;
    const facts = {
      sha256: 'f'.repeat(64),
      file: 'telescope.pcap',
      format: 'pcap' as const,
      packets,
      records,
      skipped,
    };
    addFile(peers, 'telescope', facts, { days: counted.days, geo, nowMs: now() });
  }

  async function look(address: string, viewer: (typeof VIEWS)[keyof typeof VIEWS], token?: string) {
    const { width, ...rest } = viewer;
    const page = await browser.newPage({ viewport: { width, height: 900 }, bypassCSP: true, ...rest });
    await page.clock.setFixedTime(NOW);
    if (token !== undefined) await page.addInitScript(`sessionStorage.setItem('enaga-token', '${token}')`);
    const trouble: string[] = [];
    page.on('console', message => message.type() === 'error' && trouble.push(message.text()));
    page.on('pageerror', error => trouble.push(String(error)));
    await page.goto(`${ours.url}${address}`);
    await page.locator('main[data-filled]').waitFor({ timeout: 20_000 });
    return { page, trouble };
  }

  async function check(page: Page, name: string): Promise<void> {
    if (pictures !== undefined) await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
    expect(await page.locator('h1').count()).toBe(1);
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);
    expect(await axeFinds(page)).toEqual([]);
  }

  const WIDE = 'wide and light, in English';
  const NARROW = 'narrow and dark, in Japanese';

  test.each([
    ['a member', WIDE],
    ['the public', NARROW],
  ] as const)('nobody else yet, for %s: %s', async (reader, name) => {
    const { page, trouble } = await look('/peers', VIEWS[name], reader === 'a member' ? ours.token : undefined);
    await check(page, `empty ${name}`);
    expect(trouble).toEqual([]);
    expect(await page.locator('h1').textContent()).toMatch(/^(No other observatory|表示できる他の観測網は)/);
    await page.close();
  });

  test('what stands in a column is what the source says, in both units', async () => {
    await pulled();
    const { page, trouble } = await look('/peers', VIEWS[WIDE], ours.token);
    expect(await page.locator('main > .warn').textContent()).toBe('silent was never pulled: it does not answer.');
    const heads = await page.locator('#peers-ports ~ .scroll thead th').allTextContents();
    expect(heads).toEqual(['Port', 'Ours', 'jakarta', 'nairobi rounded', 'telescope']);
    const line = page.locator('#peers-ports ~ .scroll tbody tr').filter({ hasText: '23/tcp' }).first();
    type Row = { date: string; protocol: string; port: number; packets: number; meanPerSensor: number };
    const range = '2026-03-10:2026-03-16';
    for (const [site, column] of [
      [ours, 0],
      [theirs, 1],
    ] as const) {
      const totals = await site.ask<{ packets: number; state: string; date: string }>(`/v1/days/${range}`, site.token);
      const closed = totals.filter(({ state }) => state !== 'open');
      const rows = (await site.ask<Row>(`/v1/days/${range}/ports`, site.token)).filter(
        row => row.protocol === 'tcp' && row.port === 23 && closed.some(({ date }) => date === row.date),
      );
      const sum = rows.reduce((all, { packets }) => all + packets, 0);
      const all = closed.reduce((total, { packets }) => total + packets, 0);
      const text = (await line.locator('td').nth(column).textContent())!;
      expect(text).toContain(`${((100 * sum) / all).toFixed(1)}%`);
    }
    await page.getByRole('link', { name: 'Packets a sensor and day' }).click();
    await page.locator('main[data-filled]').waitFor();
    await expect.poll(() => page.locator('#peers-ports ~ .note').textContent()).toContain('An import knows no sensors');
    expect(await page.locator('#peers-ports ~ .scroll tbody tr').first().locator('td').last().textContent()).toBe('–');
    expect(page.url()).toContain('unit=mean');
    await page.getByRole('link', { name: '1 day' }).click();
    await expect.poll(() => page.locator('.when').textContent()).not.toContain('–');
    expect(trouble).toEqual([]);
    await page.close();
  });

  test.each([
    ['a member', WIDE],
    ['a member', NARROW],
    ['the public', NARROW],
  ] as const)('side by side, and who each is, for %s: %s', async (reader, name) => {
    const token = reader === 'a member' ? ours.token : undefined;
    const { page, trouble } = await look('/peers', VIEWS[name], token);
    await check(page, `${reader} ${name}`);
    const text = (await page.locator('main').textContent())!;
    expect(text).toContain('nairobi');
    for (const hidden of ['jakarta', 'telescope', 'silent']) expect(text.includes(hidden)).toBe(token !== undefined);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('days that nobody has', async () => {
    const { page } = await look('/peers?date=2026-01-05&span=day', VIEWS[WIDE], ours.token);
    await check(page, 'nothing');
    expect(await page.locator('h1').textContent()).toBe('Nobody has figures of these days');
    await page.close();
  });
});

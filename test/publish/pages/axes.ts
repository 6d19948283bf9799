/** Charts by the hour as people read them: a day's name against what the pointer says, and why the last hours are missing. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { keepPicture, type Look, type Sites } from './look.ts';
import { TODAY } from './support.ts';

const HOUR_MS = 3_600_000;
/** Of which a hand is sure. */
const pixels = 1;

export function axisTests(look: Look, sites: Sites): void {
  describe.each([
    ['wide and light', { width: 1280, colorScheme: 'light' }],
    ['narrow and dark', { width: 375, colorScheme: 'dark' }],
  ] as const)('%s: hours of a week', (name, viewer) => {
    test.each([
      ['/', '#ports'],
      ['/', '#countries'],
      ['/?count=sources', '#countries'],
      ['/countries/CN', '#series'],
    ])('%s %s: where a day’s name stands, the pointer reads its midnight', async (address, id) => {
      const { page, trouble } = await look(sites().site, address, { ...viewer, token: sites().site.token });
      const chart = page.locator(`${id} .chart`);
      await chart.scrollIntoViewIfNeeded();
      const box = (await chart.boundingBox())!;
      const names = chart.locator('text').filter({ hasText: /^\d\d-\d\d$/ });
      const days = await names.allTextContents();
      expect(days.length).toBeGreaterThanOrEqual(2);
      for (const [n, day] of days.entries()) {
        const place = (await names.nth(n).boundingBox())!;
        const middle = place.x + place.width / 2;
        const read = async (x: number) => {
          await page.mouse.move(x, box.y + box.height / 2);
          const readout = page.locator(`${id} .readout`);
          if (await readout.isHidden()) return undefined;
          const [when] = /\d{4}-\d\d-\d\d \d\d:\d\d/.exec((await readout.textContent())!)!;
          return Date.parse(`${when.replace(' ', 'T')}:00Z`);
        };
        const midnight = Date.parse(`2026-${day}T00:00:00Z`);
        const [before, after] = [await read(middle - pixels - 1), await read(middle + pixels)];
        expect(after! - midnight, day).toBeLessThanOrEqual(2 * HOUR_MS);
        expect(after, day).toBeGreaterThanOrEqual(midnight);
        if (n === 0 && before === undefined) continue; // nothing is drawn before it
        expect(before, day).toBeLessThan(midnight);
        expect(midnight - before!, day).toBeLessThanOrEqual(3 * HOUR_MS);
      }
      await keepPicture(page, `hours ${name} ${address} ${id}`);
      expect(trouble).toEqual([]);
      await page.close();
    });
  });

  test.each([
    [
      'en-GB',
      '/',
      ['ports', 'countries'],
      'The last 5 hours are not drawn: too few sensors watched them.',
      'not drawn',
    ],
    ['ja-JP', '/ports/tcp/23', ['series'], '直近5時間は観測センサーが少ないため表示していません。', '表示していません'],
  ] as const)('in %s, %s says that its last hours are not drawn, and nothing where they are', async (...row) => {
    const [locale, address, ids, text, said] = row;
    const captionsOf = async (name: string, before?: (page: Page) => Promise<unknown>) => {
      const viewer = { locale, width: locale === 'ja-JP' ? 375 : 1280, token: sites().site.token };
      const { page, trouble } = await look(sites().site, address, viewer, before);
      const captions = await Promise.all(ids.map(id => page.locator(`#${id}-caption`).textContent()));
      await keepPicture(page, `${name} ${locale} ${address}`);
      expect(trouble).toEqual([]);
      await page.close();
      return captions;
    };
    for (const caption of await captionsOf('to its end')) expect(caption).not.toContain(said);
    const unwatched = await captionsOf('not to its end', page =>
      page.route(/\/v1\/series.*step=hour/, async route => {
        const answer = await route.fetch();
        const { rows, ...more } = (await answer.json()) as { rows: { start: string }[] };
        const isToday = ({ start }: { start: string }) => start.startsWith(TODAY);
        const blind = rows.map(one => (isToday(one) ? { ...one, packets: 0, sources: 0, meanPerSensor: null } : one));
        await route.fulfill({ response: answer, json: { ...more, rows: blind } });
      }),
    );
    for (const caption of unwatched) expect(caption).toContain(text);
  });
}

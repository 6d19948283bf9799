/** What the public sees, for who has signed in: from which pages there is a way to it, where that leads, and the way back. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { PAGES, type PageName } from '../../../collector/publish/pages/shell.ts';
import { filled, keepPicture, type Look, overflow, type Sites, violations } from './look.ts';

/** Of every page that there is one, with what it keeps in its address. */
const ADDRESSES: Record<PageName, string> = {
  ...{ now: '/?window=month', port: '/ports/tcp/23?window=month', country: '/countries/CN?window=month' },
  ...{ countries: '/countries?measure=sources', domestic: '/domestic?economy=JP', days: '/days#2026-03-17' },
  ...{ peers: '/peers?span=day&unit=mean', sensors: '/sensors', sensor: '/sensors/sensor-1', enrol: '/enrol' },
  ...{ members: '/members', 'sign-in': '/sign-in', missing: '/nope', ports: '/ports' },
};
/** The same for everybody: there is nothing in them that the public has otherwise. */
const ALIKE: readonly PageName[] = ['sign-in', 'missing', 'ports'];
const LOCKED = 'For members';

const titleOf = (page: Page) => page.locator('h1').textContent();
const wayTo = (page: Page) => page.getByRole('link', { name: 'What the public sees' });
const wayBack = (page: Page) => page.getByRole('link', { name: 'Back to what you see' });

export function publicTests(look: Look, sites: Sites): void {
  describe('what the public sees, for who has signed in', () => {
    test.each(PAGES)('of the page %s, if there is something, and back', async name => {
      const { small } = sites();
      const address = ADDRESSES[name];
      const nobody = await look(small, address);
      const title = await titleOf(nobody.page);
      await nobody.page.close();
      const { page, requests } = await look(small, address, { token: small.token });
      const own = await titleOf(page);
      const isPublic = title !== LOCKED && !ALIKE.includes(name);
      expect([name, await wayTo(page).count()]).toEqual([name, isPublic ? 1 : 0]);
      const there = new URL(address, small.url);
      there.searchParams.append('as', 'public');
      const from = requests.length;
      if (isPublic) await wayTo(page).click();
      else await page.goto(there.href); // as by a link of a public view
      await page.waitForURL(there.href);
      await filled(page);
      expect(await titleOf(page)).toBe(title);
      expect(requests.slice(from).filter(({ authorization }) => authorization !== undefined)).toEqual([]);
      expect(await wayTo(page).count()).toBe(0);
      await wayBack(page).click();
      await page.waitForURL(new URL(address, small.url).href);
      await filled(page);
      expect(await titleOf(page)).toBe(own);
      expect(await wayBack(page).count()).toBe(0);
      await page.close();
    });

    test('of the day that was chosen, and that day in the other language', async () => {
      const { site } = sites();
      const { page, trouble } = await look(site, '/days', { token: site.token });
      await page.locator('[data-day="2026-03-12"]').click();
      const links = [wayTo(page), page.getByRole('link', { name: '日本語' })];
      const leads = await Promise.all(links.map(link => link.getAttribute('href')));
      expect(leads).toEqual(['/days?as=public#2026-03-12', '/days?lang=ja#2026-03-12']);
      await wayTo(page).click();
      await page.waitForURL('**/days?as=public#2026-03-12');
      await filled(page);
      expect(await page.locator('.files h2').textContent()).toContain('12 March 2026');
      expect(trouble).toEqual([]);
      await page.close();
    });

    test('the link follows the view that is chosen', async () => {
      const { small } = sites();
      const { page } = await look(small, '/', { token: small.token });
      await page.getByRole('link', { name: '3 months' }).click();
      await filled(page);
      expect(await wayTo(page).getAttribute('href')).toBe('/?window=quarter&as=public');
      await page.goBack();
      await filled(page);
      expect(await wayTo(page).getAttribute('href')).toBe('/?as=public');
      await page.close();
    });

    test('a token behind # is in no link', async () => {
      const { small } = sites();
      for (const query of ['', '?as=public']) {
        const { page } = await look(small, `/sign-in${query}#enaga_0_none`, { token: small.token });
        await page.getByLabel('Token').waitFor();
        expect(await page.content()).not.toContain('enaga_0_none');
        await page.close();
      }
    });

    const viewers = [
      ['en-GB', 1280, 'light'],
      ['ja-JP', 375, 'dark'],
    ] as const;
    test.each(viewers)('in %s, %i wide, %s: it fits', async (locale, width, colorScheme) => {
      const { small } = sites();
      for (const query of ['', '?as=public']) {
        const viewer = { locale, width, colorScheme, token: small.token, bypassCSP: true };
        const { page, trouble } = await look(small, `/peers${query}`, viewer);
        expect(await overflow(page)).toBe(0);
        await keepPicture(page, `public ${locale} peers${query}`);
        expect(await violations(page)).toEqual([]);
        expect(trouble).toEqual([]);
        await page.close();
      }
    });
  });
}

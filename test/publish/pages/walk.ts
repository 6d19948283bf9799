/** An analyst's questions, answered by clicks: what rose, from where, with which tool, and is that all sensors or one. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { filled, type Look, type Sites } from './look.ts';

const WORDS = {
  en: {
    rose: /^37215\/tcp \(huawei-hg532\) (appeared|rose .*-fold)/,
    where: 'Packets to 37215/tcp came from China',
    tool: /Packets with the mark of Mirai rose .*, to \d+% of all\./,
    all: /^6 of 7 sensors saw it; sensor-\d had \d+% of it\.$/,
    member: /^6 of 7 sensors saw it; a sensor of others had \d+% of it\.$/,
    from: 'From where',
  },
  ja: {
    rose: /、37215\/tcp（huawei-hg532）が(新たに出現|約.*倍に増加)/,
    where: '37215/tcp宛の送信元は中国',
    tool: /Miraiの特徴をもつパケットは.*増加し、全体の\d+%を占めます。/,
    all: /^7台中6台で観測。最も多いsensor-\dが全体の\d+%。$/,
    member: /^7台中6台で観測。最も多い他組織のセンサー1台が全体の\d+%。$/,
    from: '送信元地域',
  },
} as const;

export function walkTests(look: Look, sites: Sites): void {
  describe.each(['en', 'ja'] as const)('an analyst, in %s', language => {
    const words = WORDS[language];
    const locale = language === 'en' ? 'en-GB' : 'ja-JP';

    test('sees what rose, from where and with which tool, and in one click whether at all sensors', async () => {
      const { site } = sites();
      const { page, trouble } = await look(site, '/', { locale, token: site.token });
      const asked = Date.now();
      expect(await page.locator('h1').textContent()).toMatch(words.rose);
      const lead = await page.locator('.lead').textContent();
      expect(lead).toContain(words.where);
      expect(lead).toMatch(words.tool);
      await toPort(page);
      expect(await page.getByRole('img', { name: words.from }).count()).toBe(1);
      expect(await page.locator('.answer').textContent()).toMatch(words.all);
      const [busiest] = await page.locator('#by-sensor tbody th a').allTextContents();
      await page.locator('#by-sensor').getByRole('link', { name: busiest! }).click();
      await page.waitForURL(`**/sensors/${busiest}**`);
      await filled(page);
      expect(await page.locator('.sides').getByRole('link', { name: '37215/tcp' }).count()).toBe(1);
      expect(Date.now() - asked).toBeLessThan(60_000);
      expect(trouble).toEqual([]);
      await page.close();
    });

    test('who owns two sensors of seven is told the same, and no name that is not its own', async () => {
      const { site } = sites();
      const { page } = await look(site, '/ports/tcp/37215', { locale, token: site.beta });
      expect(await page.locator('.answer').textContent()).toMatch(words.member);
      expect((await page.locator('#by-sensor tbody th a').allTextContents()).sort()).toEqual(['sensor-2', 'sensor-3']);
      expect(await page.locator('body').textContent()).not.toMatch(/sensor-[01456]/);
      await page.close();
    });
  });
}

async function toPort(page: Page): Promise<void> {
  await page.locator('.moves').first().getByRole('link', { name: '37215/tcp' }).click();
  await page.waitForURL('**/ports/tcp/37215**');
  await filled(page);
}

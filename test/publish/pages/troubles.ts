/** What a page says, and its header, when the token is none any more or the collector does not answer for now; and that it asks again. */
import type { Page, Route } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { problemText } from '../../../collector/publish/api/problems.ts';
import { awayPage } from '../../../collector/publish/pages/away.ts';
import { startCollector } from '../../ingest/support.ts';
import { filled, keepPicture, type Look, overflow, type Sites, violations } from './look.ts';
import { NOW } from './support.ts';

const WORDS = {
  en: {
    ...{ signIn: 'Sign in', signOut: 'Sign out', token: 'Token', members: 'members’ view' },
    ended: 'The token is not valid any more',
    away: 'The collector is not ready at this moment',
    counting: 'This is being counted',
    already: 'You are signed in; another token takes the place of yours.',
  },
  ja: {
    ...{ signIn: 'サインイン', signOut: 'サインアウト', token: 'トークン', members: 'メンバー向け' },
    ended: 'トークンが無効です',
    away: 'コレクターの準備ができていません',
    counting: '集計中です',
    senderless: 'コレクターに交換用ファイルの発行者が設定されていません',
    already: 'サインイン中です。別のトークンを入力すると切り替わります。',
  },
} as const;

const VIEWERS = {
  en: { locale: 'en-GB', width: 1400, colorScheme: 'light' },
  ja: { locale: 'ja-JP', width: 360, colorScheme: 'dark' },
} as const;
const LANGUAGES = ['en', 'ja'] as const;

const account = (page: Page) => page.locator('header #account');
const ALL = '**/v1/**';

type Answer = NonNullable<Parameters<Route['fulfill']>[0]>;

/** What the collector says while the part of it that answers readers is begun again; of a page, to a browser. */
async function answerAway(url = '/v1/days'): Promise<Answer> {
  const { app } = await startCollector({ app: { others: { ask: async () => undefined, awayPage } } });
  const { statusCode: status, headers, body } = await app.inject({ url, headers: { accept: 'text/html,*/*;q=0.8' } });
  return { status, body, headers: headers as Record<string, string> };
}

/** What a proxy says while the collector is begun again. */
const answerProxy = async (): Promise<Answer> => ({ status: 503, contentType: 'text/html', body: '<h1>503</h1>' });

const answerCounting = async (): Promise<Answer> => ({
  status: 503,
  headers: { 'retry-after': '3' },
  contentType: 'application/problem+json',
  body: problemText('being-counted'),
});

export function troubleTests(look: Look, sites: Sites): void {
  describe.each(LANGUAGES)('in %s', language => {
    const [words, viewer] = [WORDS[language], VIEWERS[language]];

    test('a token that is none any more: the header says so, and leads to the sign-in page', async () => {
      const { small } = sites();
      const query = language === 'ja' ? '?lang=ja' : '';
      const { page } = await look(small, `/${query}`, { ...viewer, token: 'enaga_ended', bypassCSP: true });
      expect(await page.locator('h1').textContent()).toBe(words.ended);
      expect(await account(page).textContent()).toBe(words.signIn);
      expect(await overflow(page)).toBe(0);
      await keepPicture(page, `ended ${language}`);
      expect(await violations(page)).toEqual([]);
      await account(page).click();
      await page.waitForURL(`**/sign-in${query}`);
      await page.getByLabel(words.token).waitFor();
      await page.close();
    });

    test('from the public view one signs in to the members’, and out to the public’s', async () => {
      const { small } = sites();
      const { page, trouble } = await look(small, `/sign-in?lang=${language}&as=public`, viewer);
      await page.getByLabel(words.token).fill(small.token);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${small.url}/?lang=${language}`);
      await page.getByText(words.members).waitFor();
      expect(await account(page).textContent()).toBe(words.signOut);
      await page.goto(`${small.url}/sign-in?lang=${language}&as=public`);
      await page.getByText(words.already).waitFor();
      await keepPicture(page, `sign in as public ${language}`);
      await account(page).click();
      await page.waitForURL(`${small.url}/?lang=${language}`);
      await filled(page);
      expect(await account(page).textContent()).toBe(words.signIn);
      expect(trouble).toEqual([]);
      await page.close();
    });
  });

  test('so does a link with a token', async () => {
    const { small } = sites();
    const { page } = await look(small, `/sign-in?lang=en&as=public#${small.token}`);
    await page.waitForURL(`${small.url}/?lang=en`);
    await page.getByText(WORDS.en.members).waitFor();
    await page.close();
  });

  test.each([
    ['the part that reads is away', '/', 'en', 'away', answerAway],
    ['a proxy answers', '/days', 'ja', 'away', answerProxy],
    ['it is being counted', '/days', 'en', 'counting', answerCounting],
  ] as const)('%s: %s in %s tells it from a collector that counted nothing, and asks again', async (...given) => {
    const { small } = sites();
    const [why, address, language, trouble, of] = given;
    const [answer, told] = [await of(), WORDS[language][trouble]];
    const { page } = await look(small, address, { ...VIEWERS[language], token: small.token }, async one => {
      await one.clock.install({ time: NOW });
      await one.route(ALL, route => route.fulfill(answer));
    });
    expect(await page.locator('h1').textContent()).toBe(told);
    expect(await page.locator('main p').textContent()).toMatch(/asks again by itself\.$|自動的に再試行します。$/);
    expect(await overflow(page)).toBe(0);
    await keepPicture(page, `${why} ${language}`);
    await page.unroute(ALL);
    await page.clock.fastForward('00:16');
    await page.getByText(told).waitFor({ state: 'detached' });
    expect(await page.locator('h1').count()).toBe(1);
    await page.close();
  });

  test('a page that is asked for meanwhile comes by itself, at the place that was asked for', async () => {
    const { small } = sites();
    const answer = await answerAway('/days');
    const { page } = await look(small, '/sign-in', { token: small.token }, one => one.clock.install({ time: NOW }));
    await page.route('**/days', route => route.fulfill(answer), { times: 1 });
    await page.goto(`${small.url}/days#2026-03-17`);
    expect(await page.locator('h1').textContent()).toBe('Back in a moment');
    await page.clock.fastForward('00:05');
    await page.locator('[data-day="2026-03-17"][aria-pressed=true]').waitFor();
    await page.close();
  });

  test('a part that could not come is asked for again, later each time and not before it may, and nothing else is', async () => {
    const { small } = sites();
    const [part, asked] = ['**/v1/port-kinds**', [] as string[]];
    const answer = await answerCounting();
    const viewer = { ...VIEWERS.ja, token: small.token };
    const { page, requests } = await look(small, '/ports/tcp/37215', viewer, async one => {
      await one.clock.install({ time: NOW });
      await one.route(part, route => {
        asked.push(route.request().url());
        return route.fulfill({ ...answer, headers: asked.length === 1 ? { 'retry-after': '20' } : {} });
      });
    });
    const waiting = page.locator('.state.counting');
    expect(await waiting.first().textContent()).toContain('自動的に再試行します。');
    expect([await waiting.count(), await overflow(page)]).toEqual([2, 0]); // both of one answer
    await keepPicture(page, 'a part that cannot come');
    const from = requests.length;
    await page.clock.fastForward('00:16');
    expect(asked.length).toBe(1);
    await page.clock.fastForward('00:05');
    await expect.poll(() => asked.length).toBe(2);
    await filled(page);
    await page.clock.fastForward('00:16');
    expect(asked.length).toBe(2);
    await page.unroute(part);
    await page.clock.fastForward('00:16');
    await waiting.first().waitFor({ state: 'detached' });
    expect(await page.locator('#tools, #classes').count()).toBe(2);
    expect(requests.slice(from).map(({ url }) => new URL(url).pathname)).toEqual(Array(2).fill('/v1/port-kinds'));
    await page.close();
  });

  /** Members' pages are renewed after five minutes. */
  test.each([
    ['is asked for again', {}, ['00:16', '00:31'], 3],
    ['may not be asked for yet', { 'retry-after': '900' }, [], 1],
  ] as const)('while a part that cannot come %s, all is renewed no later, and its age is told', async (...given) => {
    const { small } = sites();
    const [, headers, waits, times] = given;
    let asked = 0;
    const answer = { ...(await answerCounting()), headers };
    const { page } = await look(small, '/ports/tcp/37215', { token: small.token }, async one => {
      await one.clock.install({ time: NOW });
      await one.route('**/v1/port-kinds**', route => {
        asked++;
        return route.fulfill(answer);
      });
    });
    for (const [n, wait] of waits.entries()) {
      await page.clock.fastForward(wait);
      await expect.poll(() => asked).toBe(n + 2);
      await filled(page);
    }
    expect(asked).toBe(times);
    await page.route(ALL, route => route.fulfill(answer));
    await page.clock.fastForward('05:01');
    await page.getByText('These figures are of 2026-03-18 05:00 UTC and could not be renewed').waitFor();
    await page.close();
  });

  test('a token that could not be looked at is not taken', async () => {
    const { small } = sites();
    const answer = await answerAway();
    const { page } = await look(small, '/sign-in', {}, one => one.route(ALL, route => route.fulfill(answer)));
    await page.getByLabel('Token').fill('enaga_wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The collector did not answer: try again.').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await page.close();
  });

  test('an exchange file: nobody is named who sends it, or it cannot be had for now', async () => {
    const { site } = sites();
    const { page } = await look(site, '/days#2026-03-15', { ...VIEWERS.ja, token: site.token });
    const said = page.locator('.files').getByRole('alert');
    const saving = page.getByRole('button', { name: 'IODEF' }).first();
    await saving.click();
    await said.getByText(WORDS.ja.senderless).waitFor();
    const answer = await answerAway();
    await page.route('**/exports/**', route => route.fulfill(answer));
    await saving.click();
    await said.getByText(WORDS.ja.away).waitFor();
    await page.close();
  });
}

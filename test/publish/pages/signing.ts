/** What becomes of a page whose reader signs out, whose token ends, or whose link has a token that is none. */
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { problemText } from '../../../collector/publish/api/problems.ts';
import { launchChromium } from '../../support/chromium.ts';
import { filled, keepPicture, type Look, looker, overflow, type Sites, violations } from './look.ts';

const WORDS = {
  en: {
    ended: 'The token is not valid any more',
    signIn: 'Sign in',
    token: 'Token',
    wrong: 'This token is not valid, or it has expired.',
    refused: 'The token in this link was not accepted: it is not valid, or it has expired.',
    away: 'The collector did not answer: open the link again.',
  },
  ja: {
    ended: 'トークンが無効です',
    signIn: 'サインイン',
    token: 'トークン',
    wrong: 'トークンが正しくないか、有効期限が切れています。',
    refused: 'リンクに含まれるトークンは受け付けられませんでした。トークンが正しくないか、有効期限が切れています。',
    away: 'コレクターから応答がありません。もう一度リンクを開いてください。',
  },
} as const;

const VIEWERS = {
  en: { locale: 'en-GB', width: 1400, colorScheme: 'light' },
  ja: { locale: 'ja-JP', width: 360, colorScheme: 'dark' },
} as const;

const ENDED = { status: 401, contentType: 'application/problem+json', body: problemText('token') };
/** Tells how a page that the browser had kept looked before its own script saw it again. */
const WATCH = `addEventListener('pageshow', ({ persisted }) => {
  if (persisted) sessionStorage.setItem('kept', document.querySelector('h1').textContent + getComputedStyle(document.body).opacity);
})`;

/** What *Sensors* begins with. */
const LOOKED_AT = /sensors needs? a look$/;

export function signingTests(look: Look, sites: Sites): void {
  test('after signing out, Back shows nothing of a member, not for a moment', async () => {
    const { small } = sites();
    // One that keeps whole what one leaves, as people's do.
    const browser = await launchChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
    onTestFinished(() => browser.close());
    const { page } = await looker(() => browser)(small, '/sign-in', {}, one => one.addInitScript(WATCH));
    const kept = () => page.evaluate("sessionStorage.getItem('kept')");
    await page.getByLabel('Token').fill(small.token);
    await page.keyboard.press('Enter');
    await page.getByText('members’ view').waitFor();
    await filled(page);
    await page.getByRole('link', { name: 'Sensors' }).click();
    await page.getByRole('heading', { name: LOOKED_AT }).waitFor();
    await back(page);
    await page.getByText('members’ view').waitFor();
    expect([await kept(), await page.evaluate('document.body.style.opacity')]).toEqual([
      expect.stringMatching(/37215.*0$/),
      '',
    ]);
    await page.getByRole('link', { name: 'Sensors' }).click();
    await page.getByRole('heading', { name: LOOKED_AT }).waitFor();
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByText('Too few sensors').waitFor();
    for (const [title, before] of [
      ['For members', expect.stringMatching(/sensors needs? a look0$/)],
      ['Too few sensors to publish', expect.stringMatching(/37215.*0$/)],
      ['Sign in', 'Sign in1'], // there was no token yet
    ]) {
      await back(page);
      await page.getByRole('heading', { name: title as string, exact: true }).waitFor();
      expect(await kept()).toEqual(before);
    }
    expect(await page.getByLabel('Token').inputValue()).toBe('');
  });

  /** What asks something of a page that is open; of the first, the page itself as it comes. */
  test.each([
    ['/ports/tcp/37215', 'en', '**/v1/port-kinds**', undefined],
    ['/days', 'ja', '**/v1/days/*/countries**', (page: Page) => page.locator('[data-day]').first().click()],
    ['/members', 'en', '**/v1/organisations', addOrganisation],
  ] as const)('a token that ends while %s is open, in %s, ends the whole of it', async (...given) => {
    const [address, language, part, act] = given;
    const [{ small }, words] = [sites(), WORDS[language]];
    const refusing = (one: Page) => one.route(part, route => route.fulfill(ENDED));
    const viewer = { ...VIEWERS[language], token: small.token };
    const { page } = await look(small, address, viewer, act === undefined ? refusing : undefined);
    if (act !== undefined) await refusing(page);
    await act?.(page);
    await page.getByText(words.ended).waitFor();
    expect(await page.locator('h1').allTextContents()).toEqual([words.ended]);
    expect(await page.locator('main a').allTextContents()).toEqual([words.signIn]);
    expect(await page.locator('header #account').textContent()).toBe(words.signIn);
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await keepPicture(page, `ended part ${language} ${address}`);
    await page.close();
  });

  test.each([
    ['token=wrong', 'refused', 'en', undefined],
    ['token=wrong', 'refused', 'ja', undefined],
    ['enaga_unseen', 'away', 'ja', { status: 503, body: '' }],
  ] as const)('a link with #%s says that its token was %s, in %s', async (...given) => {
    const [fragment, trouble, language, answer] = given;
    const [{ small }, words] = [sites(), WORDS[language]];
    const address = `/sign-in?lang=${language}#${fragment}`;
    const { page } = await look(small, address, { ...VIEWERS[language], bypassCSP: true }, async one => {
      if (answer !== undefined) await one.route('**/v1/**', route => route.fulfill(answer));
    });
    expect(await page.getByRole('alert').textContent()).toBe(words[trouble]);
    expect(await page.getByLabel(words.token).inputValue()).toBe('');
    expect(new URL(page.url()).hash).toBe('');
    expect(await overflow(page)).toBe(0);
    await keepPicture(page, `link ${trouble} ${language}`);
    if (trouble === 'refused') expect(await violations(page)).toEqual([]);
    await page.close();
  });

  test.each(['en', 'ja'] as const)(
    'in %s, the kept token given again when it has expired leaves the form',
    async language => {
      const [{ small }, words, token] = [sites(), WORDS[language], 'enaga_ended'];
      const { page } = await look(small, `/sign-in?lang=${language}#${token}`, { ...VIEWERS[language], token });
      const told = page.getByRole('alert');
      expect(await told.textContent()).toBe(words.refused);
      await page.getByLabel(words.token).fill(token);
      await page.keyboard.press('Enter');
      await told.getByText(words.wrong, { exact: true }).waitFor();
      expect(await page.locator('h1').allTextContents()).toEqual([words.signIn]);
      expect(await page.getByLabel(words.token).inputValue()).toBe(token);
      await page.close();
    },
  );

  test('the way to the content is no token', async () => {
    const { small } = sites();
    const { page, requests } = await look(small, '/sign-in#main');
    expect([await page.getByRole('alert').textContent(), requests]).toEqual(['', []]);
    await page.close();
  });
}

/** Waits for nothing: a page that was kept is not loaded. */
const back = (page: Page) => page.evaluate('void setTimeout(() => history.back())');

async function addOrganisation(page: Page): Promise<void> {
  await page.locator('#field-name').fill('nobody');
  await page.locator('#field-name').press('Enter');
}

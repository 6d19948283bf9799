/** Where a member shows its token: kept for this tab only, and sent with each question and nowhere else. */
import type { Words } from '../../words.ts';
import { ask, isSignedIn, keepToken, Refused } from './api.ts';
import { h, ownHome, say } from './dom.ts';

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

type TokenTrouble = 'wrong' | 'untried';
const TROUBLES: Record<TokenTrouble, Words> = {
  wrong: {
    en: 'This token is not valid, or it has expired.',
    ja: 'トークンが正しくないか、有効期限が切れています。',
  },
  untried: {
    en: 'The collector did not answer: try again.',
    ja: 'コレクターから応答がありません。もう一度お試しください。',
  },
};
/** Of a token that a link carried: it is not in the address any more. */
const LINK_TROUBLES: Record<TokenTrouble, Words> = {
  wrong: {
    en: 'The token in this link was not accepted: it is not valid, or it has expired.',
    ja: 'リンクに含まれるトークンは受け付けられませんでした。トークンが正しくないか、有効期限が切れています。',
  },
  untried: {
    en: 'The collector did not answer: open the link again.',
    ja: 'コレクターから応答がありません。もう一度リンクを開いてください。',
  },
};

export async function signInPage(): Promise<HTMLElement[]> {
  const trouble = await linkTrouble();
  const said = h(
    'p',
    { class: 'said', role: 'alert' },
    trouble === undefined ? undefined : say(LINK_TROUBLES[trouble]),
  );
  const input = h('input', {
    id: 'token',
    type: 'password',
    name: 'token',
    autocomplete: 'current-password',
    required: true,
    spellcheck: 'false',
    maxlength: 128,
    'aria-describedby': 'token-note',
  });
  const button = h('button', { type: 'submit', class: 'button strong' }, say({ en: 'Sign in', ja: 'サインイン' }));
  const submit = async (event: Event) => {
    event.preventDefault();
    button.disabled = true;
    said.textContent = '';
    const trouble = await tried(input.value.trim());
    if (trouble === undefined) {
      input.value = ''; // whoever comes back to this page by the browser's Back must not find it
      location.assign(ownHome());
    } else said.textContent = say(TROUBLES[trouble]);
    button.disabled = false;
    input.focus();
  };
  const already = isSignedIn()
    ? h(
        'p',
        { class: 'note' },
        say({
          en: 'You are signed in; another token takes the place of yours.',
          ja: 'サインイン中です。別のトークンを入力すると切り替わります。',
        }),
      )
    : undefined;
  return [
    h(
      'section',
      { class: 'state sign-in' },
      h('h1', {}, say({ en: 'Sign in', ja: 'サインイン' })),
      already,
      h(
        'form',
        { submit },
        h('label', { for: 'token' }, say({ en: 'Token', ja: 'トークン' })),
        input,
        h(
          'p',
          { class: 'note', id: 'token-note' },
          say({
            en: 'Your organisation was given it by whoever runs this collector. It is kept until this tab is closed.',
            ja: 'コレクターの管理者から組織に発行されたものです。このタブを閉じるまで保持されます。',
          }),
        ),
        button,
        said,
      ),
    ),
  ];
}

/**
 * A link may carry a token behind #, which no browser sends to a server; nor does it stay in the history. Undefined where there
 * is none, or it was taken.
 */
async function linkTrouble(): Promise<TokenTrouble | undefined> {
  const linked = location.hash.slice(1);
  if (linked === '' || document.getElementById(linked) !== null) return undefined; // the way to the content
  history.replaceState(undefined, '', `${location.pathname}${location.search}`);
  const trouble = await tried(linked);
  if (trouble === undefined) location.replace(ownHome());
  return trouble;
}

/** What is the matter with it; undefined if the token is one, and then it is kept. */
async function tried(token: string): Promise<TokenTrouble | undefined> {
  if (!TOKEN.test(token)) return 'wrong';
  try {
    await ask('/v1/days', { limit: 1 }, { token });
  } catch (error) {
    const trouble = error instanceof Refused ? error.trouble : 'broken';
    if (trouble === 'token') return 'wrong';
    // There are no figures yet, or not at this moment: a wrong token would have been told first.
    if (trouble !== 'uncounted' && trouble !== 'counting') return 'untried';
  }
  keepToken(token);
  return undefined;
}

/** Fills the page that the server framed, keeps it fresh, and shows what is the matter where it cannot. */
import {
  forgetAnswers,
  forgetToken,
  isAsPublic,
  isMember,
  isSignedIn,
  keptToken,
  Refused,
  whenTokenEnds,
} from './api.ts';
import { h, ownHome, say } from './dom.ts';
import { loadServices, utcText } from './sentences.ts';
import { allFilled, takeRefusals } from './slot.ts';
import { isPassing, stale, troubled } from './states.ts';
import { latestDay } from './trends.ts';
import { followView, viewOf } from './view.ts';

const { page = '', subject = '' } = document.documentElement.dataset;
const main = document.getElementById('main')!;

/** Pages that begin with the last day: it is asked for while what draws them is still read. */
const dated = ['now', 'port', 'country', 'countries', 'domestic'];

/** A screen on a wall stays fresh: what the public sees changes once a day, the members' each minute. */
const renewMs = { public: 15 * 60_000, member: 5 * 60_000 };
const retryMs = 15_000;
/** Of slots alone, with twice the time before each; when it is time all is renewed, whatever is still to be tried. */
const slotTriesMax = 4;
/** A busy machine may take long for a frame. */
const frameMsMax = 5000;
/** Pages that a reader fills in are not taken away; while there is nothing of them yet, they are asked for again as others are. */
const renewed = ['now', 'port', 'country', 'countries', 'domestic', 'peers', 'sensors', 'sensor'];

/** When what is shown was asked for anew. */
let shownMs: number | undefined;
/** By `performance.now()`; undefined until all that was asked for anew is there. */
let renewAtMs: number | undefined;
let asked = new AbortController();
let timer: ReturnType<typeof setTimeout> | undefined;
/** Who had signed in when the page was filled. */
let shownTo: string | undefined;
/** How often slots were asked for again since everything was. */
let slotTries = 0;

function renew(): void {
  forgetAnswers();
  slotTries = 0;
  renewAtMs = undefined;
  void show();
}

async function show(): Promise<void> {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  clearTimeout(timer);
  shownTo = keptToken();
  takeRefusals(); // of what is given up
  account();
  delete main.dataset.filled;
  main.setAttribute('aria-busy', 'true');
  try {
    if (dated.includes(page)) {
      latestDay(Date.now(), signal).catch(() => {}); // the page asks the same, and says what is wrong
      void loadServices();
    }
    const { pageOf } = await import('./pages.ts');
    const content = await pageOf(page, subject)(viewOf(location.search), show, signal);
    if (shownMs !== undefined) await allFilled(); // what is shown stays until all of what follows it is there
    if (signal.aborted) return;
    const again = focusedAgain();
    main.replaceChildren(...content);
    again()?.focus();
    if (renewAtMs === undefined) shownMs = Date.now(); // else much of it is as it was answered before
    main.setAttribute('aria-busy', 'false');
    await allFilled();
    await drawn();
    if (signal.aborted) return;
    main.dataset.filled = String(shownMs);
    renewAtMs ??= performance.now() + (isMember() ? renewMs.member : renewMs.public);
    if (renewed.includes(page)) askAgain();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Refused)) console.error(error);
    endIn(error instanceof Refused ? error : new Refused('broken'));
  }
}

/** When figures are old; or sooner, and then only for those that did not come. */
function askAgain(): void {
  const leftMs = renewAtMs! - performance.now();
  const passing = takeRefusals().filter(({ trouble }) => isPassing(trouble));
  const toldMs = Math.max(...passing.map(({ retrySeconds = 0 }) => retrySeconds * 1000));
  const againMs = Math.max(retryMs * 2 ** slotTries, toldMs);
  if (passing.length > 0 && slotTries < slotTriesMax && againMs < leftMs) {
    slotTries++;
    timer = setTimeout(show, againMs);
  } else timer = setTimeout(renew, leftMs);
}

/** The page cannot be had: shows why, and asks again where that helps. */
function endIn(refused: Refused): void {
  const againMs = showTrouble(refused);
  main.dataset.filled = '';
  main.setAttribute('aria-busy', 'false');
  const isAskedAgain = renewed.includes(page) || (shownMs === undefined && isPassing(refused.trouble));
  if (isAskedAgain) timer = setTimeout(renew, againMs);
}

/** Whatever it was sent for: nothing else of the page can be had as a member either. */
whenTokenEnds(() => {
  asked.abort();
  clearTimeout(timer);
  endIn(new Refused('token'));
});

/** Charts are drawn once it is known how wide they are. Of a page that nobody looks at no frame is made. */
const drawn = (): Promise<void> =>
  new Promise(resolve => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, document.hidden ? 0 : frameMsMax);
  });

/** Old figures stay, with a word above them; returns when to ask again. */
function showTrouble({ trouble, retrySeconds }: Refused): number {
  if (shownMs === undefined || trouble === 'token') main.replaceChildren(troubled(trouble));
  else {
    main.querySelector('.warn[role=status]')?.remove();
    main.prepend(stale(utcText(shownMs, false), trouble));
  }
  account();
  return isPassing(trouble) ? (retrySeconds === undefined ? retryMs : retrySeconds * 1000) : renewMs.public;
}

/** What is to have the focus when the page was made anew: the same link of the controls, or the same field. */
function focusedAgain(): () => HTMLElement | null | undefined {
  const { activeElement: one } = document;
  if (!main.contains(one)) return () => undefined;
  if (one instanceof HTMLInputElement) return () => document.getElementById(one.id);
  if (!(one instanceof HTMLAnchorElement)) return () => undefined;
  const links = () => [...main.querySelectorAll<HTMLAnchorElement>('.controls a')];
  return () => links().find(({ textContent }) => textContent === one.textContent);
}

/** Pages that the public has a view of. */
const published = ['now', 'port', 'country', 'countries', 'domestic', 'days', 'peers'];

/** Sign in, or out; and what the public sees of this page, or back from it. */
function account(): void {
  const link = document.getElementById('account') as HTMLAnchorElement;
  followPublic(link);
  followView();
  const signedIn = isSignedIn(); // until the token turns out to be none
  link.textContent = signedIn ? say({ en: 'Sign out', ja: 'サインアウト' }) : say({ en: 'Sign in', ja: 'サインイン' });
  link.onclick = signedIn ? signOut : null; // else it leads where the frame has it lead
}

function signOut(event: Event): void {
  event.preventDefault();
  forgetToken();
  location.assign(ownHome());
}

/** For who is signed in: a link to the page as the public has it; and wherever the public is looked at, what it is and a way back. */
function followPublic(account: HTMLAnchorElement): void {
  document.querySelector('.public-view')?.remove();
  document.querySelector('.as-public')?.remove();
  if (!isSignedIn()) return;
  if (isAsPublic())
    main.before(
      h(
        'aside',
        { class: 'as-public', 'aria-label': say({ en: 'Public view', ja: '公開表示' }) },
        h(
          'p',
          {},
          h('strong', {}, say({ en: 'This is what the public sees. ', ja: '一般に公開される内容を表示しています。' })),
          h('a', {}, say({ en: 'Back to what you see', ja: 'メンバー向けの表示に戻る' })),
        ),
      ),
    );
  else if (published.includes(page))
    account.before(h('a', { class: 'public-view' }, say({ en: 'What the public sees', ja: '公開される内容を見る' })));
}

addEventListener('popstate', () => void show());
/**
 * A browser may keep the page whole that one leaves, and show it again as it was, to who has signed out since. A member's leaves
 * unseen: a frame of it would be painted before it is asked whose it is.
 */
addEventListener('pagehide', () => {
  if (shownTo !== undefined) document.body.style.opacity = '0';
});
addEventListener('pageshow', ({ persisted }) => {
  if (persisted && keptToken() !== shownTo) location.reload();
  else document.body.style.opacity = '';
});
void show();

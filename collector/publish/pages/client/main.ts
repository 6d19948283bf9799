/** Fills the page that the server framed, keeps it fresh, and shows what is the matter where it cannot. */
import { forgetAnswers, forgetToken, isMember, Refused } from './api.ts';
import { daysPage } from './days.ts';
import { kept, say } from './dom.ts';
import { nowPage } from './now.ts';
import { sensorsPage } from './sensors.ts';
import { utcText } from './sentences.ts';
import { signInPage } from './sign-in.ts';
import { allFilled } from './slot.ts';
import { stale, troubled } from './states.ts';
import { subjectPage } from './subject.ts';
import { followLanguages, type View, viewOf } from './view.ts';

type PageOf = (view: View, changed: () => void, signal: AbortSignal) => Promise<HTMLElement[]>;

const { page = '', subject = '' } = document.documentElement.dataset;
const main = document.getElementById('main')!;

const PAGES: Record<string, PageOf> = {
  now: nowPage,
  port: (view, changed, signal) => subjectPage('ports', subject, view, changed, signal),
  country: (view, changed, signal) => subjectPage('countries', subject, view, changed, signal),
  days: daysPage,
  sensors: sensorsPage,
  'sign-in': signInPage,
  missing: async () => [troubled('none')],
};

/** A screen on a wall stays fresh: what the public sees changes once a day, the members' each minute. */
const renewMs = { public: 15 * 60_000, member: 5 * 60_000 };
const retryMs = 15_000;
/** Pages that a reader fills in are not taken away. */
const renewed = ['now', 'port', 'country', 'sensors'];

let shownMs: number | undefined;
let asked = new AbortController();
let timer: ReturnType<typeof setTimeout> | undefined;

function renew(): void {
  forgetAnswers();
  void show();
}

async function show(): Promise<void> {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  clearTimeout(timer);
  delete main.dataset.filled;
  main.setAttribute('aria-busy', 'true');
  let againMs = isMember() ? renewMs.member : renewMs.public;
  try {
    const content = await PAGES[page]!(viewOf(location.search), show, signal);
    if (shownMs !== undefined) await allFilled(); // what is shown stays until all of what follows it is there
    if (signal.aborted) return;
    const focused = focusPath();
    main.replaceChildren(...content);
    refocus(focused);
    shownMs = Date.now();
    main.setAttribute('aria-busy', 'false');
    await allFilled();
    if (signal.aborted) return;
    main.dataset.filled = String(shownMs);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Refused)) console.error(error);
    againMs = showTrouble(error instanceof Refused ? error : new Refused('broken'));
    main.dataset.filled = '';
  }
  main.setAttribute('aria-busy', 'false');
  if (renewed.includes(page)) timer = setTimeout(renew, againMs);
}

/** Old figures stay, with a word above them; returns when to ask again. */
function showTrouble({ trouble, retrySeconds }: Refused): number {
  if (trouble === 'token') forgetToken();
  if (shownMs === undefined || trouble === 'token') main.replaceChildren(troubled(trouble));
  else {
    main.querySelector('.warn[role=status]')?.remove();
    main.prepend(stale(utcText(shownMs, false), trouble));
  }
  account();
  const passing = trouble !== 'none' && trouble !== 'forbidden' && trouble !== 'token';
  return passing ? (retrySeconds === undefined ? retryMs : retrySeconds * 1000) : renewMs.public;
}

/** Which of the links of the controls has the focus, so that it is not lost when they are made anew. */
const focusPath = (): string | undefined =>
  document.activeElement instanceof HTMLAnchorElement && main.contains(document.activeElement)
    ? document.activeElement.textContent
    : undefined;

function refocus(text: string | undefined): void {
  if (text === undefined) return;
  for (const link of main.querySelectorAll<HTMLAnchorElement>('.controls a'))
    if (link.textContent === text) link.focus();
}

/** Sign in, or out. */
function account(): void {
  const link = document.getElementById('account') as HTMLAnchorElement;
  if (!isMember()) return;
  link.textContent = say({ en: 'Sign out', ja: 'サインアウト' });
  link.onclick = event => {
    event.preventDefault();
    forgetToken();
    location.assign(`/${kept}`);
  };
}

account();
addEventListener('popstate', () => {
  followLanguages();
  void show();
});
void show();

/**
 * The frame of every page, as it is sent: head, navigation, language, an empty main part that says that it loads, and what a
 * reader without scripts is told. What fills it comes from /v1, by client/main.ts.
 */
import { Html, html } from '../html.ts';
import { countryName } from '../names.ts';
import type { Language, Words } from '../words.ts';
import { BIRD_INLINE } from './bird.ts';
import type { Assets } from './bundle.ts';

export const PAGES = [
  'now',
  'port',
  'country',
  'countries',
  'domestic',
  'days',
  'peers',
  'sensors',
  'sensor',
  'enrol',
  'members',
  'sign-in',
  'missing',
] as const;
export type PageName = (typeof PAGES)[number];

export interface Page {
  readonly name: PageName;
  /** Of a port `23/tcp`, of a country its code, of a sensor its name; else nothing. */
  readonly subject: string;
  readonly language: Language;
  /** The query of its address, without `lang`. */
  readonly query: string;
  /** The address says which language: links keep it. */
  readonly languageAsked: boolean;
  /** The address asks for what the public sees, whoever looks: links keep it. */
  readonly asPublic: boolean;
  /** Of the address, without query. */
  readonly path: string;
}

const TITLES: Record<PageName, Words> = {
  now: { en: 'Now', ja: '現況' },
  port: { en: 'Port', ja: 'ポート' },
  country: { en: 'Country', ja: '地域' },
  countries: { en: 'Map', ja: '世界地図' },
  domestic: { en: 'Domestic and overseas', ja: '国内・国外' },
  days: { en: 'Days', ja: '日別' },
  peers: { en: 'Peers', ja: '他の観測網' },
  sensors: { en: 'Sensors', ja: 'センサー' },
  sensor: { en: 'Sensor', ja: 'センサー' },
  enrol: { en: 'Enrol a sensor', ja: 'センサーの登録' },
  members: { en: 'Members', ja: 'メンバー' },
  'sign-in': { en: 'Sign in', ja: 'サインイン' },
  missing: { en: 'No such page', ja: 'ページがありません' },
};

const NAVIGATION: readonly (readonly [PageName, string])[] = [
  ['now', '/'],
  ['countries', '/countries'],
  ['domestic', '/domestic'],
  ['days', '/days'],
  ['peers', '/peers'],
  ['sensors', '/sensors'],
];

const SKIP: Words = { en: 'To the content', ja: '本文へ' };
const LOADING: Words = { en: 'Loading …', ja: '読み込み中…' };
const NO_SCRIPT: Words = {
  en: 'The charts are drawn by a script of this server, which your browser does not run. The same figures are at /v1/days.csv.',
  ja: 'グラフの描画にはこのサーバーのスクリプトが必要です。同じ数値は/v1/days.csvから取得できます。',
};
const FOOTER: Words = {
  en: 'Enaga, an open darknet observatory: unsolicited packets to addresses where nothing lives. All days and hours are UTC.',
  ja: 'Enagaは、使われていないアドレスに届くパケットを数える、オープンな定点観測システムです。日時はすべてUTCです。',
};

export function titleOf({ name, subject, language }: Pick<Page, 'name' | 'subject' | 'language'>): string {
  if (name === 'port' || name === 'sensor') return subject;
  if (name === 'country') return countryName(subject)[language];
  return TITLES[name][language];
}

/** Everything in it is text, but what is written here. */
export function shellHtml(page: Page, assets: Assets): string {
  const { name, subject, language, languageAsked, asPublic } = page;
  const said = (words: Words) => words[language];
  const keys = new URLSearchParams({ ...(languageAsked && { lang: language }), ...(asPublic && { as: 'public' }) });
  const kept = keys.size > 0 ? `?${keys}` : '';
  const links = NAVIGATION.map(([target, path]) => {
    const current = target === name ? html` aria-current="page"` : html``;
    return html`<a href="${path}${kept}"${current}>${said(TITLES[target])}</a>`;
  });
  const here = html`<html lang="${language}" data-page="${name}" data-subject="${subject}" data-kept="${kept}">`;
  return html`<!doctype html>
${here}
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${titleOf(page)} · Enaga</title>
<link rel="icon" href="/assets/${assets.icon}">
<link rel="stylesheet" href="/assets/${assets.style}">
<script type="module" src="/assets/${assets.script}"></script>
</head>
<body>
<a class="skip" href="#main">${said(SKIP)}</a>
<header><a class="mark" href="/${kept}">${new Html(BIRD_INLINE)}<span>Enaga</span></a>
<nav aria-label="Enaga">${links}</nav>
<div class="reader">${languageSwitch(page)}<a id="account" class="button" href="/sign-in${kept}">${said(TITLES['sign-in'])}</a></div></header>
<main id="main" tabindex="-1" aria-busy="true"><h1 class="waiting">${titleOf(page)}</h1><p class="note" id="loading">${said(LOADING)}</p><noscript><p class="warn">${said(NO_SCRIPT)}</p></noscript></main>
<footer><p>${said(FOOTER)}</p><p><a href="/v1/openapi.json">API</a></p></footer>
</body>
</html>
`.markup;
}

function languageSwitch({ language, path, query }: Page): Html {
  const link = (target: Language, text: string) => {
    const parameters = new URLSearchParams(query);
    parameters.set('lang', target);
    const current = target === language ? html` aria-current="true"` : html``;
    return html`<a href="${path}?${parameters.toString()}" lang="${target}" hreflang="${target}"${current}>${text}</a>`;
  };
  const name = language === 'en' ? 'Language' : '言語';
  return html`<div class="switch" role="group" aria-label="${name}">${link('en', 'English')}${link('ja', '日本語')}</div>`;
}

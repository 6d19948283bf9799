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
  'ports',
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
  ports: { en: 'Look up a port', ja: 'ポートを調べる' },
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

/** What every page has around its main part. */
export interface Frame extends Pick<Page, 'language' | 'query' | 'languageAsked' | 'asPublic' | 'path'> {
  readonly title: string;
  /** In the main part, which is all there is to read. */
  readonly main: Html;
  /** Of this page alone; its policy has the hash. */
  readonly style: string;
}

/** A page that is whole as it is sent, and runs no script. Without assets it has its own style alone. */
export function frameHtml(frame: Frame, assets: Assets | undefined): string {
  const { title, main, style } = frame;
  const linked =
    assets &&
    html`<link rel="icon" href="/assets/${assets.icon}">
<link rel="stylesheet" href="/assets/${assets.style}">
`;
  const head = html`${linked}<style>${new Html(style)}</style>`;
  return documentHtml({
    ...frame,
    head,
    root: html``,
    title,
    account: accountLink(frame),
    main: html`<main id="main" tabindex="-1">${main}</main>`,
  });
}

/** Everything in it is text, but what is written here. */
export function shellHtml(page: Page, assets: Assets): string {
  const { name, subject, language } = page;
  const said = (words: Words) => words[language];
  const kept = keptQuery(page);
  const head = html`<link rel="icon" href="/assets/${assets.icon}">
<link rel="stylesheet" href="/assets/${assets.style}">
<script type="module" src="/assets/${assets.script}"></script>
${assets.preloads[name].map(one => html`<link rel="modulepreload" href="/assets/${one}">`)}`;
  return documentHtml({
    ...page,
    current: name,
    title: titleOf(page),
    head,
    root: html` data-page="${name}" data-subject="${subject}" data-kept="${kept}"`,
    account: accountLink(page),
    main: html`<main id="main" tabindex="-1" aria-busy="true"><h1 class="waiting">${titleOf(page)}</h1><p class="note" id="loading">${said(LOADING)}</p><noscript><p class="warn">${said(NO_SCRIPT)}</p></noscript></main>`,
  });
}

interface Whole extends Omit<Frame, 'style'> {
  readonly current?: PageName;
  readonly head: Html;
  /** Attributes of the root. */
  readonly root: Html;
  readonly account: Html;
}

function keptQuery({
  language,
  languageAsked,
  asPublic,
}: Pick<Page, 'language' | 'languageAsked' | 'asPublic'>): string {
  const keys = new URLSearchParams({ ...(languageAsked && { lang: language }), ...(asPublic && { as: 'public' }) });
  return keys.size > 0 ? `?${keys}` : '';
}

/** Right for who has signed in, too: the page behind it says so. A page that runs scripts makes more of it. */
const accountLink = (page: Frame | Page): Html =>
  html`<a id="account" class="button" href="/sign-in${keptQuery(page)}">${TITLES['sign-in'][page.language]}</a>`;

function documentHtml(whole: Whole): string {
  const { language, title, current, head, root, account, main } = whole;
  const said = (words: Words) => words[language];
  const kept = keptQuery(whole);
  const links = NAVIGATION.map(([target, path]) => {
    const attribute = target === current ? html` aria-current="page"` : html``;
    return html`<a href="${path}${kept}"${attribute}>${said(TITLES[target])}</a>`;
  });
  return html`<!doctype html>
<html lang="${language}"${root}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Enaga</title>
${head}
</head>
<body>
<a class="skip" href="#main">${said(SKIP)}</a>
<header><a class="mark" href="/${kept}">${new Html(BIRD_INLINE)}<span>Enaga</span></a>
<nav aria-label="Enaga">${links}</nav>
<div class="reader">${languageSwitch(whole)}${account}</div></header>
${main}
<footer><p>${said(FOOTER)}</p><p><a href="/api${kept}">API</a></p></footer>
</body>
</html>
`.markup;
}

function languageSwitch({ language, path, query }: Pick<Page, 'language' | 'path' | 'query'>): Html {
  const link = (target: Language, text: string) => {
    const parameters = new URLSearchParams(query);
    parameters.set('lang', target);
    const current = target === language ? html` aria-current="true"` : html``;
    return html`<a href="${path}?${parameters.toString()}" lang="${target}" hreflang="${target}"${current}>${text}</a>`;
  };
  const name = language === 'en' ? 'Language' : '言語';
  return html`<div class="switch" role="group" aria-label="${name}">${link('en', 'English')}${link('ja', '日本語')}</div>`;
}

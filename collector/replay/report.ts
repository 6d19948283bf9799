/**
 * Results as one self-contained HTML file: English and Japanese, switched by radio buttons that need no script, charts as
 * SVG drawn here, every word from outside escaped. The page may load nothing: its policy allows its own style and the one
 * script below, by its hash, which only picks the first language and keeps the page's `lang` right.
 *
 * Importing this module loads a DOM and the chart library (about a second): import it only where a report is wanted.
 */

import { createHash } from 'node:crypto';
// @ts-expect-error jsdom ships no types, and @types/jsdom would bring the whole DOM into a program that has none.
import { JSDOM } from 'jsdom';
import type { ChartDocument } from '../publish/charts/frame.ts';
import { both, Html, html } from '../publish/html.ts';
import { targetLabel } from '../publish/names.ts';
import { mainRun } from '../publish/series.ts';
import { totals } from '../publish/totals.ts';
import { count, dayRange, type Words } from '../publish/words.ts';
import type { DayResult, GeoSource, Results } from '../reduce/results.ts';
import { capturesHtml, damageHtml, methodHtml, type NotWhole, skippedHtml, staleHtml } from './report/method.ts';
import { countriesSection, kindsSection, packetsSection, portsSection } from './report/sections.ts';
import { STYLE } from './report/style.ts';
import { type Summed, summaryHtml } from './report/summary.ts';
import { daysTable, sourcesTable } from './report/tables.ts';
import { worldSection } from './report/world.ts';

export interface ReportOptions {
  /** Rows of the rankings. */
  top: number;
  /** The moment the report is made: databases are judged stale against it. */
  now: Date;
  /** IPv4 addresses of each country, as the geography has them. */
  allocated?: ReadonlyMap<string, number>;
  /** What was read, as it was named. */
  captures?: readonly string[];
  /** Those of them that could not be read, or not to their end. */
  failures?: readonly NotWhole[];
}

const SCRIPT = `(()=>{const ja=document.getElementById('ja'),root=document.documentElement,follow=()=>{root.lang=ja.checked?'ja':'en'};if((navigator.language||'').startsWith('ja'))ja.checked=true;document.querySelector('.switch').addEventListener('change',follow);follow()})()`;

const POLICY = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${createHash('sha256')
  .update(SCRIPT)
  .digest('base64')}'; base-uri 'none'; form-action 'none'`;

/** A long-tailed tit, which is what an enaga is. */
const BIRD = `<svg viewBox="0 0 64 64" aria-hidden="true"><path d="M36 30 59 3l4 3L43 38z" fill="var(--ink)"/><path d="M22 55v7m8-7v7" stroke="var(--ink)" stroke-width="2.5" stroke-linecap="round"/><ellipse cx="26" cy="37" rx="21" ry="20" fill="#fff" stroke="var(--ink)" stroke-width="2.5"/><path d="M27 34c8-6 17-5 20 1-1 8-7 13-15 13-1-6-2-10-5-14z" fill="var(--ink)"/><circle cx="16" cy="33" r="2.8" fill="#1d2023"/><path d="m7 37-5 2 5 2.5z" fill="var(--ink)"/></svg>`;

const header = (): Html => html`<header><div class="mark">${new Html(BIRD)}<span>Enaga</span></div>
<fieldset class="switch"><legend class="hidden">Language / 言語</legend><input type="radio" name="language" id="en" autocomplete="off" checked><label for="en" lang="en">English</label><input type="radio" name="language" id="ja" autocomplete="off"><label for="ja" lang="ja">日本語</label></fieldset></header>`;

function sourcesSection(results: Results, top: number): Html | undefined {
  if (results.days.every(day => day.topSources.length === 0)) return undefined;
  const several = results.days.length > 1;
  return html`<section><h2 id="sources">${both({ en: 'Busiest sources', ja: '送信パケット数の多い送信元' })}</h2><p class="note">${both(
    {
      en: several
        ? 'Packets add up the days on which an address was among the day’s busiest; ports are the most it touched in one day.'
        : 'Ports are the distinct targets an address sent to.',
      ja: several
        ? 'パケット数は、その日の上位に入った日の分の合計です。ポート数は、1日に接触した宛先ポートの種類の最大値です。'
        : 'ポート数は、その送信元が接触した宛先ポートの種類の数です。',
    },
  )}</p>${sourcesTable(results.days, top, 'sources')}</section>`;
}

const daysSection = ({ days }: Results): Html | undefined =>
  days.length > 1
    ? html`<section><h2 id="days">${both({ en: 'Day by day', ja: '日別' })}</h2>${daysTable(days, 'days')}</section>`
    : undefined;

function bodyHtml(results: Results, { top, now, allocated, captures = [], failures = [] }: ReportOptions): Html {
  const summed: Summed = {
    results,
    ports: totals(
      results.days,
      day => day.ports,
      row => targetLabel(row),
    ),
    countries: totals(
      results.days,
      day => day.countries,
      row => row.country,
    ),
  };
  const stale = staleHtml(results.geo, now);
  const [damage, read] = [damageHtml(failures), capturesHtml(captures)];
  if (results.days.length === 0)
    return html`${damage}${summaryHtml(summed)}${skippedHtml(results)}${read}${methodHtml(results)}${stale}`;
  const document: ChartDocument = new JSDOM('').window.document;
  const charted = mainRun(results.days);
  const source = sourceWords(results, results.days);
  const drawing = { ...summed, charted, top, document, source, chartedSource: sourceWords(results, charted) };
  return html`${damage}${summaryHtml(summed)}${packetsSection(drawing)}${portsSection(drawing)}${countriesSection(drawing, stale)}${worldSection(drawing, allocated)}
${kindsSection(drawing)}${sourcesSection(results, top)}${daysSection(results)}${skippedHtml(results)}${read}${methodHtml(results)}`;
}

/** Of all days, or those of them that are shown. Captures do not say how many sensors they are of. */
function sourceWords({ geo, records, days }: Results, shown: readonly DayResult[]): Words {
  const all = count(records);
  if (shown.length === days.length)
    return {
      en: `Enaga, ${all} packets of capture files, ${built(geo)}`,
      ja: `Enaga、キャプチャーファイルの${all}パケット、${built(geo)}`,
    };
  const range = dayRange(shown[0]!.date, shown.at(-1)!.date);
  const some = count(shown.reduce((sum, day) => sum + day.packets, 0));
  return {
    en: `Enaga, ${range.en} only: ${some} of ${all} packets of capture files, ${built(geo)}`,
    ja: `Enaga、${range.ja}のみ（キャプチャーファイルの${all}パケットのうち${some}パケット）、${built(geo)}`,
  };
}

const built = ({ name, built: date }: GeoSource): string => `${name} ${date}`;

/** The whole file. The same results, options and clock give the same bytes. */
export function renderReport(results: Results, options: ReportOptions): string {
  const dates = [...new Set([results.days[0]?.date, results.days.at(-1)?.date].filter(date => date !== undefined))];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Enaga ${dates.join(' – ')}</title>
<link rel="icon" href="data:,">
<style>${new Html(STYLE)}</style>
</head>
<body>
${header()}
<main>${bodyHtml(results, options)}</main>
<footer>${both({
    en: `Made by Enaga on ${options.now.toISOString().slice(0, 16).replace('T', ' ')} UTC from ${count(results.packets)} packets, with ${built(results.geo)}.`,
    ja: `Enagaにより${options.now.toISOString().slice(0, 16).replace('T', ' ')} UTCに作成（${count(results.packets)}パケット、${built(results.geo)}を使用）。`,
  })}</footer>
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`;
  return page.markup;
}

/** What the pages of trends share: who counted, how fresh it is, and charts of a table's busiest. */

import { DAY_MS } from '../../../../common/time.ts';
import { geoAgeDays, isStale } from '../../freshness.ts';
import { countryName } from '../../names.ts';
import type { Timeline } from '../../series.ts';
import { count, plural, type Words } from '../../words.ts';
import { isMember } from './api.ts';
import { h, language, say } from './dom.ts';
import { type FigureOptions, figure } from './figure.ts';
import type { SeriesRow, SubjectTable, TotalRow } from './rows.ts';
import { dateText, utcText } from './sentences.ts';
import { type Part, sensorsOf, timelineOf, type Undrawn, undrawnHours, withRest } from './timelines.ts';
import { seriesOfEach } from './trends.ts';
import type { View } from './view.ts';
import { daysBefore, type Latest, type Stretch } from './windows.ts';

export const OTHER: Words = { en: 'other', ja: 'その他' };

/** Days without anything before it is said aloud. */
const silentDaysMax = 1;
/** The public's days are late by design. */
const publicLateDays = 4;

export const labelWords = (table: SubjectTable | 'total', key: string): Words =>
  table === 'countries' ? countryName(key) : { en: key, ja: key };

/** Which days, whose view, and a word if nothing has come for long. */
export function whenLine({ date, partial, hourly, nowMs, untilMs = nowMs }: Latest): HTMLElement[] {
  const until = partial
    ? say({ en: `Up to ${utcText(untilMs, false)} UTC`, ja: `${utcText(untilMs, false)} UTC現在` })
    : say({ en: `Up to ${dateText(date)}, UTC`, ja: `${dateText(date)}まで（UTC）` });
  const whose = hourly
    ? say({ en: 'members’ view', ja: 'メンバー向け' })
    : say({ en: 'public view: whole days, late, rounded', ja: '公開データ：日単位・遅延公開・丸めた値' });
  const lines = [h('p', { class: 'when' }, until, h('span', { class: 'whose' }, whose))];
  const silentDays = Math.floor((nowMs - Date.parse(date)) / DAY_MS) - 1;
  if (silentDays > (hourly ? silentDaysMax : publicLateDays))
    lines.push(
      h(
        'p',
        { class: 'warn', role: 'status' },
        say({
          en: `Nothing has come since ${dateText(date)}: the figures below end there.`,
          ja: `${dateText(date)}以降のデータがありません。以下の数値は同日までのものです。`,
        }),
      ),
    );
  return lines;
}

/** Who counted: sensors, database, when. Written on every chart and into its files. */
export function sourceText(whole: readonly SeriesRow[], total: TotalRow | undefined, { nowMs }: Latest): string {
  const sensors = sensorsOf(whole);
  const whom =
    sensors === undefined
      ? ''
      : isMember()
        ? say({
            en: `mean of ${Number(sensors.toFixed(1))} sensors`,
            ja: `センサー${Number(sensors.toFixed(1))}台の平均`,
          })
        : say({ en: `mean of about ${Math.round(sensors)} sensors`, ja: `センサー約${Math.round(sensors)}台の平均` });
  const database = total === undefined ? '' : `${total.geo} ${total.built}`;
  const parts = ['Enaga', whom, database, `${utcText(nowMs, false)} UTC`].filter(part => part !== '');
  return parts.join(language === 'en' ? ', ' : '、');
}

/** Said where the figures by country are: a stale database makes them wrong. */
export function geoWarning(total: TotalRow | undefined, nowMs: number): HTMLElement | undefined {
  if (total === undefined) return undefined;
  const source = { name: total.geo, built: total.built };
  if (!isStale(source, new Date(nowMs))) return undefined;
  const age = count(geoAgeDays(source, new Date(nowMs))!);
  return h(
    'p',
    { class: 'warn' },
    say({
      en: `The country database is ${age} days old: figures by country may be wrong.`,
      ja: `国別データベースは作成から${age}日が経過しています。地域別の数値は正確でない可能性があります。`,
    }),
  );
}

const UNITS: Record<Stretch['step'], Record<View['count'], Words>> = {
  hour: {
    packets: { en: 'Mean packets per sensor and hour', ja: 'センサー1台・1時間あたりの平均パケット数' },
    sources: { en: 'Distinct sources an hour', ja: '1時間あたりの送信元アドレス数' },
  },
  day: {
    packets: { en: 'Mean packets per sensor and day', ja: 'センサー1台・1日あたりの平均パケット数' },
    sources: { en: 'Distinct sources a day', ja: '1日あたりの送信元アドレス数' },
  },
};

export const unitText = ({ step }: Stretch, { count: counted }: View): string => say(UNITS[step][counted]);

/** Series of chosen keys, all at once. */
export async function partsOf(
  table: SubjectTable,
  keys: readonly string[],
  stretch: Stretch,
  signal: AbortSignal,
): Promise<Part[]> {
  const rows = await seriesOfEach(table, keys, stretch, signal);
  return keys.map(key => ({ key, label: labelWords(table, key), rows: rows.get(key) ?? [] }));
}

/** Said of a chart in which hours fade, or that ends before what is counted does. */
export const hoursText = (timeline: Timeline, stretch: Stretch): string =>
  partialText(timeline) + undrawnText(undrawnHours(timeline, stretch));

function undrawnText(undrawn: Undrawn | undefined): string {
  if (undrawn === undefined) return '';
  if (undrawn.isBegun)
    return say({
      en: ' The hour that has just begun is not drawn yet.',
      ja: '始まったばかりの1時間は表示していません。',
    });
  const { hours } = undrawn;
  return say({
    en: ` The last ${hours === 1 ? 'hour is' : `${count(hours)} hours are`} not drawn: too few sensors watched ${hours === 1 ? 'it' : 'them'}.`,
    ja: `直近${count(hours)}時間は観測センサーが少ないため表示していません。`,
  });
}

const partialText = ({ partial }: Timeline): string => {
  const faded = partial?.filter(Boolean).length ?? 0;
  if (faded === 0) return '';
  return say({
    en: ` Faded: ${plural(faded, 'hour', 'hours')} that fewer sensors watched than usual.`,
    ja: `淡色の${count(faded)}時間は、観測したセンサーが通常より少ない時間帯です。`,
  });
};

export interface BusiestFigure extends Pick<FigureOptions, 'id' | 'title' | 'source'> {
  readonly view: View;
  readonly stretch: Stretch;
  readonly whole: readonly SeriesRow[];
  readonly parts: readonly Part[];
}

/** The busiest stacked with all others; sources, which do not add up, as lines. */
export function busiestFigure({ id, title, source, view, stretch, whole, parts }: BusiestFigure): HTMLElement {
  const timeline = timelineOf(whole, parts, stretch, view.count);
  const isStack = view.count === 'packets';
  const unit = unitText(stretch, view);
  const how = isStack
    ? say({ en: `stacked: the ${parts.length} busiest and all others`, ja: `積み上げ。上位${parts.length}とその他` })
    : say({ en: 'of the busiest; they do not add up', ja: '上位のみ。合計はできません' });
  return figure({
    id,
    title,
    caption: `${language === 'en' ? `${unit}, ${how}. UTC.` : `${unit}（${how}）。UTC。`}${hoursText(timeline, stretch)}`,
    source,
    timeline: isStack ? withRest(timeline, whole, OTHER) : timeline,
    kind: isStack ? 'stack' : 'lines',
  });
}

/** The last day that is over. */
export const wholeDay = ({ date, partial }: Latest): string => (partial ? daysBefore(date, 1) : date);

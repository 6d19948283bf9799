/** The report's sections with charts: packets over time, ports, countries, and what kind of traffic it was. */

import { DAY_MS } from '../../../common/time.ts';
import { type Bar, barsChart } from '../../publish/charts/bars.ts';
import type { ChartDocument } from '../../publish/charts/frame.ts';
import { linesChart } from '../../publish/charts/lines.ts';
import { stackChart } from '../../publish/charts/stack.ts';
import { both, type ContentWords, type Html, html } from '../../publish/html.ts';
import { exactSourcesMax, sourcesText } from '../../publish/names.ts';
import {
  classesTimeline,
  countriesTimeline,
  packetsTimeline,
  portsTimeline,
  type Timeline,
  toolsTimeline,
  withOther,
} from '../../publish/series.ts';
import { count, dayRange, plural, type Words } from '../../publish/words.ts';
import type { DayResult } from '../../reduce/results.ts';
import { figureHtml, scrolling, timelineTable } from './figures.ts';
import type { Summed } from './summary.ts';
import { countriesTable, portsTable } from './tables.ts';

export interface Drawing extends Summed {
  top: number;
  /** The days the charts over time show: all, or the main run of them. */
  charted: readonly DayResult[];
  /** What was counted, below every chart: of all days, and of those charted. */
  source: Words;
  chartedSource: Words;
  document: ChartDocument;
}

/** Series of a chart beside "other": ISDAS's and TSUBAME's number. */
const chartSeriesMax = 5;

const unitWords = ({ bucketMs }: Timeline): Words =>
  bucketMs === DAY_MS
    ? { en: 'Packets a day, UTC', ja: '1日あたりのパケット数（UTC）' }
    : { en: 'Packets an hour, UTC', ja: '1時間あたりのパケット数（UTC）' };

/** The unit, and the highest bucket in words: what the eye takes from the curve. */
function peakWords(timeline: Timeline): Words {
  const { starts, bucketMs, series } = timeline;
  const [{ values }] = series;
  const peak = values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
  const time = new Date(starts[peak]).toISOString();
  const when = bucketMs === DAY_MS ? time.slice(0, 10) : `${time.slice(0, 10)} ${time.slice(11, 16)}`;
  const unit = unitWords(timeline);
  return {
    en: `${unit.en}. Highest: ${count(values[peak])} on ${when}.`,
    ja: `${unit.ja}。最大は${when}の${count(values[peak])}パケット。`,
  };
}

/** Says which days the charts over time leave to the tables, where they leave any. */
function leftOut({ results: { days }, charted }: Drawing): Html | undefined {
  const left = days.length - charted.length;
  if (left === 0) return undefined;
  const range = dayRange(charted[0].date, charted.at(-1)!.date);
  return html`<p class="warn">${both({
    en: `Charts over time show ${range.en} only. ${plural(left, 'day', 'days')} far from it, perhaps of a wrong clock, ${left === 1 ? 'is' : 'are'} in the tables and the map.`,
    ja: `推移のグラフは${range.ja}のみを示します。大きく離れた${count(left)}日分（時計の誤りの可能性があります）は表と地図に含まれます。`,
  })}</p>`;
}

export function packetsSection(drawing: Drawing): Html {
  const { charted, chartedSource, document } = drawing;
  const timeline = packetsTimeline(charted);
  const figure = figureHtml(
    {
      id: 'packets-chart',
      titleId: 'packets',
      caption: peakWords(timeline),
      source: chartedSource,
      size: 'full',
      draw: canvas => stackChart(timeline, { ...canvas, height: canvas.height * 0.8 }),
      table: timelineTable(timeline, 'packets'),
    },
    document,
  );
  return html`<section><h2 id="packets">${both({ en: 'Packets over time', ja: 'パケット数の推移' })}</h2>${leftOut(drawing)}${figure}</section>`;
}

interface RankedSection {
  id: string;
  title: Words;
  timeline: Timeline;
  charted: readonly DayResult[];
  source: Words;
  document: ChartDocument;
  table: Html;
  warning?: Html;
}

function rankedSection({ id, title, timeline, charted, source, document, table, warning }: RankedSection): Html {
  const stacked = withOther(timeline, packetsTimeline(charted), chartSeriesMax);
  const unit = unitWords(timeline);
  const figure = figureHtml(
    {
      id: `${id}-chart`,
      titleId: id,
      caption: {
        en: `${unit.en}, stacked: the top ${stacked.series.length - (stacked.series.at(-1)?.key === 'other' ? 1 : 0)} and all others.`,
        ja: `${unit.ja}、積み上げ。上位${stacked.series.length - (stacked.series.at(-1)?.key === 'other' ? 1 : 0)}とその他。`,
      },
      source,
      size: 'full',
      draw: canvas => stackChart(stacked, canvas),
      table: timelineTable(stacked, id),
    },
    document,
  );
  return html`<section><h2 id="${id}">${both(title)}</h2>${warning}${figure}${table}</section>`;
}

export function portsSection({ results, charted, chartedSource, ports, top, document }: Drawing): Html {
  const labels = ports.slice(0, Math.max(top, chartSeriesMax)).map(({ key }) => key);
  const timeline = portsTimeline(charted, labels);
  return rankedSection({
    id: 'ports',
    title: { en: 'Destination ports', ja: '宛先ポート' },
    timeline,
    charted,
    source: chartedSource,
    document,
    table: portsTable({
      titleId: 'ports',
      totals: ports,
      timeline,
      days: results.days.length,
      packets: results.records,
    }),
  });
}

export function countriesSection(
  { results, charted, chartedSource, countries, top, document }: Drawing,
  warning?: Html,
): Html {
  const codes = countries.slice(0, Math.max(top, chartSeriesMax)).map(({ key }) => key);
  const timeline = countriesTimeline(charted, codes);
  return rankedSection({
    id: 'countries',
    title: { en: 'Source countries', ja: '送信元地域' },
    timeline,
    charted,
    source: chartedSource,
    document,
    warning,
    table: countriesTable({
      titleId: 'countries',
      totals: countries,
      timeline,
      days: results.days.length,
      packets: results.records,
    }),
  });
}

interface Kind {
  id: string;
  title: Words;
  /** By day: where several are charted a chart over time, else bars. */
  timelineOf: (days: readonly DayResult[]) => Timeline;
  over: 'stack' | 'lines';
  size: 'full' | 'half';
  /** One value of all days', for a bar. */
  joined: (values: readonly number[]) => number;
  textOf: (value: number) => string;
  caption: { overTime: Words; oneDay: Words; allDays: Words };
}

function kindFigure(
  { id, title, timelineOf, over, size, joined, textOf, caption }: Kind,
  { results: { days }, charted, source, chartedSource, document }: Drawing,
): Html {
  const isBars = charted.length === 1;
  // Bars have room for the days that would stretch a chart over time.
  const timeline = timelineOf(isBars ? days : charted);
  const bars = timeline.series.map(({ key, label, values }): Bar => {
    const value = joined(values);
    return { key, label, value, text: textOf(value) };
  });
  const words: ContentWords = isBars ? (days.length === 1 ? caption.oneDay : caption.allDays) : caption.overTime;
  const figure = figureHtml(
    {
      id: `${id}-chart`,
      titleId: id,
      caption: words,
      source: isBars ? source : chartedSource,
      size,
      draw: canvas =>
        isBars
          ? barsChart(bars, canvas)
          : over === 'stack'
            ? stackChart(timeline, canvas)
            : linesChart(timeline, canvas),
      table: isBars ? barsTable(bars, id) : timelineTable(timeline, id),
    },
    document,
  );
  return html`<div><h3 id="${id}">${both(title)}</h3>${figure}</div>`;
}

const barsTable = (bars: readonly Bar[], titleId: string): Html =>
  scrolling(
    html`<table><tbody>${bars.map(
      ({ label, text }) => html`<tr><th scope="row">${both(label)}</th><td class="n">${text}</td></tr>`,
    )}</tbody></table>`,
    titleId,
  );

const PACKETS_CAPTION = {
  overTime: { en: 'Packets a day, UTC', ja: '1日あたりのパケット数（UTC）' },
  oneDay: { en: 'Packets', ja: 'パケット数' },
  allDays: { en: 'Packets of all days', ja: '全日のパケット数' },
};

const CONFIRMED_CAPTION = {
  overTime: {
    en: `Confirmed sources a day, UTC; above ${count(exactSourcesMax)} estimated`,
    ja: `1日あたりの確認済み送信元数（UTC）。${count(exactSourcesMax)}超は推定値`,
  },
  oneDay: { en: 'Confirmed sources', ja: '確認済み送信元数' },
  allDays: {
    en: 'Confirmed sources, of each tool on the day it had most',
    ja: '確認済み送信元数（ツールごとに最も多かった日の値）',
  },
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
/** Sources of different days cannot be added. */
const most = (values: readonly number[]): number => values.reduce((best, value) => Math.max(best, value), 0);

/** Tools by packets and by confirmed sources, and the classes. */
export function kindsSection(drawing: Drawing): Html {
  const tools = [
    kindFigure(
      {
        id: 'tool-packets',
        title: { en: 'Packets with a tool’s mark', ja: 'ツールの特徴をもつパケット' },
        timelineOf: days => toolsTimeline(days, 'packets'),
        over: 'lines',
        size: 'half',
        joined: sum,
        textOf: count,
        caption: PACKETS_CAPTION,
      },
      drawing,
    ),
    kindFigure(
      {
        id: 'tool-sources',
        title: { en: 'Sources using a tool', ja: 'ツールを使う送信元' },
        timelineOf: days => toolsTimeline(days, 'sources'),
        over: 'lines',
        size: 'half',
        joined: most,
        textOf: sourcesText,
        caption: CONFIRMED_CAPTION,
      },
      drawing,
    ),
  ];
  const classes = kindFigure(
    {
      id: 'classes',
      title: { en: 'Scan, backscatter, other', ja: 'スキャン、バックスキャッター、その他' },
      timelineOf: classesTimeline,
      over: 'stack',
      size: 'full',
      joined: sum,
      textOf: count,
      caption: PACKETS_CAPTION,
    },
    drawing,
  );
  return html`<section><h2>${both({ en: 'Tools and classes', ja: 'ツールと分類' })}</h2><div class="pair">${tools}</div><div class="after">${classes}</div></section>`;
}
